import { isOllamaError } from '../core/errors.js';
import { displayName, parseModelName, type ModelName } from '../core/model-name.js';
import type { Registry, RegistryManifest } from '../core/registry.js';
import { readCapabilities, templateLayer } from './capabilities.js';
import { hasWords, type Answer, type Ask, type Found, type Source } from './source.js';

/** How many tags of each model found are looked at for its sizes. */
const TAGS_LOOKED_AT = 8;
/** How many tags are told with their sizes; of more, the rest has names alone. */
const TAGS_DETAILED = 200;
const MOST_TEMPLATE = 64 * 1024;

/** A registry's catalogue, and its lists of tags. Names of `host` are looked for. */
export function registrySource(registry: Registry, host: string): Source {
  return {
    name: 'registry',
    search: async (words, ask) => await searchCatalog(registry, host, words, ask),
    tags: async (name, onlyTag, ask) => await listTags(registry, name, onlyTag, ask),
  };
}

/** The value, or undefined where it could not be had, or not in time; an interruption is thrown. */
async function soft<Value>(value: Promise<Value>): Promise<Value | undefined> {
  try {
    return await value;
  } catch (error) {
    if (!isOllamaError(error) || error.code === 'interrupted') throw error;
    return undefined;
  }
}

/** Of a registry that is too slow the names are worth more than nothing. */
function answerOf(results: readonly Found[], signal: AbortSignal, note?: string): Answer {
  const told = signal.aborted ? 'it is too slow: not all sizes are known' : note;
  return { results, ...(told === undefined ? {} : { note: told }) };
}

/** A registry that is there, but has no answer to this question. */
function isRefusal(error: unknown): boolean {
  return isOllamaError(error) && (error.status !== undefined || error.code === 'protocol');
}

