import { createHash } from 'node:crypto';
import type { ByteSource } from './bytes.js';
import { bufferSource, digestOf, digestOfBytes, seededSource } from './bytes.js';
import type { ModelInfo, Tensor } from './gguf.js';
import { writeGguf } from './gguf.js';

/** A model that the sandbox's registry can make: what it says of itself, and how large it really is. */
export interface ModelDefinition {
  readonly name: string;
  /** Bytes of the real weights; the sandbox's are this times its scale. */
  readonly weights: number;
  /** Bytes of the real image projector, for models that see. */
  readonly projector?: number;
  readonly family: string;
  /** As `details.parameter_size` has it. */
  readonly parameters: string;
  readonly quantization: string;
  readonly info: ModelInfo;
  readonly tensors: readonly Tensor[];
  readonly template: string;
  readonly system?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly licenses: readonly string[];
  readonly messages?: readonly { readonly role: string; readonly content: string }[];
  /** The layer's `from`: the model that it was made of. */
  readonly from?: string;
  /** Gone up by one when a newer build is published; changes every digest that the real thing would. */
  readonly revision?: number;
}

/** One entry of a manifest. */
export interface Layer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly from?: string;
}

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config: Layer;
  readonly layers: readonly Layer[];
}

/** A manifest's bytes and the bytes of all it names. */
export interface Package {
  readonly manifest: Buffer;
  readonly blobs: ReadonlyMap<string, ByteSource>;
}

export const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';
const CONFIG_TYPE = 'application/vnd.docker.container.image.v1+json';
const LAYER_PREFIX = 'application/vnd.ollama.image.';

/** The media type of one kind of layer: `model`, `template`, `license` … */
export function layerType(kind: string): string {
  return LAYER_PREFIX + kind;
}

/** `model`, `template`, `license` …: the kind of a layer. */
export function layerKind(layer: Layer): string {
  return layer.mediaType.startsWith(LAYER_PREFIX)
    ? layer.mediaType.slice(LAYER_PREFIX.length)
    : layer.mediaType;
}

/** What the config blob of a model says; the names are Ollama's. */
export interface ModelConfig {
  readonly model_format: string;
  readonly model_family: string;
  readonly model_families: readonly string[] | null;
  readonly model_type: string;
  readonly file_type: string;
}

/** The bytes of a config blob, for the layers that it closes. */
export function configBytes(config: ModelConfig, layers: readonly Layer[]): Buffer {
  const rootfs = { type: 'layers', diff_ids: layers.map((layer) => layer.digest) };
  return Buffer.from(JSON.stringify({ ...config, architecture: 'amd64', os: 'linux', rootfs }));
}

/** The bytes of a manifest of these layers. */
export function manifestBytes(config: Buffer, layers: readonly Layer[]): Buffer {
  const entry = { mediaType: CONFIG_TYPE, digest: digestOfBytes(config), size: config.length };
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, config: entry, layers }));
}

/** Reads a manifest's bytes; throws a `SyntaxError` for what is no JSON. */
export function parseManifest(bytes: Buffer): Manifest {
  return JSON.parse(bytes.toString()) as Manifest;
}

// Digests follow from the definition alone, so that all sandboxes of a process share them.
const knownDigests = new Map<string, Promise<string>>();

async function seededLayer(seed: string, size: number, head: Buffer): Promise<[string, ByteSource]> {
  const source = seededSource(seed, size, head);
  const key = `${seed} ${String(source.size)} ${createHash('sha1').update(head).digest('hex')}`;
  let digest = knownDigests.get(key);
  if (digest === undefined) {
    digest = digestOf(source);
    knownDigests.set(key, digest);
  }
  return [await digest, source];
}

/** Makes a model's layers and its manifest; large layers are made of a seed and hashed, never held. */
export async function packageModel(definition: ModelDefinition, scale: number): Promise<Package> {
  const blobs = new Map<string, ByteSource>();
  const layers: Layer[] = [];
  const from = definition.from === undefined ? {} : { from: definition.from };
  const seed = `${definition.name} ${definition.quantization} ${String(definition.revision ?? 0)}`;
  const addSeeded = async (kind: string, bytes: number, head: Buffer): Promise<void> => {
    const [digest, source] = await seededLayer(`${kind} ${seed}`, Math.round(bytes * scale), head);
    blobs.set(digest, source);
    layers.push({ mediaType: layerType(kind), digest, size: source.size, ...from });
  };
  const addText = (kind: string, text: string): void => {
    const bytes = Buffer.from(text);
    const digest = digestOfBytes(bytes);
    blobs.set(digest, bufferSource(bytes));
    layers.push({ mediaType: layerType(kind), digest, size: bytes.length });
  };
  await addSeeded('model', definition.weights, writeGguf(definition));
  if (definition.projector !== undefined) {
    const info = { 'general.architecture': 'clip', 'clip.has_vision_encoder': true };
    await addSeeded('projector', definition.projector, writeGguf({ info, tensors: [] }));
  }
  if (definition.template !== '') addText('template', definition.template);
  if (definition.system !== undefined) addText('system', definition.system);
  for (const license of definition.licenses) addText('license', license);
  if (definition.params !== undefined) addText('params', JSON.stringify(definition.params));
  if (definition.messages !== undefined) addText('messages', JSON.stringify(definition.messages));
  const config = configBytes(
    {
      model_format: 'gguf',
      model_family: definition.family,
      model_families: [definition.family],
      model_type: definition.parameters,
      file_type: definition.quantization,
    },
    layers,
  );
  blobs.set(digestOfBytes(config), bufferSource(config));
  return { manifest: manifestBytes(config, layers), blobs };
}
