import { isStep, type Answerer } from '../chat/answering.js';
import type { Context } from '../context.js';
import type { Conversation } from '../core/chat.js';
import { cleanLine } from '../format/clean.js';
import type { Recorder, SessionEntryBody } from '../sessions/entry.js';
import type { Session } from '../sessions/fold.js';
import type { TurnOutcome } from '../tools/run-turn.js';
import type { TurnEvent } from '../tools/turn.js';

/** Keeps a turn of one answer among the conversations. */
export interface TurnKeeper {
  /** Loads what keeping takes, while there is time. */
  prepare(): void;
  /** What has come. */
  watch(events: readonly TurnEvent[]): void;
  /** What it came to; resolves when that is kept, and says on stderr where it could not be. */
  settle(outcome: TurnOutcome, answerer?: Answerer): Promise<void>;
}

/**
 * Keeps the last message of a conversation and what is answered. The first piece of it begins that: a question that
 * nobody answered is not kept.
 */
export function openTurnKeeper(
  { io, client, settings }: Context,
  {
    conversation,
    ...start
  }: { readonly conversation: Conversation; readonly id?: string; readonly resumed?: Session },
): TurnKeeper {
  let opened: Promise<Recorder | undefined> | undefined;
  let hasCome = false;

  async function open(): Promise<Recorder | undefined> {
    const { keepsSessions } = await import('../models/usage.js');
    if (!keepsSessions(io, settings)) return undefined;
    const { openRecorder } = await import('../sessions/recorder.js');
    const { model } = conversation;
    const onCopy = (other: string): void => {
      const why = 'this conversation is open elsewhere too, or its file is gone';
      io.stderr.write(`warning: ${why}: it is kept as ${other}.\n`);
    };
    const recorder = openRecorder(io, { ...start, host: client.host.url, model, onCopy });
    const change = changedSettings(conversation, start.resumed?.conversation);
    if (change) recorder.record(change);
    const message = conversation.messages.at(-1);
    if (message) recorder.record({ type: 'message', message });
    return recorder;
  }

  return {
    prepare() {
      import('../sessions/recorder.js').catch(() => undefined);
    },
    watch(events) {
      let content = '';
      let thinking = '';
      for (const event of events) {
        if (event.type === 'token') content += event.text;
        else if (event.type === 'thinking') thinking += event.text;
      }
      if (events.every((event) => event.type === 'error' || isStep(event))) return;
      hasCome = true;
      // Nothing of it is left to come: all of it is kept in one go when the turn is settled.
      if (events.at(-1)?.type === 'done') return;
      opened ??= open();
      // What fails is told when the turn is settled.
      opened.then((recorder) => recorder?.delta(content, thinking)).catch(() => undefined);
    },
    async settle({ messages, answer }, answerer) {
      if (!hasCome) return;
      let problem: unknown;
      try {
        const recorder = await (opened ?? open());
        if (recorder === undefined) return;
        for (const [index, message] of messages.entries()) {
          const isLast = index === messages.length - 1;
          recorder.record({
            type: 'message',
            message,
            ...(message.role === 'assistant' ? tellAnswerer(conversation, answerer) : {}),
            ...(isLast && answer.metrics ? { metrics: answer.metrics } : {}),
            ...(isLast && answer.phase !== 'done' ? { stopped: true as const } : {}),
          });
        }
        problem = await recorder.flush();
      } catch (error) {
        problem = error;
      }
      if (problem === undefined) return;
      const why = problem instanceof Error ? problem.message : 'its file fails';
      io.stderr.write(`warning: this conversation is not kept: ${cleanLine(why)}\n`);
    },
  };
}

/** The model of an answer, and who gave it where that is not the host in force. */
function tellAnswerer({ model }: Conversation, answerer: Answerer | undefined) {
  if (answerer === undefined || answerer.isHost) return { model: answerer?.model ?? model };
  return { model: answerer.model, provider: answerer.name };
}

/** What of a conversation's settings is not as the kept one had it; undefined where nothing is. */
function changedSettings(
  { model, system, options, think }: Conversation,
  kept: Conversation | undefined,
): SessionEntryBody | undefined {
  const isSame =
    kept !== undefined &&
    kept.model === model &&
    kept.system === system &&
    kept.think === think &&
    JSON.stringify(kept.options) === JSON.stringify(options);
  const isPlain = system === undefined && think === undefined && Object.keys(options).length === 0;
  if (isSame || (kept === undefined && isPlain)) return undefined;
  return { type: 'settings', model, system: system ?? null, options, think: think ?? null };
}
