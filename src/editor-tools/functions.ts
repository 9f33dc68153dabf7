import type { CachedCallOptions, CallOptions, OllamaClient } from '../core/client.js';
import { isOllamaError } from '../core/errors.js';
import { checkModelName, sameModel } from '../core/model-name.js';
import { familiesOf, isToTalkTo, onlyEmbeds } from '../core/talks.js';
import type { InstalledModel, ShowResponse } from '../core/wire.js';
import { findNearest } from '../format/nearest.js';

/** Whether a server answers, and what it has. */
export interface StatusAnswer {
  readonly reachable: boolean;
  readonly models_count: number;
  readonly version?: string;
  /** Why it can't be worked with. */
  readonly error?: string;
}

/** An installed model; `size` in bytes, `digest` in bare hex, `modified_at` ISO 8601. */
export interface AvailableModel {
  readonly name: string;
  readonly size: number;
  readonly modified_at: string;
  readonly digest: string;
  readonly family?: string;
  readonly parameter_size?: string;
  readonly quantization_level?: string;
  readonly context_length?: number;
  readonly capabilities?: readonly string[];
}

/** Whether a name can be asked for here. */
export interface NameAnswer {
  readonly is_valid: boolean;
  readonly message: string;
  /** The nearest of the installed models, where it is not valid. */
  readonly suggestions?: readonly string[];
}

/** The model that is asked where none is named. */
export interface DefaultModelAnswer {
  /** Null where none is configured and none is installed. */
  readonly model: string | null;
  /** Whether the configuration names it, or it is only the newest of those that are installed. */
  readonly source: 'configured' | 'newest' | 'none';
  readonly installed: boolean;
}

/** What can be done with a model. */
export interface CapabilitiesAnswer {
  readonly chat: boolean;
  readonly streaming: boolean;
  readonly tools: boolean;
  readonly vision: boolean;
  readonly thinking: boolean;
  readonly embeddings: boolean;
}

const SUGGESTIONS = 5;

/** Asks whether the server answers; kept for `healthCheckInterval` unless `force`. Throws only `interrupted`. */
export async function checkStatus(
  client: OllamaClient,
  options: CachedCallOptions = {},
): Promise<StatusAnswer> {
  const { error, models, version } = await client.health(options);
  return {
    reachable: error === undefined,
    models_count: models.length,
    ...(version === undefined ? {} : { version }),
    ...(error === undefined ? {} : { error: error.message }),
  };
}

/** The installed models, newest first; kept for `modelCacheTtl` unless `force`. Throws what the server fails with. */
export async function listAvailableModels(
  client: OllamaClient,
  options: CachedCallOptions = {},
): Promise<AvailableModel[]> {
  return (await client.list(options)).map(describe);
}

function describe({ name, size, modified_at, digest, details, ...more }: InstalledModel): AvailableModel {
  const { family, parameter_size, quantization_level } = details;
  const context = more.context_length ?? details.context_length;
  return {
    name,
    size,
    modified_at,
    digest,
    ...(family === undefined ? {} : { family }),
    ...(parameter_size === undefined ? {} : { parameter_size }),
    ...(quantization_level === undefined ? {} : { quantization_level }),
    ...(context === undefined ? {} : { context_length: context }),
    ...(more.capabilities === undefined ? {} : { capabilities: more.capabilities }),
  };
}

/**
 * Whether a name is within the grammar and installed, among the models of a server or those that are given; what may have
 * been meant where it is not. Throws what the server fails with, where only that could tell.
 */
export async function validateModelName(
  models: OllamaClient | readonly string[],
  name: string,
  options: CallOptions = {},
): Promise<NameAnswer> {
  const list = async (): Promise<readonly string[]> =>
    'fetchModels' in models ? await models.fetchModels(options) : models;
  try {
    checkModelName(name);
  } catch (error) {
    if (!isOllamaError(error)) throw error;
    // What is wrong with a name is known without a server: one that is down only has nothing to suggest.
    const installed = await list().catch(() => []);
    return { is_valid: false, message: error.message, ...suggest(name, installed) };
  }
  const installed = await list();
  const found = installed.find((each) => sameModel(each, name));
  if (found !== undefined) return { is_valid: true, message: `"${found}" is installed.` };
  return { is_valid: false, message: `"${name}" is not installed.`, ...suggest(name, installed) };
}

function suggest(name: string, installed: readonly string[]): { suggestions?: readonly string[] } {
  const suggestions = findNearest(name, installed, SUGGESTIONS);
  return suggestions.length === 0 ? {} : { suggestions };
}

/**
 * The model that is asked where none is named: the one that is configured, else the newest that is installed and can hold
 * a conversation. Throws what the server fails with.
 */
export async function getDefaultModel(
  client: OllamaClient,
  configured?: string,
  options: CachedCallOptions = {},
): Promise<DefaultModelAnswer> {
  const installed = await client.list(options);
  if (configured !== undefined) {
    const isThere = installed.some(({ name }) => sameModel(name, configured));
    return { model: configured, source: 'configured', installed: isThere };
  }
  const newest = installed.find(isToTalkTo);
  if (!newest) return { model: null, source: 'none', installed: false };
  return { model: newest.name, source: 'newest', installed: true };
}

/**
 * What can be done with a model; without one, nothing. Throws `model_not_found`, and what the server fails with.
 */
export async function getSupportedCapabilities(
  client: OllamaClient,
  model: string | undefined,
  options: CallOptions = {},
): Promise<CapabilitiesAnswer> {
  const can = new Set(model === undefined ? [] : capabilitiesOf(await client.show(model, options)));
  return {
    chat: can.has('completion'),
    streaming: can.has('completion'),
    tools: can.has('tools'),
    vision: can.has('vision'),
    thinking: can.has('thinking'),
    embeddings: can.has('embedding'),
  };
}

/** What a model can do, also by a server before 0.6.4, which does not say: then as later ones find it out themselves. */
function capabilitiesOf({ capabilities, details, template, ...shown }: ShowResponse): readonly string[] {
  if (capabilities) return capabilities;
  if (onlyEmbeds(details)) return ['embedding'];
  const canSee =
    shown['projector_info'] !== undefined || familiesOf(details).some((family) => SEEING.has(family));
  const canCall = template !== undefined && /\.Tools\b/.test(template);
  return ['completion', ...(canSee ? ['vision'] : []), ...(canCall ? ['tools'] : [])];
}

const SEEING = new Set(['clip', 'mllama']);
