import type { Context } from '../context.js';
import { isOllamaError } from '../core/errors.js';
import { sameModel, type ModelName } from '../core/model-name.js';
import { parseParameters } from '../core/parameters.js';
import type { Registry, RegistryBlob, RegistryConfig, RegistryManifest } from '../core/registry.js';
import type { InstalledModel, ShowResponse } from '../core/wire.js';
import { fileBytes, parseParameterCount, tensorBytes } from './facts-bits.js';
import { readGgufStart, type GgufStart } from './facts-gguf.js';
import { countOf, LISTS, ownField, readShape, type ModelShape } from './facts-shape.js';

/** What is known of a model before it is loaded, as far as it decides on the memory that it takes. */
export interface ModelFacts {
  /** The whole of its files: the parts of it that see pictures too. */
  readonly weightsBytes: number;
  /** What a model that reads and writes with the same table keeps twice, in bytes. */
  readonly outputCopyBytes: number;
  readonly shape: ModelShape | undefined;
  readonly parameters: number | undefined;
  readonly quantization: string | undefined;
  /** The longest context that it was made for, in tokens. */
  readonly contextLength: number | undefined;
  /** The context that its own parameters ask for. */
  readonly ownContext: number | undefined;
  /** Whether the model's own metadata was read, or only what its config says. */
  readonly basis: 'metadata' | 'config';
  /** True for one that runs elsewhere: it takes no memory here. */
  readonly cloud: boolean;
}

type Info = Readonly<Record<string, unknown>>;

