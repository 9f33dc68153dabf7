import { OllamaError } from './errors.js';
import { isFields, number, text, type Fields } from './fields.js';
import type {
  EmbedResponse,
  InstalledModel,
  ModelDetails,
  Recommendation,
  RunningModel,
  ShowResponse,
} from './wire.js';

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
const RECOMMENDATION: Readonly<Record<string, Check>> = {
  description: isText,
  context_length: isNumber,
  max_output_tokens: isNumber,
  vram_bytes: isNumber,
  required_plan: isText,
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
  const wrong: string[] = [];
  // By the fields that are there: of most servers those are few.
  for (const key in fields) {
    if (Object.hasOwn(checks, key) && checks[key]?.(fields[key]) === false) wrong.push(key);
  }
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
  throw new OllamaError('protocol', `What answers at ${host} is not Ollama: ${what} is no object.`, {
    host,
    reason: 'not_ollama',
  });
}

/** The entries of a list that some servers send as null. */
function entries(value: unknown, host: string, what: string): Fields[] {
  const { models } = fieldsOf(value, host, what);
  if (models === null || (models === undefined && 'models' in (value as object))) return [];
  if (Array.isArray(models)) return models.filter(isFields);
  throw new OllamaError('protocol', `What answers at ${host} is not Ollama: ${what} has no list of models.`, {
    host,
    reason: 'not_ollama',
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

/** The list of `/api/experimental/model-recommendations`; what has no name is left out. */
export function decodeRecommendations(value: unknown, host: string): Recommendation[] {
  const { recommendations: list } = fieldsOf(value, host, 'what it recommends');
  if (list === null) return [];
  if (!Array.isArray(list)) {
    throw new OllamaError('protocol', `The recommendations of ${host} are no list.`, { host });
  }
  return list
    .filter(isFields)
    .map((fields) => ({ ...sound(fields, RECOMMENDATION), model: text(fields, 'model') }))
    .filter(({ model }) => model !== '');
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
  throw new OllamaError('protocol', `What answers at ${host} is not Ollama: it tells no version.`, {
    host,
    reason: 'not_ollama',
  });
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
