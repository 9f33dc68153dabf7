import { startConversation, type Conversation } from '../core/chat.js';
import type { Io } from '../io.js';
import type { Recorder, SessionEntryBody } from '../sessions/entry.js';
import type { Session } from '../sessions/fold.js';
import { openRecorder } from '../sessions/recorder.js';
import type { Stage } from './stage.js';
import { recordSettings, type Talk } from './talk.js';

/** Opens the file of a conversation, which is told where it comes to be kept in another one. */
export function openKept(
  io: Io,
  stage: Pick<Stage, 'show'>,
  {
    resumed,
    ...start
  }: { readonly host: string; readonly model: string; readonly resumed?: Session | undefined },
): Recorder {
  return openRecorder(io, {
    ...start,
    ...(resumed === undefined ? {} : { resumed }),
    onCopy(id) {
      const text = `This conversation is open elsewhere too, or its file is gone: from here on it is kept as ${id}.`;
      stage.show({ kind: 'warning', text });
    },
  });
}

/** The entries that tell of a conversation as it stands, for a file that begins with them. */
export function retellTalk({ conversation, lastEnd }: Talk): SessionEntryBody[] {
  const { model, system = null, options, think = null, messages } = conversation;
  return [
    { type: 'settings', system, options, think },
    ...messages.map((message, index) => ({
      type: 'message' as const,
      message,
      ...(message.role === 'assistant' ? { model } : {}),
      ...(lastEnd === 'cut' && message.role === 'assistant' && index === messages.length - 1
        ? { stopped: true as const }
        : {}),
    })),
  ];
}

/** Keeps in what a conversation differs from the one that its file tells of, or from one without any settings. */
export function recordBeginning(talk: Talk, kept: Conversation | undefined): void {
  const { conversation: now } = talk;
  const before = kept ?? startConversation(now.model);
  recordSettings(talk, {
    ...(now.model === before.model ? {} : { model: now.model }),
    ...(now.system === before.system ? {} : { system: now.system }),
    ...(JSON.stringify(now.options) === JSON.stringify(before.options) ? {} : { options: now.options }),
    ...(now.think === before.think ? {} : { think: now.think }),
  });
}
