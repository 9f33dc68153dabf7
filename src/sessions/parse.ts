import type { ChatMetrics, Think } from '../core/chat.js';
import { isFields, type Fields } from '../core/fields.js';
import type { ChatMessage, ModelOptions, ToolCall } from '../core/wire.js';
import type { SessionEntry } from './entry.js';

const NEWLINE = 10;
const LEVELS: readonly unknown[] = [true, false, 'low', 'medium', 'high', 'max'] satisfies Think[];
const METRICS: readonly (keyof ChatMetrics)[] = [
  ...(['prompt_tokens', 'completion_tokens', 'total_tokens', 'tokens_per_second'] as const),
  ...(['time_to_first_token_ms', 'load_ms', 'total_ms'] as const),
];

const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isThink = (value: unknown): value is Think => LEVELS.includes(value);

const isOptions = (value: unknown): value is ModelOptions =>
  isFields(value) &&
  Object.values(value).every(
    (option) => typeof option === 'boolean' || isNumber(option) || isText(option) || isTexts(option),
  );

const isMetrics = (value: unknown): value is ChatMetrics & Fields =>
  isFields(value) && METRICS.every((key) => isNumber(value[key]));

const isToolCall = (value: unknown): value is ToolCall =>
  isFields(value) &&
  isFields(value['function']) &&
  isText(value['function']['name']) &&
  isFields(value['function']['arguments']);

const isToolCalls = (value: unknown): value is ToolCall[] => Array.isArray(value) && value.every(isToolCall);

/** A field under its own name if it is of its kind, else nothing. */
function field<Key extends string, Value>(
  fields: Fields,
  key: Key,
  isKind: (value: unknown) => value is Value,
): { readonly [Name in Key]?: Value } {
  const value = fields[key];
  return isKind(value) ? ({ [key]: value } as { readonly [Name in Key]?: Value }) : {};
}

function parseMessage(value: unknown): ChatMessage | undefined {
  if (!isFields(value)) return undefined;
  const { role, content } = value;
  if (!isText(role) || !isText(content)) return undefined;
  return {
    role,
    content,
    ...field(value, 'thinking', isText),
    ...field(value, 'images', isTexts),
    ...field(value, 'tool_calls', isToolCalls),
    ...field(value, 'tool_name', isText),
    ...field(value, 'tool_call_id', isText),
  };
}

const orNull =
  <Value>(isKind: (value: unknown) => value is Value) =>
  (value: unknown): value is Value | null =>
    value === null || isKind(value);

function parseDated(fields: Fields, at: string): SessionEntry | undefined {
  switch (fields['type']) {
    case 'session': {
      const { id, host, model } = fields;
      if (!isText(id) || !isText(host) || !isText(model)) return undefined;
      return { type: 'session', schema_version: 1, id, at, host, model };
    }
    case 'settings':
      return {
        type: 'settings',
        at,
        ...field(fields, 'model', isText),
        ...field(fields, 'system', orNull(isText)),
        ...field(fields, 'options', isOptions),
        ...field(fields, 'think', orNull(isThink)),
      };
    case 'message': {
      const message = parseMessage(fields['message']);
      if (!message) return undefined;
      return {
        type: 'message',
        at,
        message,
        ...field(fields, 'model', isText),
        ...field(fields, 'provider', isText),
        ...field(fields, 'metrics', isMetrics),
        ...(fields['stopped'] === true ? { stopped: true } : {}),
      };
    }
    case 'splice': {
      const { start, delete_count: count, insert } = fields;
      if (!isCount(start) || !isCount(count) || !Array.isArray(insert)) return undefined;
      const messages = insert.map(parseMessage).filter((message) => message !== undefined);
      if (messages.length < insert.length) return undefined;
      return { type: 'splice', at, start, delete_count: count, insert: messages };
    }
    case 'title':
      return isText(fields['title']) ? { type: 'title', at, title: fields['title'] } : undefined;
    default:
      return undefined;
  }
}

/** The entry on one line of a session's file; undefined for a line that is torn, damaged or none of ours. */
export function parseEntry(line: string): SessionEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isFields(value)) return undefined;
  if (value['type'] === 'delta')
    return { type: 'delta', ...field(value, 'content', isText), ...field(value, 'thinking', isText) };
  const time = isText(value['at']) ? Date.parse(value['at']) : Number.NaN;
  // Written anew: what a date may be in JavaScript holds any text in parentheses.
  return Number.isNaN(time) ? undefined : parseDated(value, new Date(time).toISOString());
}

/** The entries of a session's file, in their order; what is torn, damaged or none of ours is passed over. */
export function parseEntries(content: Buffer): SessionEntry[] {
  const entries: SessionEntry[] = [];
  // By the bytes: all of it as one string could be longer than a string can be.
  for (let start = 0; start < content.length;) {
    const newline = content.indexOf(NEWLINE, start);
    const end = newline < 0 ? content.length : newline;
    const entry = end > start ? parseEntry(content.toString('utf8', start, end)) : undefined;
    if (entry) entries.push(entry);
    start = end + 1;
  }
  return entries;
}
