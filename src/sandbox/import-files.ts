import { readAll } from './bytes.js';
import type { Layer, ModelConfig } from './definition.js';
import { layerType } from './definition.js';
import { Refusal } from './errors.js';
import type { JsonObject, SendEvent } from './exchange.js';
import { readGguf, writeGguf } from './gguf.js';
import type { GgufHead } from './gguf.js';
import type { World } from './world.js';

/** A model that is being made: its layers so far, and what its config will say. */
export interface Draft {
  readonly layers: Layer[];
  readonly config: ModelConfig;
}

/** The refusal of a request that can't be met. */
export function refuse(message: string): Refusal {
  return new Refusal(400, message, { bare: true });
}

/** Makes a model of uploaded files; of safetensors a GGUF file comes first, as in the real server. */
export async function importFiles(world: World, files: JsonObject, send: SendEvent): Promise<Draft> {
  const layers: Layer[] = [];
  let head: GgufHead | undefined;
  const escapes = /^(?:[/\\]|[A-Za-z]:)|(?:^|[/\\])\.\.(?:[/\\]|$)/;
  if (Object.keys(files).some((file) => escapes.test(file))) throw refuse('file path must be relative');
  if (Object.keys(files).some((file) => file.endsWith('.safetensors'))) {
    files = await convert(world, files, send);
  }
  for (const digest of Object.values(files)) {
    const layer = existingLayer(world, 'model', String(digest));
    const source = world.store.read(layer.digest);
    const found = source === undefined ? undefined : readGguf(await readAll(source));
    if (found === undefined) throw refuse('unknown type');
    await send({ status: 'parsing GGUF' }, 0);
    head ??= found;
    const kind = found.info['general.architecture'] === 'clip' ? 'projector' : 'model';
    layers.push({ ...layer, mediaType: layerType(kind) });
  }
  if (head === undefined) throw refuse("neither 'from' or 'files' was specified");
  const family = String(head.info['general.architecture'] ?? 'unknown');
  const count = Number(head.info['general.parameter_count'] ?? 0);
  const file_type = FILE_TYPES.get(Number(head.info['general.file_type'] ?? -1)) ?? 'unknown';
  const config = {
    model_format: 'gguf',
    model_family: family,
    model_families: [family],
    model_type: humanCount(count),
    file_type,
  };
  return { layers, config };
}

/** How the weights are kept, by GGUF's numbers. */
export const FILE_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [7, 'Q8_0'],
  [14, 'Q4_K_S'],
  [15, 'Q4_K_M'],
]);
// format/format.go, HumanNumber.
function humanCount(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1).replace(/\.0$/, '')}B`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(2)}M`;
  return count >= 1e3 ? `${(count / 1e3).toFixed(0)}K` : String(count);
}

/** A layer of bytes that were uploaded before. */
export function existingLayer(world: World, kind: string, digest: string): Layer {
  const source = world.store.read(digest);
  if (source === undefined) {
    throw new Refusal(
      500,
      `open /var/lib/ollama/models/blobs/${digest.replace(':', '-')}: no such file or directory`,
    );
  }
  return { mediaType: layerType(kind), digest, size: source.size };
}

/** One file of weights, by the architecture that the configuration names; its bytes are made up. */
async function convert(world: World, files: JsonObject, send: SendEvent): Promise<JsonObject> {
  await send({ status: 'converting model' }, 0);
  const weights = Object.entries(files).filter(([file]) => file.endsWith('.safetensors'));
  const size = weights.reduce(
    (sum, [, digest]) => sum + existingLayer(world, 'model', String(digest)).size,
    0,
  );
  const configuration = world.store.read(String(files['config.json']));
  if (configuration === undefined) throw refuse('no config.json was uploaded');
  const { model_type: family } = JSON.parse((await readAll(configuration)).toString()) as JsonObject;
  const info = {
    'general.architecture': typeof family === 'string' ? family : 'llama',
    'general.file_type': 1,
    'general.parameter_count': Math.floor(size / 2),
  };
  const head = writeGguf({ info, tensors: [] });
  const digest = await world.store.putBytes(Buffer.concat([head, Buffer.alloc(size)]));
  return { 'model.gguf': digest };
}
