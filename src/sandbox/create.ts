import { readAll, seededSource } from './bytes.js';
import type { Layer, ModelConfig } from './definition.js';
import { configBytes, layerKind, layerType, manifestBytes } from './definition.js';
import { Refusal } from './errors.js';
import type { Exchange, JsonObject, SendEvent } from './exchange.js';
import { collectEvents, readJson, streamEvents, textField, wantsStream } from './exchange.js';
import { readGguf, writeGguf } from './gguf.js';
import { existingLayer, FILE_TYPES, importFiles, refuse, type Draft } from './import-files.js';
import { readModel } from './model.js';
import type { ModelName } from './names.js';
import { parseName, showName } from './names.js';
import { pullModel } from './pull.js';
import { requestedModel } from './show.js';
import { digestOf } from './bytes.js';
import { isOld } from './world.js';
import type { World } from './world.js';

/** Answers /api/create: a model from another one or from uploaded files. */
export async function createModel(world: World, exchange: Exchange): Promise<void> {
  const request = readJson(exchange);
  const produce = (send: SendEvent): Promise<void> => create(world, exchange, request, send);
  if (!wantsStream(request)) {
    await collectEvents(exchange, produce, 'the sandbox was told to fail');
    return;
  }
  await streamEvents(
    exchange,
    // The server of early 2025 had sent its status already: its errors are lines.
    isOld(world) ? (send) => tellInStream(produce, send) : produce,
    'the sandbox was told to fail',
  );
}

async function tellInStream(produce: (send: SendEvent) => Promise<void>, send: SendEvent): Promise<void> {
  try {
    await produce(send);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await send({ error: error.message, status: error.status }, 1);
  }
}

async function create(world: World, exchange: Exchange, request: JsonObject, send: SendEvent): Promise<void> {
  const name = parseName(requestedModel(request));
  if (name === undefined) throw refuse('invalid model name');
  const from = textField(request, 'from') ?? '';
  const files = objectField(request, 'files');
  const said: string[] = [];
  let draft: Draft;
  if (from !== '') draft = await fromModel(world, exchange, from, send);
  else if (files !== undefined) draft = await importFiles(world, files, send);
  else throw refuse("neither 'from' or 'files' was specified");
  for (const layer of draft.layers) said.push(`using existing layer ${layer.digest}`);
  const quantize = textField(request, 'quantize') ?? '';
  if (quantize !== '') draft = await quantizeModel(world, draft, quantize.toUpperCase(), send);
  const add = async (kind: string, text: string): Promise<void> => {
    const { layer, isNew } = await putLayer(world, kind, Buffer.from(text));
    said.push(`${isNew ? 'creating new' : 'using existing'} layer ${layer.digest}`);
    draft.layers.push(layer);
  };
  // An empty text is none: the base's stays.
  const replace = async (kind: string, text = ''): Promise<void> => {
    if (text === '') return;
    const dropped = draft.layers.filter((layer) => layerKind(layer) === kind);
    for (const layer of dropped) {
      draft.layers.splice(draft.layers.indexOf(layer), 1);
      said.splice(said.indexOf(`using existing layer ${layer.digest}`), 1);
    }
    await add(kind, text);
  };
  for (const [field, kind] of [
    ['adapters', 'adapter'],
    ['draft_files', 'draft'],
  ] as const) {
    for (const digest of Object.values(objectField(request, field) ?? {})) {
      draft.layers.push(existingLayer(world, kind, String(digest)));
    }
  }
  await replace('template', textField(request, 'template'));
  await replace('system', textField(request, 'system'));
  for (const license of licensesOf(request['license'])) await add('license', license);
  await replace('params', await mergedParams(world, draft, request['parameters']));
  const { messages } = request;
  await replace(
    'messages',
    Array.isArray(messages) && messages.length > 0 ? JSON.stringify(messages) : undefined,
  );
  for (const status of said) await send({ status }, 1);
  const config = configBytes({ ...draft.config, ...configFields(request) }, draft.layers);
  await world.store.putBytes(config);
  await send({ status: 'writing manifest' }, 1);
  await world.store.install(name, manifestBytes(config, draft.layers));
  await send({ status: 'success' }, 1, true);
}

// What a Modelfile says of the model and no layer holds.
function configFields(request: JsonObject): JsonObject {
  const names = ['renderer', 'parser', 'requires'] as const;
  return Object.fromEntries(
    names.flatMap((name) => {
      const text = textField(request, name) ?? '';
      return text === '' ? [] : [[name, text] as const];
    }),
  );
}

