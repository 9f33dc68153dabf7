import { createHash } from 'node:crypto';
import { displayName, type ModelName } from './model-name.js';
import { decodeConfig, decodeManifest, decodeNames, isDigest } from './registry-decode.js';
import { findPlace } from './registry-address.js';
import { registryError, registryProtocol } from './registry-errors.js';
import type { RegistryAnswer, RegistryOptions } from './registry-exchange.js';
import { openLine, type RegistryLine } from './registry-http.js';
import { readPages } from './registry-pages.js';

export type { RegistryOptions } from './registry-exchange.js';

/** One file of a model as its manifest names it. */
export interface RegistryBlob {
  /** `sha256:` and 64 hex digits. */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  readonly mediaType: string;
}

/** What a registry offers under one name. */
export interface RegistryManifest {
  /** `sha256:…` of the exact bytes: what a server tells as the digest of a model that it has pulled. */
  readonly digest: string;
  readonly bytes: Buffer;
  readonly config: RegistryBlob | undefined;
  /** Without the config. */
  readonly layers: readonly RegistryBlob[];
  /** All of them in bytes, the config too, each digest once. */
  readonly size: number;
  /** Milliseconds since the epoch, where the registry tells it. */
  readonly pushedAt?: number;
}

/** Which manifest a registry has under a name. */
export interface RegistryDigest {
  readonly digest: string;
  /** Milliseconds since the epoch, where the registry tells it. */
  readonly pushedAt?: number;
}

/** What a model's config says of it; the fields are Ollama's own. */
export interface RegistryConfig {
  readonly model_format?: string;
  readonly model_family?: string;
  readonly model_families?: readonly string[];
  /** The number of parameters in words, such as `8.2B`. */
  readonly model_type?: string;
  /** The quantization, such as `Q4_K_M`. */
  readonly file_type?: string;
  readonly capabilities?: readonly string[];
  readonly context_length?: number;
  readonly requires?: string;
  readonly remote_host?: string;
  readonly remote_model?: string;
}

/** What every question to a registry takes. */
export interface RegistryCallOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * A client of OCI registries as Ollama uses them. It signs in nowhere and sends no credentials. Throws `model_not_found`,
 * `unauthorized`, `registry_unreachable` (also for 5xx), `protocol`, and `server_error` with the status for all else.
 */
export interface Registry {
  /** The manifest of a name. */
  manifest(name: ModelName, options?: RegistryCallOptions): Promise<RegistryManifest>;
  /** The digest alone: from the head of an answer where the registry tells it there. */
  digest(name: ModelName, options?: RegistryCallOptions): Promise<RegistryDigest>;
  /** What the manifest's config says; empty where the manifest has none. */
  config(name: ModelName, manifest: RegistryManifest, options?: RegistryCallOptions): Promise<RegistryConfig>;
  /** The first `bytes` bytes of a blob, or all of a shorter one; no more is fetched. */
  blobStart(name: ModelName, digest: string, bytes: number, options?: RegistryCallOptions): Promise<Buffer>;
  /** The tags under which a model is offered. */
  tags(name: ModelName, options?: RegistryCallOptions): Promise<string[]>;
  /** The repositories of a registry that tells them, as `namespace/model`. */
  catalog(host: string, options?: RegistryCallOptions): Promise<string[]>;
  /** The address that is asked for names of a registry. */
  address(host: string): string;
}

const MANIFEST_TYPES = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
].join(', ');

const MOST_MANIFEST = 4 * 1024 * 1024;
const MOST_CONFIG = 1024 * 1024;

