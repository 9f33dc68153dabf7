import { isFields, text, type Fields } from './fields.js';
import type { RegistryBlob, RegistryConfig } from './registry.js';
import { registryProtocol } from './registry-errors.js';
import type { OllamaError } from './errors.js';

/** An answer's body and who sent it. */
interface Told {
  readonly body: Buffer;
  readonly url: string;
  /** False where it was longer than what may be read of it. */
  readonly whole: boolean;
}

/** True for `sha256:` and 64 hex digits, the only digests that Ollama knows. */
export function isDigest(digest: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(digest);
}

function parse({ body, url, whole }: Told, what: string, model: string | undefined): Fields {
  const wrong = (why: string): OllamaError => registryProtocol(url, `${what} ${why}`, { model });
  if (!whole) throw wrong('is longer than any can be');
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw wrong('is no JSON');
  }
  if (!isFields(value)) throw wrong('is no JSON object');
  return value;
}

function decodeBlob(value: unknown): RegistryBlob | undefined {
  if (!isFields(value)) return undefined;
  const { digest, size, mediaType } = value;
  if (typeof digest !== 'string' || !isDigest(digest)) return undefined;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined;
  return { digest, size, mediaType: typeof mediaType === 'string' ? mediaType : '' };
}

/** The blobs of a manifest. Throws `protocol` for what is none, and for one of a kind that Ollama can't use. */
export function decodeManifest(
  told: Told,
  model: string,
): { config: RegistryBlob | undefined; layers: RegistryBlob[] } {
  const fields = parse(told, 'its manifest', model);
  const wrong = (why: string): OllamaError =>
    registryProtocol(told.url, `the manifest of ${model} ${why}`, { model });
  if (Array.isArray(fields['manifests'])) throw wrong('is a list of manifests, which models do not have');
  if (fields['schemaVersion'] !== 2) throw wrong('is of a version that models do not have');
  const { config: configured, layers: listed } = fields;
  // A cloud model's stub has no layers.
  const values: unknown = listed ?? [];
  if (!Array.isArray(values)) throw wrong('has no list of layers');
  const layers = values.map(decodeBlob);
  const sound = layers.filter((layer) => layer !== undefined);
  if (sound.length < layers.length) throw wrong('has a layer without a digest and a size');
  const none = configured === undefined || configured === null;
  // Some manifests have an empty object in its place.
  const absent = none || (isFields(configured) && text(configured, 'digest') === '');
  const config = absent ? undefined : decodeBlob(configured);
  if (!absent && config === undefined) throw wrong('has a config without a digest and a size');
  return { config, layers: sound };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

const CONFIG: Readonly<Record<keyof RegistryConfig, (value: unknown) => boolean>> = {
  model_format: isText,
  model_family: isText,
  model_families: isTexts,
  model_type: isText,
  file_type: isText,
  capabilities: isTexts,
  context_length: isCount,
  requires: isText,
  remote_host: isText,
  remote_model: isText,
};

/** What a config says of a model, without fields of the wrong kind. Throws `protocol` for what is no object. */
export function decodeConfig(told: Told, model: string): RegistryConfig {
  const fields = parse(told, 'the config of a model', model);
  const known = Object.entries(CONFIG).filter(
    ([key, fits]) => Object.hasOwn(fields, key) && fits(fields[key]),
  );
  return Object.fromEntries(known.map(([key]) => [key, fields[key]]));
}

/** The names under a key of a list; docker sends null for an empty one. Those that no model can have are left out. */
export function decodeNames(told: Told, key: 'tags' | 'repositories'): string[] {
  const what = key === 'tags' ? 'its list of tags' : 'its catalogue';
  const value: unknown = parse(told, what, undefined)[key];
  if (value === null) return [];
  if (!Array.isArray(value)) throw registryProtocol(told.url, `${what} is no list`);
  const fits = key === 'tags' ? /^\w[\w.-]{0,127}$/ : /^\w[\w.-]*(?:\/\w[\w.-]*)*$/;
  return (value as unknown[]).filter(
    (name) => isText(name) && name.length <= 255 && fits.test(name),
  ) as string[];
}
