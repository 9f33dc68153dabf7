import { OllamaError } from './errors.js';
import type { ChatEvent, ChatMetrics } from './chat.js';
import { serverError } from './http-errors.js';
import type { Take } from './ndjson.js';
import type {
  EmbedResponse,
  InstalledModel,
  ModelDetails,
  RunningModel,
  ShowResponse,
  ToolCall,
} from './wire.js';

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(fields: Fields, key: string): string {
  const value = fields[key];
  return typeof value === 'string' ? value : '';
}

function number(fields: Fields, key: string): number {
  const value = fields[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isFieldsOrNull: Check = (value) => value === null || isFields(value);

/** The optional fields that the program reads, and what each has to be. */
const DETAILS: Readonly<Record<string, Check>> = {
  format: isText,
  family: isText,
  families: (value) => value === null || isTexts(value),
  parameter_size: isText,
  quantization_level: isText,
  parent_model: isText,
  context_length: isNumber,
};
const MODEL: Readonly<Record<string, Check>> = {
  capabilities: isTexts,
  context_length: isNumber,
  remote_host: isText,
  remote_model: isText,
};
const SHOW: Readonly<Record<string, Check>> = {
  license: isText,
  modelfile: isText,
  parameters: isText,
  template: isText,
  system: isText,
  messages: (value) => Array.isArray(value) && value.every(isFields),
  model_info: isFieldsOrNull,
  capabilities: (value) => value === null || isTexts(value),
  modified_at: isText,
  remote_host: isText,
  remote_model: isText,
};

/** The fields without those of the wrong kind; unknown ones are kept. */
function sound(fields: Fields, checks: Readonly<Record<string, Check>>): Fields {
  const wrong = Object.keys(checks).filter(
    (key) => Object.hasOwn(fields, key) && checks[key]?.(fields[key]) === false,
  );
  // Hardly ever: a list of models, taken apart and put together again, would take longer than its parsing.
  if (wrong.length === 0) return fields;
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !wrong.includes(key)));
}

function details(fields: Fields): ModelDetails {
  const value = fields['details'];
  return isFields(value) ? sound(value, DETAILS) : {};
}

function fieldsOf(value: unknown, host: string, what: string): Fields {
  if (isFields(value)) return value;
  throw new OllamaError('protocol', `What answers at ${host} is not Ollama: ${what} is no object.`, { host });
}

/** The entries of a list that some servers send as null. */
function entries(value: unknown, host: string, what: string): Fields[] {
  const { models } = fieldsOf(value, host, what);
  if (models === null || (models === undefined && 'models' in (value as object))) return [];
  if (Array.isArray(models)) return models.filter(isFields);
  throw new OllamaError('protocol', `What answers at ${host} is not Ollama: ${what} has no list of models.`, {
    host,
  });
}

/** `name` beside `model`: older servers send only the first, and a client may meet either. */
function names(fields: Fields): { name: string; model: string } {
  const name = text(fields, 'name') || text(fields, 'model');
  return { name, model: text(fields, 'model') || name };
}

/** The list of `/api/tags`. */
export function decodeTags(value: unknown, host: string): InstalledModel[] {
  return entries(value, host, 'the list of models').map((fields) => ({
    ...sound(fields, MODEL),
    ...names(fields),
    size: number(fields, 'size'),
    digest: text(fields, 'digest'),
    modified_at: text(fields, 'modified_at'),
    details: details(fields),
  }));
}

/** The list of `/api/ps`. */
export function decodeRunning(value: unknown, host: string): RunningModel[] {
  return entries(value, host, 'the list of loaded models').map((fields) => ({
    ...sound(fields, MODEL),
    ...names(fields),
    size: number(fields, 'size'),
    size_vram: number(fields, 'size_vram'),
    digest: text(fields, 'digest'),
    expires_at: text(fields, 'expires_at'),
    details: details(fields),
  }));
}

/** The answer of `/api/show`, with fields of the wrong kind left out. */
export function decodeShow(value: unknown, host: string): ShowResponse {
  const fields = fieldsOf(value, host, 'the description of a model');
  return { ...sound(fields, SHOW), details: details(fields) };
}

