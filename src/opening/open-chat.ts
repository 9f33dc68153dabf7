import path from 'node:path';
import { stateDir } from '../config/paths.js';
import type { Context } from '../context.js';
import type { OllamaError } from '../core/errors.js';
import { relay, type Relay } from '../core/time-limit.js';
import { openLook } from '../output/look.js';
import type { Recorder } from '../sessions/entry.js';
import type { ChatFlags } from './chat-flags.js';
import { openAhead, openMend } from './mend.js';
import { openTools } from './open-tools.js';
import { beginConversation, type Opening } from './opening.js';
import type { Stage } from '../chat/stage.js';

/**
 * The conversation in a terminal, until the person leaves. A missing model, and a server that is down, are told, or
 * mended, before the person types.
 */
export async function openChat(
  opening: Opening,
  model: string,
  format: unknown,
  flags: ChatFlags,
): Promise<void> {
  const { context, resumed, answering } = opening;
  const { io, client, settings } = context;
  const mend = openMend(context, model, flags);
  const ahead = openAhead(mend, answering);
  // Where others stand behind, the first question finds out who answers it.
  if (answering === undefined)
    await ahead(async () => void (await client.show(model, { signal: io.signal })));
  // A server that is down has been told by now; all else that is worth knowing is for those who look closer.
  if (context.flags.debug === true) await (await import('../health/look.js')).lookAtServer(context);
  const conversation = beginConversation(opening, model, format);
  const tell = ({ message }: OllamaError): void => void io.stderr.write(`warning: ${message}\n`);
  const toolbox = await openTools(context, model, flags.mcp ?? [], ahead, tell);
  try {
    const { startDialogue } = await import('../chat/dialogue.js');
    const { keepsHistory } = await import('../models/usage.js');
    const keep = await readyToKeep(context, opening, model, flags);
    // Without redraws for a screen reader, and where the cursor can't be moved.
    const runView =
      context.mode === 'tty'
        ? (await import('../views/chat.js')).runChat
        : (await import('../views/chat-plain.js')).runPlainChat;
    const { styles, symbols, unicode, level } = await openLook(io, io.stdout, settings);
    await runView({
      io,
      look: { styles, symbols, unicode, level },
      keys: settings.keys,
      markdown: settings.markdown,
      ...(keepsHistory(io, settings) && flags.ephemeral !== true
        ? { historyFile: path.join(stateDir(io.env, io.platform), 'history') }
        : {}),
      open: (shown) => {
        const stage = flags.hideThinking === true ? withoutThoughts(shown) : shown;
        const pull = openPulling(context, stage);
        const dialogue = startDialogue(context, {
          conversation,
          stage,
          warmUp: settings.warm_up,
          truncate: flags.truncate === true,
          allowedTools: flags.allowTool ?? [],
          recorder: keep?.(stage),
          ...(toolbox === undefined ? {} : { toolbox }),
          ...(resumed === undefined ? {} : { resumed }),
          answering,
          pull: pull.pull,
        });
        return {
          ...dialogue,
          stop() {
            pull.stop();
            dialogue.stop();
          },
        };
      },
    });
  } finally {
    await toolbox?.close();
  }
}

/** The stage, on which nothing is seen of what a model thinks. */
function withoutThoughts(stage: Stage): Stage {
  return {
    ...stage,
    show: (block) => {
      if (block.kind !== 'thought') stage.show(block);
    },
    receive: (events) => stage.receive(events.filter(({ type }) => type !== 'thinking')),
  };
}

/** Pulls while a person talks: the pull draws by itself, and Ctrl-C ends it and nothing else. */
function openPulling(context: Context, stage: Stage) {
  let going: Relay | undefined;
  return {
    stop: (): void => going?.abort('interrupted'),
    async pull(model: string): Promise<boolean> {
      const { pullMissing } = await import('./pull-missing.js');
      const limit = relay(context.io.signal);
      going = limit;
      try {
        // The dialogue has asked already.
        return await stage.lend(async () => await pullMissing(context, model, true, limit.signal));
      } catch (error) {
        if (limit.signal.aborted) return false;
        throw error;
      } finally {
        going = undefined;
        limit.release();
      }
    },
  };
}

/** What opens the file of the conversation, once there is a stage to tell of it; undefined where none is kept. */
async function readyToKeep(
  { io, client, settings }: Context,
  { resumed }: Opening,
  model: string,
  flags: ChatFlags,
): Promise<((stage: Stage) => Recorder) | undefined> {
  const { keepsSessions } = await import('../models/usage.js');
  if (flags.ephemeral === true || !keepsSessions(io, settings)) return undefined;
  const { openKept } = await import('../chat/keep-talk.js');
  return (stage) => openKept(io, stage, { host: client.host.url, model, resumed });
}