/** What the server tells of an installed model; undefined where it says that there is none of that name. */
export async function readInstalledFacts(
  { client }: Pick<Context, 'client'>,
  model: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<ModelFacts | undefined> {
  const asked = client.list({ signal });
  // Awaited below; where `show` fails, its error is the one that is told.
  asked.catch(() => undefined);
  let shown: ShowResponse;
  try {
    shown = await client.show(model, { signal });
    const hidden = LISTS.some((key) => ownField(shown.model_info ?? {}, key) === null);
    if (hidden) shown = await client.show(model, { signal, verbose: true });
  } catch (error) {
    if (isOllamaError(error) && error.code === 'model_not_found') return undefined;
    throw error;
  }
  const installed = (await asked).find(({ name }) => sameModel(name, model));
  return installedFacts(shown, installed);
}

/** The facts in an answer of `/api/show` and the model's entry of `/api/tags`. */
export function installedFacts(shown: ShowResponse, installed: InstalledModel | undefined): ModelFacts {
  const info = shown.model_info ?? {};
  const quantization = text(shown.details.quantization_level);
  const parameters =
    countParameters(info['general.parameter_count']) ??
    parseParameterCount(text(shown.details.parameter_size) ?? '');
  const shape = readShape(info);
  const guessed = (parameters ?? 0) * fileBytes(quantization ?? '');
  const told = typeof installed?.size === 'number' && installed.size > 0 ? installed.size : guessed;
  const ownContext = countOf(parseParameters(shown.parameters ?? '')['num_ctx']);
  return {
    weightsBytes: told,
    outputCopyBytes:
      copyFromTensors(shown['tensors']) ?? guessCopy(info, undefined, quantization, parameters),
    shape,
    parameters,
    quantization,
    contextLength: countOf(ownField(info, 'context_length')) ?? countOf(shown.details.context_length),
    ownContext,
    basis: shape ? 'metadata' : 'config',
    cloud: text(shown['remote_host']) !== undefined || text(installed?.remote_host) !== undefined,
  };
}

/** How a registry's model is read: with the manifest where it is there already. */
export interface RegistryFactsOptions {
  readonly manifest?: RegistryManifest | undefined;
  readonly signal?: AbortSignal | undefined;
}

const MEDIA = 'application/vnd.ollama.image.';
/** The layers that are loaded. */
const LOADED = ['model', 'projector', 'adapter', 'tensor', 'draft'].map((kind) => MEDIA + kind);
/** The metadata before the tokenizer's long lists is some kilobytes; some files have a chat template before it. */
const START_BYTES = [64 * 1024, 256 * 1024];
const MOST_PARAMS = 64 * 1024;

/**
 * What a registry tells of a model without its download: the manifest, the config, and the first kilobytes of the
 * weights. What of the last two can't be had is left out. Throws what the manifest's request throws.
 */
export async function readRegistryFacts(
  registry: Registry,
  name: ModelName,
  { manifest, signal }: RegistryFactsOptions = {},
): Promise<ModelFacts> {
  const found = manifest ?? (await registry.manifest(name, { signal }));
  const layerOf = (kind: string): RegistryBlob | undefined =>
    found.layers.find(({ mediaType }) => mediaType === MEDIA + kind);
  const [config, start, params] = await Promise.all([
    soft<RegistryConfig>(() => registry.config(name, found, { signal }), {}, signal),
    soft(() => readStart(registry, name, layerOf('model'), signal), undefined, signal),
    soft(() => readParams(registry, name, layerOf('params'), signal), {}, signal),
  ]);
  const info = start?.info ?? {};
  const shape = readShape(info);
  const quantization = text(config.file_type);
  const parameters =
    countParameters(info['general.parameter_count']) ?? parseParameterCount(text(config.model_type) ?? '');
  const loaded = found.layers.filter(({ mediaType }) => LOADED.includes(mediaType));
  return {
    weightsBytes: loaded.reduce((sum, { size }) => sum + size, 0),
    outputCopyBytes: guessCopy(info, start?.lengths['tokenizer.ggml.tokens'], quantization, parameters),
    shape,
    parameters,
    quantization,
    contextLength: countOf(ownField(info, 'context_length')) ?? countOf(config.context_length),
    ownContext: countOf(params['num_ctx']),
    basis: shape ? 'metadata' : 'config',
    cloud: text(config.remote_host) !== undefined || name.source === 'cloud',
  };
}

/** What can't be had is done without; only an interruption ends the work. */
async function soft<Value>(
  ask: () => Promise<Value>,
  otherwise: Value,
  signal: AbortSignal | undefined,
): Promise<Value> {
  try {
    return await ask();
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return otherwise;
  }
}

async function readStart(
  registry: Registry,
  name: ModelName,
  weights: RegistryBlob | undefined,
  signal: AbortSignal | undefined,
): Promise<GgufStart | undefined> {
  if (weights === undefined) return undefined;
  let start: GgufStart | undefined;
  for (const length of START_BYTES) {
    start = readGgufStart(await registry.blobStart(name, weights.digest, length, { signal }));
    if (start === undefined || readShape(start.info) || weights.size <= length) break;
  }
  return start;
}

async function readParams(
  registry: Registry,
  name: ModelName,
  layer: RegistryBlob | undefined,
  signal: AbortSignal | undefined,
): Promise<Info> {
  if (layer === undefined || layer.size > MOST_PARAMS) return {};
  const bytes = await registry.blobStart(name, layer.digest, MOST_PARAMS, { signal });
  const value: unknown = JSON.parse(bytes.toString());
  return typeof value === 'object' && value !== null ? (value as Info) : {};
}

const MOST_PARAMETERS = 1e14;

function countParameters(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 && value <= MOST_PARAMETERS ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Where there is no table for writing, the one for reading is loaded a second time; undefined where none is told of. */
function copyFromTensors(tensors: unknown): number | undefined {
  if (!Array.isArray(tensors)) return undefined;
  const named = new Map<unknown, Info>();
  for (const tensor of tensors as unknown[]) {
    if (typeof tensor === 'object' && tensor !== null) named.set((tensor as Info)['name'], tensor as Info);
  }
  const table = named.get('token_embd.weight');
  if (table === undefined) return undefined;
  if (named.has('output.weight')) return 0;
  const shape: unknown = table['shape'];
  const numbers = Array.isArray(shape)
    ? shape.reduce<number>((product, length) => product * (countOf(length) ?? 0), 1)
    : 0;
  return numbers * (tensorBytes(text(table['type']) ?? '') ?? 1);
}

/** Models of up to so many parameters mostly have one table. */
const SMALL = 4.5e9;

/**
 * The same without the list of tensors, which a registry has only behind the tokenizer's lists: the Gemma family and
 * small models mostly have one table, kept in eight bits where the file has fewer.
 */
function guessCopy(
  info: Info,
  vocabulary: number | undefined,
  quantization: string | undefined,
  parameters: number | undefined,
): number {
  const tokens = countOf(vocabulary) ?? countOf(ownField(info, 'vocab_size'));
  const embedding = countOf(ownField(info, 'embedding_length'));
  const architecture = text(info['general.architecture']) ?? '';
  const single = architecture.startsWith('gemma') || (parameters !== undefined && parameters <= SMALL);
  if (!single || /bert/.test(architecture) || tokens === undefined || embedding === undefined) return 0;
  return tokens * embedding * Math.max(34 / 32, fileBytes(quantization ?? ''));
}