async function fromModel(world: World, exchange: Exchange, text: string, send: SendEvent): Promise<Draft> {
  const name = parseName(text);
  if (name === undefined) throw refuse('invalid model name');
  if (world.store.find(name) === undefined)
    await pullModel(world, { name, insecure: false }, exchange, notLast(send));
  const base = world.store.find(name);
  if (base === undefined) throw refuse('invalid model name');
  const { config } = await readModel(world.store, base);
  return {
    config: pickConfig(config),
    layers: base.manifest.layers.map((layer) => withOrigin(layer, base.name)),
  };
}

// The pull of a missing base says success; the creation goes on.
function notLast(send: SendEvent): SendEvent {
  return (event, share) => send(event, share);
}

function withOrigin(layer: Layer, name: ModelName): Layer {
  return { ...layer, from: showName(name) };
}

function pickConfig(config: ModelConfig): ModelConfig {
  const { model_format, model_family, model_families, model_type, file_type } = config;
  return { model_format, model_family, model_families, model_type, file_type };
}

// In the order in which the real server names them.
const QUANTIZED_SHARE: Readonly<Record<string, number>> = {
  F32: 2,
  F16: 1,
  Q4_K_S: 0.28,
  Q4_K_M: 0.3,
  Q8_0: 0.53,
};
const QUANTIZABLE = ['F16', 'BF16', 'F32'];

async function quantizeModel(world: World, draft: Draft, type: string, send: SendEvent): Promise<Draft> {
  const share = QUANTIZED_SHARE[type];
  const index = draft.layers.findIndex((layer) => layerKind(layer) === 'model');
  const weights = draft.layers[index];
  const source = weights === undefined ? undefined : world.store.read(weights.digest);
  if (share === undefined) {
    const known = Object.keys(QUANTIZED_SHARE).join(', ');
    throw refuse(`unsupported quantization type ${type} - supported types are ${known}`);
  }
  const from = draft.config.file_type;
  if (weights === undefined || source === undefined || !QUANTIZABLE.includes(from ?? '')) {
    throw refuse('quantization is only supported for F16, BF16 and F32 models');
  }
  const status = `quantizing ${from} model to ${type}`;
  const digest = '0'.repeat(19);
  for (let step = 0; step <= 4; step += 1) {
    const completed = Math.floor((weights.size * step) / 4);
    await send({ status, digest, total: weights.size, ...(completed > 0 ? { completed } : {}) }, step / 4);
  }
  await send({ status: 'verifying conversion' }, 1);
  const head = readGguf(await readAll(source)) ?? { info: {}, tensors: [] };
  const fileType = [...FILE_TYPES].find(([, name]) => name === type)?.[0] ?? 0;
  const bytes = writeGguf({ ...head, info: { ...head.info, 'general.file_type': fileType } });
  const made = seededSource(`${weights.digest} ${type}`, Math.round(weights.size * share), bytes);
  const result = await digestOf(made);
  if (world.store.read(result) === undefined) {
    const partial = await world.store.blobs.openPartial(result, made);
    for await (const chunk of made.read(partial.completed, made.size)) await partial.append(chunk);
    await partial.close();
    await world.store.blobs.commit(result);
  }
  const layers = [...draft.layers];
  layers[index] = { mediaType: weights.mediaType, digest: result, size: made.size };
  return { layers, config: { ...draft.config, file_type: type } };
}

async function putLayer(
  world: World,
  kind: string,
  bytes: Buffer,
): Promise<{ layer: Layer; isNew: boolean }> {
  const before = world.store.blobs.digests().length;
  const digest = await world.store.putBytes(bytes);
  const isNew = world.store.blobs.digests().length > before;
  return { layer: { mediaType: layerType(kind), digest, size: bytes.length }, isNew };
}

function objectField(request: JsonObject, key: string): JsonObject | undefined {
  const value = request[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}

function licensesOf(value: unknown): string[] {
  if (typeof value === 'string' && value !== '') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string').map(String) : [];
}

// The parameters given go over those that the base has.
async function mergedParams(world: World, draft: Draft, given: unknown): Promise<string | undefined> {
  if (typeof given !== 'object' || given === null) return undefined;
  const layer = draft.layers.find((entry) => layerKind(entry) === 'params');
  const source = layer === undefined ? undefined : world.store.read(layer.digest);
  const base = source === undefined ? {} : (JSON.parse((await readAll(source)).toString()) as JsonObject);
  return JSON.stringify({ ...base, ...(given as JsonObject) });
}
