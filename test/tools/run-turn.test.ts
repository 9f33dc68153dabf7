import { describe, expect, it } from 'vitest';
import { createChatDecoder } from '../../src/core/chat-decode.js';
import { startConversation, withMessage } from '../../src/core/chat.js';
import type { ChatEvent, ChatRequest } from '../../src/core/chat.js';
import { OllamaError } from '../../src/core/errors.js';
import type { ToolCall } from '../../src/core/wire.js';
import { MOST_ROUNDS, runTurn, type TurnOptions, type TurnOutcome } from '../../src/tools/run-turn.js';
import type { Approve, Toolbox } from '../../src/tools/toolbox.js';
import type { TurnEvent } from '../../src/tools/turn.js';
import { bodyOf, readRecording } from '../sandbox/lab.js';

const METRICS = {
  ...{ prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, tokens_per_second: 1 },
  ...{ time_to_first_token_ms: 1, load_ms: 1, total_ms: 1 },
};
const DONE: ChatEvent = { type: 'done', reason: 'stop', metrics: METRICS };
const token = (text: string): ChatEvent => ({ type: 'token', text });
const call = (name: string, given: Record<string, unknown> = {}, id?: string): ChatEvent => ({
  type: 'tool_call',
  call: { ...(id === undefined ? {} : { id }), function: { name, arguments: given } },
});

/** A server that gives one answer after the other, the last one for ever. */
function answering(...answers: readonly (readonly ChatEvent[])[]) {
  const requests: ChatRequest[] = [];
  return {
    requests,
    async *chatBatches(request: ChatRequest) {
      requests.push(request);
      for (const event of answers[Math.min(requests.length, answers.length) - 1] ?? []) yield [event];
    },
  };
}

/** A toolbox of one function, `echo`. */
function echoing(
  work: (call: ToolCall, signal: AbortSignal) => Promise<string> = async (asked) =>
    JSON.stringify(asked.function.arguments),
): Toolbox & { readonly called: ToolCall[] } {
  const called: ToolCall[] = [];
  return {
    called,
    definitions: [{ type: 'function', function: { name: 'echo', parameters: { type: 'object' } } }],
    describe: (name) => (name === 'echo' ? { server: 'test', description: 'Says it again.' } : undefined),
    call: async (asked, signal) => {
      called.push(asked);
      return { text: await work(asked, signal), isError: false, ms: 1 };
    },
    close: async () => undefined,
  };
}

const allow: Approve = async () => ({ allowed: true });

async function take(
  client: Parameters<typeof runTurn>[0],
  options: Partial<TurnOptions> = {},
): Promise<{ events: TurnEvent[]; outcome: TurnOutcome }> {
  const conversation = withMessage(startConversation('m'), { role: 'user', content: 'hi' });
  const turn = runTurn(client, conversation, {
    signal: new AbortController().signal,
    approve: allow,
    ...options,
  });
  const events: TurnEvent[] = [];
  for (;;) {
    const step = await turn.next();
    if (step.done === true) return { events, outcome: step.value };
    events.push(...step.value);
  }
}

