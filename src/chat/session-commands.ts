import { checkAllowed } from '../consent.js';
import { isOllamaError, OllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';
import { formatAge } from '../format/age.js';
import { cleanLine } from '../format/clean.js';
import type { Session } from '../sessions/fold.js';
import { openTruncationGuard } from './context-guard.js';
import { openKept, retellTalk } from './keep-talk.js';
import { showHeader, switchModel } from './models.js';
import { showLastTurns } from './show-turns.js';
import { EMPTY_TALLY } from './stats.js';
import { tell, watchRecorder, type Talk } from './talk.js';
import { tellFailure } from './turn-failure.js';

const MOST_LISTED = 10;

/** `/save`: gives the kept conversation a name; one that was not kept is kept from now on, with all that was said. */
export async function saveTalk(talk: Talk, title: string | undefined): Promise<void> {
  const { io, client } = talk.context;
  const { conversation } = talk;
  const isNew = talk.recorder === undefined;
  if (talk.recorder === undefined) {
    talk.recorder = openKept(io, talk.stage, { host: client.host.url, model: conversation.model });
    for (const entry of retellTalk(talk)) talk.recorder.record(entry);
  }
  if (title !== undefined) talk.recorder.record({ type: 'title', title });
  await watchRecorder(talk);
  const { id } = talk.recorder;
  const named = title === undefined ? '' : ` as "${title}"`;
  if (conversation.messages.length === 0) return tell(talk, `Kept${named} once something is said: ${id}.`);
  const word = title === undefined ? id : await findWord(talk, title, id);
  tell(talk, `${isNew ? 'Kept from now on' : 'Kept'}${named}: /load ${word} goes on with it.`);
}

/** What names a kept conversation: its title, where no other one is meant by it. */
async function findWord({ context }: Talk, title: string, id: string): Promise<string> {
  const { findSession } = await import('../sessions/store.js');
  const found = await findSession(context.io, title).catch(() => undefined);
  return found === id ? title : id;
}

/** `/load`: another kept conversation takes this one's place; what is no conversation may be a model, as in Ollama's chat. */
export async function loadTalk(talk: Talk, name: string, signal: AbortSignal): Promise<void> {
  const { io, client } = talk.context;
  const { readSession } = await import('../sessions/store.js');
  let session: Session;
  // It may be this very one that is meant.
  await watchRecorder(talk);
  try {
    session = await readSession(io, name);
  } catch (error) {
    if (!isOllamaError(error) || error.code !== 'session_not_found') throw error;
    const models = await client.fetchModels({ signal }).catch(() => []);
    const model = models.find((one) => sameModel(one, name));
    if (model === undefined) return tellFailure(talk, withoutShell(error));
    return await switchModel(talk, model, signal);
  }
  checkAllowed(talk.context, session.model);
  takeUp(talk, session);
}

/** In the chat `/sessions` lists them. */
function withoutShell(error: OllamaError): OllamaError {
  const hint = error.hint?.startsWith('ollama-cli ') === true ? '/sessions lists them' : error.hint;
  return new OllamaError(error.code, error.message, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

function takeUp(talk: Talk, session: Session): void {
  const { io, client } = talk.context;
  const { conversation, model } = session;
  if (talk.recorder !== undefined) {
    talk.recorder = openKept(io, talk.stage, { host: client.host.url, model, resumed: session });
  }
  const { format, keepAlive, tools } = talk.conversation;
  talk.conversation = { ...conversation, format, keepAlive, tools };
  talk.loadedWindow = undefined;
  talk.lastCount = undefined;
  talk.lastEnd = session.stopped ? 'cut' : undefined;
  talk.truncation = openTruncationGuard();
  talk.tally = EMPTY_TALLY;
  talk.attached = [];
  showHeader(talk);
  showLastTurns(talk);
  if (talk.recorder === undefined) tell(talk, 'What is said from here on is not kept.');
  talk.warmUp();
}

/** `/sessions`: the conversations that were kept last. */
export async function listKept(talk: Talk): Promise<void> {
  const { io } = talk.context;
  const { listSessions } = await import('../sessions/store.js');
  const sessions = await listSessions(io);
  if (sessions.length === 0) return tell(talk, 'No conversation is kept yet.');
  const rows = sessions.slice(0, MOST_LISTED).map(({ id, title, model, updatedAt }) => {
    const age = formatAge(updatedAt, io.now());
    return [cleanLine(id), [cleanLine(title), cleanLine(model), age].join(', ')] as const;
  });
  talk.stage.show({ kind: 'pairs', groups: [rows] });
  const more = sessions.length - rows.length;
  tell(talk, `/load ID goes on with one.${more > 0 ? ` ${more} more: ollama-cli sessions list` : ''}`);
}