/** Makes a client of registries. Opens nothing until it is asked, and holds nothing but connections and tokens. */
export function openRegistry(options: RegistryOptions = {}): Registry {
  const lines = new Map<string, RegistryLine>();
  const lineTo = (host: string): RegistryLine => {
    const place = findPlace(host, options);
    const line = lines.get(place.key) ?? openLine(place, options);
    lines.set(place.key, line);
    return line;
  };

  const ask = async (
    name: ModelName,
    below: string,
    more: { readonly method?: 'GET' | 'HEAD'; readonly most: number; readonly range?: number },
    { signal }: RegistryCallOptions,
  ): Promise<RegistryAnswer> => {
    const scope = `${name.namespace}/${name.model}`;
    const path = `/v2/${scope}/${below}`;
    const accept = below.startsWith('manifests/') ? MANIFEST_TYPES : '*/*';
    const answer = await lineTo(name.host).ask({ method: 'GET', ...more, path, scope, accept, signal });
    if (answer.status >= 300) throw registryError(answer, { model: displayName(name), what: below });
    return answer;
  };

  const manifest: Registry['manifest'] = async (name, call = {}) => {
    const answer = await ask(name, `manifests/${tagOf(name)}`, { most: MOST_MANIFEST }, call);
    const { config, layers } = decodeManifest(answer, displayName(name));
    const size = allBlobs({ config, layers }).reduce((sum, blob) => sum + blob.size, 0);
    return { digest: sha256(answer.body), bytes: answer.body, config, layers, size, ...pushed(answer) };
  };

  return {
    manifest,
    digest: async (name, call = {}) => {
      const head = await headOf(async () => {
        return await ask(name, `manifests/${tagOf(name)}`, { method: 'HEAD', most: 0 }, call);
      });
      const told = head && toldDigest(head);
      if (head && told !== undefined) return { digest: told, ...pushed(head) };
      const { digest, pushedAt } = await manifest(name, call);
      return { digest, ...(pushedAt === undefined ? {} : { pushedAt }) };
    },
    config: async (name, { config }, call = {}) => {
      if (config === undefined) return {};
      const answer = await ask(name, `blobs/${config.digest}`, { most: MOST_CONFIG }, call);
      if (sha256(answer.body) !== config.digest) {
        throw registryProtocol(answer.url, 'the config of a model has another digest than its name says', {
          model: displayName(name),
        });
      }
      return decodeConfig(answer, displayName(name));
    },
    blobStart: async (name, digest, bytes, call = {}) => {
      const answer = await ask(name, `blobs/${digest}`, { most: bytes, range: bytes }, call);
      return answer.body;
    },
    tags: async (name, { signal } = {}) => {
      const scope = `${name.namespace}/${name.model}`;
      const call = { path: `/v2/${scope}/tags/list`, scope, signal };
      const about = { model: displayName(name), what: 'tags/list' };
      return await readPages(lineTo(name.host), call, about, (answer) => decodeNames(answer, 'tags'));
    },
    catalog: async (host, { signal } = {}) => {
      const call = { path: '/v2/_catalog', scope: '_catalog', signal };
      const about = { what: 'catalogue' };
      return await readPages(lineTo(host), call, about, (answer) => decodeNames(answer, 'repositories'));
    },
    address: (host) => lineTo(host).url,
  };
}

/** The blobs of a manifest: layers in their order, the config last, each digest once. */
export function allBlobs({ config, layers }: Pick<RegistryManifest, 'config' | 'layers'>): RegistryBlob[] {
  const blobs = new Map<string, RegistryBlob>();
  for (const blob of config === undefined ? layers : [...layers, config]) {
    if (!blobs.has(blob.digest)) blobs.set(blob.digest, blob);
  }
  return [...blobs.values()];
}

/** The tag as a registry has it: a cloud model's says so. */
function tagOf(name: ModelName): string {
  const shown = displayName(name);
  return shown.slice(shown.lastIndexOf(':') + 1);
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A registry that does not answer HEAD answers GET. */
async function headOf(ask: () => Promise<RegistryAnswer>): Promise<RegistryAnswer | undefined> {
  try {
    return await ask();
  } catch (error) {
    const status = (error as { readonly status?: unknown }).status;
    if (status === 405 || status === 501) return undefined;
    throw error;
  }
}

/** Ollama's registry tells the digest without `sha256:`, all others as docker does. Source: app/ui of Ollama. */
function toldDigest({ headers }: RegistryAnswer): string | undefined {
  const ollama = headers['ollama-content-digest'];
  const docker = headers['docker-content-digest'];
  if (typeof ollama === 'string' && isDigest(`sha256:${ollama}`)) return `sha256:${ollama}`;
  return typeof docker === 'string' && isDigest(docker) ? docker : undefined;
}

/** The end of the time that a date can tell, in seconds since the epoch. */
const LAST_SECOND = 8.64e12;

function pushed({ headers }: RegistryAnswer): { pushedAt?: number } {
  const seconds = Number(headers['ollama-push-time']);
  return Number.isSafeInteger(seconds) && seconds > 0 && seconds <= LAST_SECOND
    ? { pushedAt: seconds * 1000 }
    : {};
}