async function searchCatalog(
  registry: Registry,
  host: string,
  words: readonly string[],
  ask: Ask,
): Promise<Answer> {
  const { signal, limit } = ask;
  let repositories: string[];
  try {
    repositories = await registry.catalog(host, { signal });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return await lookUpExact(registry, host, words, ask);
  }
  const names = repositories
    .filter((repository) => hasWords(repository.replace(/^library\//, ''), words))
    .flatMap((repository) => {
      const name = /^[^/]+\/[^/]+$/.test(repository) ? parseModelName(`${host}/${repository}`) : undefined;
      return name === undefined ? [] : [name];
    });
  const results = names.slice(0, limit).map(async (name) => await describe(registry, name, signal));
  return answerOf(await Promise.all(results), signal);
}

/** The one question that every registry answers: whether there is a model of exactly this name. */
async function lookUpExact(
  registry: Registry,
  host: string,
  words: readonly string[],
  { signal }: Ask,
): Promise<Answer> {
  const note = `${registry.address(host)} has no catalogue; only the exact name was looked up`;
  const [word = ''] = words;
  const asked = words.length === 1 ? parseModelName(word) : undefined;
  if (asked === undefined) return { results: [], note };
  try {
    // The host of the word counts where it has one.
    const name = word.split('/').length === 3 ? asked : { ...asked, host };
    const manifest = await registry.manifest(name, { signal });
    return { results: [await detail(registry, name, shownModel(name), [manifest], signal)], note };
  } catch (error) {
    if (isOllamaError(error) && error.code === 'model_not_found') return { results: [], note };
    throw error;
  }
}

/** The name without its tag. */
function shownModel(name: ModelName): string {
  const shown = displayName(name);
  return shown.slice(0, shown.lastIndexOf(':'));
}

async function describe(registry: Registry, name: ModelName, signal: AbortSignal): Promise<Found> {
  const tags = (await soft(registry.tags(name, { signal }))) ?? [];
  const latestFirst = [...tags].sort((a, b) => Number(b === 'latest') - Number(a === 'latest'));
  const manifests = await Promise.all(
    latestFirst
      .slice(0, TAGS_LOOKED_AT)
      .map(async (tag) => await soft(registry.manifest({ ...name, tag }, { signal }))),
  );
  const known = manifests.filter((manifest) => manifest !== undefined);
  return await detail(registry, name, shownModel(name), known, signal);
}

/** One result of the manifests of its tags, the first of which tells what the model can do. */
async function detail(
  registry: Registry,
  name: ModelName,
  shown: string,
  manifests: readonly RegistryManifest[],
  signal: AbortSignal,
): Promise<Found> {
  const [first] = manifests;
  if (first === undefined) return { name: shown, source: 'registry' };
  const templates = openTemplates(registry, signal);
  const [config, template] = await Promise.all([
    soft(registry.config(name, first, { signal })),
    templates(name, first),
  ]);
  const pushed = manifests.flatMap(({ pushedAt }) => pushedAt ?? []);
  return {
    name: shown,
    source: 'registry',
    sizes: [...new Set(manifests.map(({ size }) => size))].sort((a, b) => a - b),
    ...(config === undefined ? {} : { capabilities: readCapabilities(first, config, template) }),
    ...(pushed.length === 0 ? {} : { updatedAt: Math.max(...pushed) }),
  };
}

/** The text of a manifest's template, empty without one. */
type Templates = (name: ModelName, manifest: RegistryManifest) => Promise<string>;

/** Reads templates; one that several tags share is asked for once. */
function openTemplates(registry: Registry, signal: AbortSignal): Templates {
  const asked = new Map<string, Promise<Buffer | undefined>>();
  return async (name, manifest) => {
    const layer = templateLayer(manifest);
    if (layer === undefined) return '';
    const { digest } = layer;
    const template = asked.get(digest) ?? soft(registry.blobStart(name, digest, MOST_TEMPLATE, { signal }));
    asked.set(digest, template);
    return (await template)?.toString('utf8') ?? '';
  };
}

async function listTags(
  registry: Registry,
  name: ModelName,
  onlyTag: boolean,
  { limit, signal }: Ask,
): Promise<Answer> {
  const templates = openTemplates(registry, signal);
  const find = async (tagged: ModelName, strict: boolean): Promise<Found> =>
    await tagOf(registry, tagged, { strict, signal, templates });
  if (onlyTag) return { results: [await find(name, true)] };
  let tags: string[];
  try {
    tags = await registry.tags(name, { signal });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const note = `${registry.address(name.host)} lists no tags; only ${displayName(name)} was looked up`;
    return { results: [await find(name, true)], note };
  }
  const names = tags.slice(0, limit).flatMap((tag) => {
    const shown = displayName({ ...name, tag, source: undefined });
    return parseModelName(shown) === undefined ? [] : [{ ...name, tag, source: undefined }];
  });
  const results = names.map(async (tagged, index) => {
    if (index >= TAGS_DETAILED) return { name: displayName(tagged), source: 'registry' as const };
    return await find(tagged, false);
  });
  const note = names.length > TAGS_DETAILED ? `sizes of the first ${TAGS_DETAILED} only` : undefined;
  return answerOf(await Promise.all(results), signal, note);
}

/** One tag with its size. With `strict` one that is not there is thrown, else it is told by its name alone. */
async function tagOf(
  registry: Registry,
  name: ModelName,
  { strict, signal, templates }: { strict: boolean; signal: AbortSignal; templates: Templates },
): Promise<Found> {
  const bare: Found = { name: displayName(name), source: 'registry' };
  const asked = registry.manifest(name, { signal });
  const manifest = strict ? await asked : await soft(asked);
  if (manifest === undefined) return bare;
  const [config, template] = await Promise.all([
    soft(registry.config(name, manifest, { signal })),
    templates(name, manifest),
  ]);
  return {
    ...bare,
    sizes: [manifest.size],
    digest: manifest.digest,
    ...(config === undefined ? {} : { capabilities: readCapabilities(manifest, config, template) }),
    ...(config?.file_type === undefined ? {} : { quantization: config.file_type }),
    ...(config?.model_type === undefined ? {} : { parameterSizes: [config.model_type] }),
    ...(manifest.pushedAt === undefined ? {} : { updatedAt: manifest.pushedAt }),
  };
}