/** The answer of `/api/version`. */
export function decodeVersion(value: unknown, host: string): string {
  const version = text(fieldsOf(value, host, 'the version'), 'version');
  if (version !== '') return version;
  throw new OllamaError('protocol', `What answers at ${host} is not Ollama: it tells no version.`, { host });
}

/** The answer of `/api/embed`. */
export function decodeEmbed(value: unknown, host: string): EmbedResponse {
  const fields = fieldsOf(value, host, 'the embedding');
  const vectors = fields['embeddings'] ?? [];
  const sound =
    Array.isArray(vectors) && vectors.every((v) => Array.isArray(v) && v.every((x) => typeof x === 'number'));
  if (!sound)
    throw new OllamaError('protocol', `The server at ${host} sent an embedding that is no list of numbers.`, {
      host,
    });
  return { ...fields, model: text(fields, 'model'), embeddings: vectors as number[][] };
}

function decodeToolCall(value: unknown): ToolCall | undefined {
  if (!isFields(value) || !isFields(value['function'])) return undefined;
  const call = value['function'];
  const given = call['arguments'];
  return {
    ...value,
    function: { ...call, name: text(call, 'name'), arguments: isFields(given) ? given : {} },
  } as ToolCall;
}

const MS_IN_NS = 1e-6;

/** The numbers of a last line, whose times are nanoseconds and absent when 0. `firstMs`: the first token's time. */
export function decodeMetrics(line: Fields, firstMs: number | undefined): ChatMetrics {
  const prompt = number(line, 'prompt_eval_count');
  const completion = number(line, 'eval_count');
  const seconds = number(line, 'eval_duration') / 1e9;
  const round = (ms: number): number => Math.round(ms * 100) / 100;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    tokens_per_second: seconds > 0 ? Math.round((completion / seconds) * 100) / 100 : 0,
    time_to_first_token_ms: round(
      firstMs ?? (number(line, 'load_duration') + number(line, 'prompt_eval_duration')) * MS_IN_NS,
    ),
    load_ms: round(number(line, 'load_duration') * MS_IN_NS),
    total_ms: round(number(line, 'total_duration') * MS_IN_NS),
  };
}

/**
 * Turns the lines of `/api/chat` or `/api/generate` into events, up to the one that ends the answer. Keeps only the
 * time of the first token. `now` is in milliseconds.
 */
export function createChatDecoder(
  facts: { host: string; model: string },
  now: () => number,
): {
  take: Take<ChatEvent>;
  ended(): boolean;
} {
  const startedAt = now();
  let firstMs: number | undefined;
  let over = false;

  const take: Take<ChatEvent> = (value, events) => {
    if (over) return;
    if (!isFields(value)) {
      over = true;
      const message = `The server at ${facts.host} sent a line of a chat that is no object.`;
      events.push({ type: 'error', error: new OllamaError('protocol', message, facts) });
      return;
    }
    const { error, message } = value;
    if (error !== undefined && error !== null) {
      over = true;
      const words = typeof error === 'string' ? error : JSON.stringify(error);
      events.push({ type: 'error', error: serverError(words, facts) });
      return;
    }
    // A chat's line has a message, a generate's the same fields at its top.
    const part: Fields = isFields(message) ? message : value;
    const content = part['content'] ?? value['response'];
    const { thinking, tool_calls: calls } = part;
    if (typeof thinking === 'string' && thinking !== '') events.push({ type: 'thinking', text: thinking });
    if (typeof content === 'string' && content !== '') events.push({ type: 'token', text: content });
    if (Array.isArray(calls)) {
      for (const call of calls.map(decodeToolCall)) if (call) events.push({ type: 'tool_call', call });
    }
    if (firstMs === undefined && events.length > 0) firstMs = now() - startedAt;
    if (value['done'] === true) {
      over = true;
      events.push({
        type: 'done',
        reason: text(value, 'done_reason') || 'stop',
        metrics: decodeMetrics(value, firstMs),
      });
    }
  };

  return { take, ended: () => over };
}
