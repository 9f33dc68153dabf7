import type { Outlet } from './outlet.js';

/** Tells an answer as the events of `chat --json`; `result` and `error` are written by whoever knows the outcome. */
export function openJsonOutlet(
  write: (event: object) => Promise<void>,
  { tell, thinking }: { readonly tell: (text: string) => void; readonly thinking: boolean },
): Outlet {
  return {
    async take(events) {
      for (const event of events) {
        switch (event.type) {
          case 'thinking':
            if (thinking) await write({ type: 'thinking', text: event.text });
            break;
          case 'token':
            await write({ type: 'token', text: event.text });
            break;
          case 'tool_call': {
            const { name, arguments: given } = event.call.function;
            await write({ type: 'tool_call', name, arguments: given });
            break;
          }
          case 'tool_result': {
            const { text: content, isError } = event.result;
            const { name } = event.call.function;
            await write({ type: 'tool_result', name, content, is_error: isError });
            break;
          }
          case 'provider': {
            const { name, model, reason } = event;
            await write({ type: 'provider', name, model, reason });
            break;
          }
          case 'done':
          case 'error':
        }
      }
    },
    note: async (text) => await Promise.resolve(tell(text)),
    end: async () => await Promise.resolve(),
  };
}
