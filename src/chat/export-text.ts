import { exportJson, exportMarkdown } from '../sessions/export.js';
import { foldSession, type Session } from '../sessions/fold.js';
import { readSession } from '../sessions/store.js';
import { isOllamaError } from '../core/errors.js';
import { retellTalk } from './keep-talk.js';
import type { Talk } from './talk.js';

/** The conversation as it is kept, with its times and numbers; one that is not kept, as it is remembered. */
async function findSession(talk: Talk): Promise<Session> {
  const { recorder, context } = talk;
  if (recorder !== undefined) {
    await recorder.flush();
    try {
      return await readSession(context.io, recorder.id);
    } catch (error) {
      // Its file could not be written, which was told then.
      if (!isOllamaError(error)) throw error;
    }
  }
  const { io, client } = context;
  const at = new Date(io.now()).toISOString();
  const id = recorder?.id ?? 'ephemeral';
  const head = { type: 'session', schema_version: 1, id, at, host: client.host.url } as const;
  const entries = retellTalk(talk).map((entry) => ({ ...entry, at }));
  return foldSession(id, [{ ...head, model: talk.conversation.model }, ...entries]);
}

/** The text of a conversation's file. */
export async function exportText(talk: Talk, format: 'md' | 'json'): Promise<string> {
  const session = await findSession(talk);
  return format === 'md' ? exportMarkdown(session) : exportJson(session);
}