describe('a turn', () => {
  it('without calls is one answer', async () => {
    const client = answering([token('he'), token('llo'), DONE]);
    const { events, outcome } = await take(client);
    expect(events).toEqual([token('he'), token('llo'), DONE]);
    expect(outcome.messages).toEqual([{ role: 'assistant', content: 'hello' }]);
    expect(outcome.answer).toMatchObject({ phase: 'done', content: 'hello' });
    expect(client.requests[0]).toMatchObject({ truncate: false, shift: false });
    expect(client.requests[0]).not.toHaveProperty('tools');
  });

  it('calls what the model asks for, tells it the results, and asks again', async () => {
    const client = answering(
      [call('echo', { city: 'Rome' }, 'call_1'), call('echo', { city: 'Oslo' }), DONE],
      [token('Sunny.'), DONE],
    );
    const toolbox = echoing();
    const { events, outcome } = await take(client, { toolbox });
    expect(events.map(({ type }) => type)).toEqual([
      ...['tool_call', 'tool_call', 'done', 'tool_result', 'tool_result', 'token', 'done'],
    ]);
    expect(outcome.messages).toMatchObject([
      { role: 'assistant', content: '', tool_calls: [{ id: 'call_1' }, { function: { name: 'echo' } }] },
      { role: 'tool', tool_name: 'echo', tool_call_id: 'call_1', content: '{"city":"Rome"}' },
      { role: 'tool', tool_name: 'echo', content: '{"city":"Oslo"}' },
      { role: 'assistant', content: 'Sunny.' },
    ]);
    expect(outcome.messages[2]).not.toHaveProperty('tool_call_id');
    expect(client.requests[0]?.tools).toEqual(toolbox.definitions);
    expect(client.requests[1]?.messages).toEqual([
      { role: 'user', content: 'hi' },
      ...outcome.messages.slice(0, 3),
    ]);
  });

  it('without a toolbox ends with the calls', async () => {
    const client = answering([call('echo'), DONE]);
    const { outcome } = await take(client);
    expect(client.requests).toHaveLength(1);
    expect(outcome.messages).toMatchObject([{ role: 'assistant', tool_calls: [{}] }]);
  });

  it('lets the server cut only where that was asked for', async () => {
    const client = answering([DONE]);
    await take(client, { truncate: true });
    expect(client.requests[0]).toMatchObject({ truncate: true, shift: true });
  });

  it.each([
    ['a function that is not there', 'other', allow, /no function "other".*echo/],
    [
      'a call that is refused',
      'echo',
      async () => ({ allowed: false, why: 'not today.' }),
      /^Not called: not today\.$/,
    ],
    ['a call that nobody can allow', 'echo', undefined, /^Not called: nobody/],
  ] as const)('tells the model of %s', async (_what, name, approve, words) => {
    const toolbox = echoing();
    const client = answering([call(name), DONE], [token('Pity.'), DONE]);
    const { outcome, events } = await take(client, { toolbox, approve });
    expect(toolbox.called).toEqual([]);
    expect(outcome.messages[1]?.content).toMatch(words);
    expect(events.find(({ type }) => type === 'tool_result')).toMatchObject({ result: { isError: true } });
    expect(outcome.answer.content).toBe('Pity.');
  });

  it('ends a model that calls for ever, and asks it for an answer without functions', async () => {
    const client = answering([call('echo'), DONE]);
    const toolbox = echoing();
    const { outcome } = await take(client, { toolbox });
    expect(toolbox.called).toHaveLength(MOST_ROUNDS);
    expect(client.requests).toHaveLength(MOST_ROUNDS + 2);
    expect(client.requests.at(-1)).not.toHaveProperty('tools');
    expect(outcome.messages.at(-2)?.content).toContain(String(MOST_ROUNDS));
  });

  it('keeps of an answer that broke off its text, and not its calls', async () => {
    const error = new OllamaError('stream_cut', 'cut');
    const broken: ChatEvent = { type: 'error', error };
    const { outcome } = await take(answering([token('Half'), call('echo'), broken]), { toolbox: echoing() });
    expect(outcome.messages).toEqual([{ role: 'assistant', content: 'Half' }]);
    expect(outcome.answer.error).toBe(error);
    expect((await take(answering([token(' \n'), broken]))).outcome.messages).toEqual([]);
  });

  it('keeps calls and results where the answer that follows them fails', async () => {
    const broken: ChatEvent = { type: 'error', error: new OllamaError('server_error', 'no') };
    const { outcome } = await take(answering([call('echo'), DONE], [broken]), { toolbox: echoing() });
    expect(outcome.messages.map(({ role }) => role)).toEqual(['assistant', 'tool']);
    expect(outcome.answer.phase).toBe('failed');
  });

  it.each(['approve', 'call'] as const)('ends at once when it is stopped during %s', async (during) => {
    const stop = new AbortController();
    const hang = async (): Promise<never> => {
      stop.abort();
      return await new Promise<never>(() => undefined);
    };
    const client = answering([call('echo'), call('echo'), DONE]);
    const { outcome, events } = await take(client, {
      signal: stop.signal,
      toolbox: echoing(hang),
      approve:
        during === 'call'
          ? allow
          : async () => {
              stop.abort();
              return { allowed: true };
            },
    });
    expect(client.requests).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'interrupted' } });
    // Each call has its result: a conversation with one that has none can't go on.
    expect(outcome.messages.map(({ role }) => role)).toEqual(['assistant', 'tool', 'tool']);
    expect(outcome.answer.error?.code).toBe('interrupted');
  });

  it('ends where the person turns away from the question: nothing more is called or asked', async () => {
    const asked: ToolCall[] = [];
    const approve: Approve = async (one) => {
      asked.push(one);
      return { allowed: false, why: 'enough.', stops: true };
    };
    const client = answering([call('echo'), call('echo'), DONE]);
    const toolbox = echoing();
    const { outcome, events } = await take(client, { toolbox, approve });
    expect(asked).toHaveLength(1);
    expect(toolbox.called).toEqual([]);
    expect(client.requests).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'interrupted' } });
    expect(outcome.messages.map(({ role }) => role)).toEqual(['assistant', 'tool', 'tool']);
  });

  it('plays the recorded calls of a real server', async () => {
    const replay = (label: string): ChatEvent[] => {
      const decoder = createChatDecoder({ host: 'h', model: 'm' }, () => 0);
      const events: ChatEvent[] = [];
      for (const line of bodyOf(readRecording('0.24.0', label)).trim().split('\n')) {
        decoder.take(JSON.parse(line), events);
      }
      return events;
    };
    const client = answering(replay('chat-tools'), replay('chat-tools-result'));
    const toolbox = { ...echoing(), describe: () => ({ server: 's', description: '' }) };
    const { outcome } = await take(client, { toolbox });
    expect(outcome.messages).toMatchObject([
      { tool_calls: [{ id: 'call_31k5xvcy', function: { name: 'get_time', arguments: { city: 'Rome' } } }] },
      { role: 'tool', tool_name: 'get_time', tool_call_id: 'call_31k5xvcy' },
      { role: 'assistant', content: '0\ntime: 12:' },
    ]);
  });
});
