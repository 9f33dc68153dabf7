import { startConversation, type ChatMetrics, type Conversation } from '../core/chat.js';
import type { ChatMessage } from '../core/wire.js';
import type { SessionEntry } from './entry.js';
import { makeTitle } from './title.js';

/** What is known of a message besides itself. */
export interface MessageDetails {
  /** ISO 8601; undefined where the program was killed before the end of the answer. */
  readonly at: string | undefined;
  readonly model: string | undefined;
  /** Who answered, where that was not the host that was asked first. */
  readonly provider?: string | undefined;
  readonly metrics: ChatMetrics | undefined;
  /** The model was stopped, or broke off, before the answer's end. */
  readonly stopped: boolean;
}

/** A kept conversation, as it stood at its last line. */
export interface Session {
  readonly id: string;
  /** Where it was last held, and with which model; empty where no line says so. */
  readonly host: string;
  readonly model: string;
  /** The one that it was given, or the beginning of its first question; clean, one line, empty before that. */
  readonly title: string;
  /** ISO 8601; empty where no line says so. */
  readonly createdAt: string;
  readonly updatedAt: string;
  /** What can be sent again; format, tools and keep-alive are not kept. */
  readonly conversation: Conversation;
  /** One for each message of the conversation. */
  readonly details: readonly MessageDetails[];
  /** How many messages are a person's. */
  readonly turns: number;
  /** What the conversation took in tokens at its last answer; undefined where nothing told. */
  readonly tokens: number | undefined;
  /** Whether the last message is an answer of which only a part came. */
  readonly stopped: boolean;
  /** The length of the file when it was read: whoever goes on with it sees by that whether others did meanwhile. */
  readonly bytes: number;
}

/** Folds entries one by one into the conversation that they tell of. */
export interface Fold {
  add(entry: SessionEntry): void;
  /** The conversation as it stands; the parts of an answer whose message never came are a stopped answer. */
  session(): Session;
  /** Entries that tell of the same conversation in another file, under the id of that one. */
  retell(id: string): SessionEntry[];
}

interface Said {
  readonly message: ChatMessage;
  readonly details: MessageDetails;
}

const NOTHING = { content: '', thinking: '' };
const CUT_OFF: MessageDetails = { at: undefined, model: undefined, metrics: undefined, stopped: true };

/** What was said, with what had come of an answer when nothing more did. */
function withPart(said: readonly Said[], part: typeof NOTHING): Said[] {
  if (part.content === '' && part.thinking === '') return [...said];
  const last = said.at(-1)?.message;
  // No question stands between: the model was going on with its own answer.
  const goesOn = last?.role === 'assistant' && last.tool_calls === undefined;
  const thinking = (goesOn ? (last.thinking ?? '') : '') + part.thinking;
  const message: ChatMessage = {
    ...(goesOn ? last : { role: 'assistant' }),
    content: (goesOn ? last.content : '') + part.content,
    ...(thinking === '' ? {} : { thinking }),
  };
  return [...(goesOn ? said.slice(0, -1) : said), { message, details: CUT_OFF }];
}

/** Begins with a conversation that was read, or with an id and nothing said. */
export function openFold(from: Session | { readonly id: string; readonly bytes?: number }): Fold {
  const before = 'conversation' in from ? from : undefined;
  let { host, createdAt, updatedAt, title, tokens } = before ?? {
    ...{ host: '', createdAt: '', updatedAt: '', title: '', tokens: undefined },
  };
  let conversation = before?.conversation ?? startConversation('');
  let said: Said[] = conversation.messages.map((message, index) => {
    return { message, details: before?.details[index] ?? CUT_OFF };
  });
  let part = NOTHING;
  let isGiven = false;
  // A title that was taken from a question gives way to that of another once nothing is left of the conversation.
  let isOpen = title === '';

  const say = (message: ChatMessage, details: MessageDetails): Said => {
    if (message.role === 'user' && isOpen) {
      title = makeTitle(message.content) || title;
      isOpen = title === '';
    }
    return { message, details };
  };

  const take = (entry: Exclude<SessionEntry, { type: 'delta' }>): void => {
    if (createdAt === '') createdAt = entry.at;
    updatedAt = entry.at;
    switch (entry.type) {
      case 'session':
        // Taken up again after a kill: what had come is all there will be.
        said = withPart(said, part);
        part = NOTHING;
        host = entry.host;
        conversation = { ...conversation, model: entry.model };
        break;
      case 'settings':
        conversation = {
          ...conversation,
          ...(entry.model === undefined ? {} : { model: entry.model }),
          ...(entry.system === undefined ? {} : { system: entry.system ?? undefined }),
          ...(entry.options === undefined ? {} : { options: entry.options }),
          ...(entry.think === undefined ? {} : { think: entry.think ?? undefined }),
        };
        break;
      case 'message': {
        // Whole, so the parts of it that came before are in it.
        part = NOTHING;
        const { at, model, provider, metrics, stopped = false } = entry;
        tokens = metrics?.total_tokens ?? tokens;
        said.push(say(entry.message, { at, model, provider, metrics, stopped }));
        break;
      }
      case 'splice': {
        part = NOTHING;
        const details = { at: entry.at, model: undefined, metrics: undefined, stopped: false };
        const insert = entry.insert.map((message) => say(message, details));
        said.splice(entry.start, entry.delete_count, ...insert);
        if (said.length > 0) break;
        tokens = undefined;
        isOpen = !isGiven;
        break;
      }
      case 'title':
        title = makeTitle(entry.title) || title;
        isGiven = true;
        isOpen = false;
        break;
    }
  };

  return {
    add(entry) {
      if (entry.type !== 'delta') return take(entry);
      part = {
        content: part.content + (entry.content ?? ''),
        thinking: part.thinking + (entry.thinking ?? ''),
      };
    },
    session() {
      const whole = withPart(said, part);
      return {
        id: from.id,
        host,
        model: conversation.model,
        title,
        createdAt,
        updatedAt,
        conversation: { ...conversation, messages: whole.map(({ message }) => message) },
        details: whole.map(({ details }) => details),
        turns: whole.filter(({ message }) => message.role === 'user').length,
        tokens,
        stopped: whole.at(-1)?.details.stopped ?? false,
        bytes: from.bytes ?? 0,
      };
    },
    retell(id) {
      const { model, system = null, options, think = null } = conversation;
      const at = updatedAt;
      return [
        { type: 'session', schema_version: 1, id, at, host, model },
        { type: 'settings', at, system, options, think },
        ...(title === '' || isOpen ? [] : [{ type: 'title', at, title } as const]),
        ...said.map(({ message, details }) => retellMessage(message, details, at)),
        ...(part === NOTHING ? [] : [{ type: 'delta', ...part } as const]),
      ];
    },
  };
}

function retellMessage(
  message: ChatMessage,
  { at, model, provider, metrics, stopped }: MessageDetails,
  now: string,
): SessionEntry {
  return {
    type: 'message',
    at: at ?? now,
    message,
    ...(model === undefined ? {} : { model }),
    ...(provider === undefined ? {} : { provider }),
    ...(metrics === undefined ? {} : { metrics }),
    ...(stopped ? { stopped } : {}),
  };
}

/** The conversation that entries tell of, in their order; never throws. `bytes` is the length of their file. */
export function foldSession(id: string, entries: readonly SessionEntry[], bytes = 0): Session {
  const fold = openFold({ id, bytes });
  for (const entry of entries) fold.add(entry);
  return fold.session();
}
