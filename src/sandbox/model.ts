import { readAll } from './bytes.js';
import type { Layer, ModelConfig } from './definition.js';
import { layerKind } from './definition.js';
import type { GgufHead } from './gguf.js';
import { readGguf } from './gguf.js';
import type { Installed, Store } from './store.js';

export type Capability = 'completion' | 'embedding' | 'vision' | 'tools' | 'insert' | 'thinking';

export interface StoredMessage {
  readonly role: string;
  readonly content: string;
}

/** What a model is, read from its layers. */
export interface ModelFacts {
  readonly config: ModelConfig;
  readonly weights: Layer | undefined;
  readonly projector: Layer | undefined;
  readonly template: string;
  readonly system: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly licenses: readonly string[];
  readonly messages: readonly StoredMessage[];
  readonly head: GgufHead;
  readonly capabilities: readonly Capability[];
  /** The most tokens that the model was made for. */
  readonly contextLength: number;
}

const FIRST_BYTES = 65_536;
const MOST_BYTES = 16 * 1024 * 1024;
const NO_HEAD: GgufHead = { info: {}, tensors: [] };

// Facts follow from a manifest's bytes, which never change.
const known = new WeakMap<Installed, Promise<ModelFacts>>();

/** Reads a model's facts from its layers. */
export function readModel(store: Store, model: Installed): Promise<ModelFacts> {
  const facts = known.get(model) ?? readFacts(store, model);
  known.set(model, facts);
  return facts;
}

async function readFacts(store: Store, { manifest }: Installed): Promise<ModelFacts> {
  const textOf = async (layer: Layer | undefined): Promise<string> => {
    const source = layer === undefined ? undefined : store.read(layer.digest);
    return source === undefined ? '' : (await readAll(source)).toString();
  };
  const all = (kind: string): Layer[] => manifest.layers.filter((layer) => layerKind(layer) === kind);
  const jsonOf = async <T>(kind: string, none: T): Promise<T> => {
    const text = await textOf(all(kind)[0]);
    return text === '' ? none : (JSON.parse(text) as T);
  };
  const weights = all('model')[0];
  const projector = all('projector')[0];
  const head = weights === undefined ? NO_HEAD : await readHead(store, weights);
  const template = await textOf(all('template')[0]);
  const licenses = await Promise.all(all('license').map(textOf));
  const config = JSON.parse((await textOf(manifest.config)) || '{}') as ModelConfig;
  const context = head.info[`${String(head.info['general.architecture'])}.context_length`];
  return {
    config,
    weights,
    projector,
    template,
    system: await textOf(all('system')[0]),
    params: await jsonOf('params', {}),
    licenses,
    messages: await jsonOf('messages', []),
    head,
    capabilities: capabilitiesOf(head, template, projector !== undefined),
    contextLength: typeof context === 'number' ? context : 2048,
  };
}

async function readHead(store: Store, weights: Layer): Promise<GgufHead> {
  const source = store.read(weights.digest);
  if (source === undefined) return NO_HEAD;
  for (const length of [FIRST_BYTES, MOST_BYTES]) {
    const chunks: Buffer[] = [];
    for await (const chunk of source.read(0, Math.min(length, source.size))) chunks.push(chunk);
    const head = readGguf(Buffer.concat(chunks));
    if (head !== undefined) return head;
    if (source.size <= length) break;
  }
  return NO_HEAD;
}

// The rules of server/images.go, Capabilities.
function capabilitiesOf(head: GgufHead, template: string, hasProjector: boolean): Capability[] {
  const architecture = String(head.info['general.architecture']);
  const embeds = head.info[`${architecture}.pooling_type`] !== undefined;
  const list: Capability[] = [embeds ? 'embedding' : 'completion'];
  if (hasProjector || head.info[`${architecture}.vision.block_count`] !== undefined) list.push('vision');
  if (/\.Tools\b/.test(template)) list.push('tools');
  if (/\.Suffix\b/.test(template)) list.push('insert');
  if (/\.Think(?:ing)?\b/.test(template)) list.push('thinking');
  return list;
}
