import { readSize } from '../config/duration.js';
import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import {
  checkModelName,
  DEFAULT_REGISTRY,
  displayName,
  isHuggingFace,
  type ModelName,
} from '../core/model-name.js';
import { openRegistry, type Registry } from '../core/registry.js';
import { parseHost } from '../core/url.js';
import type { InstalledModel } from '../core/wire.js';
import { cleanLine } from '../format/clean.js';
import { findRegistry, isSandbox, registryOptions } from '../registry.js';
import { askSources, failureOfAll } from './ask-sources.js';
import { huggingFace } from './huggingface.js';
import { library } from './library.js';
import { chooseFound, markInstalled, mergeFound, SORT_NAMES, type SortName, type Wanted } from './merge.js';
import { recommendations } from './recommendations.js';
import { registrySource } from './registry-source.js';
import { SOURCE_NAMES, type Source, type SourceName } from './source.js';
import { checkResultFields, tellFindings, type Told } from './tell.js';

/** The flags of `search` and `tags`, as they were given. */
export interface SearchFlags {
  readonly source?: readonly string[];
  readonly registry?: string;
  readonly maxSize?: string;
  readonly cap?: readonly string[];
  readonly sort?: string;
  readonly limit?: string;
  readonly header?: boolean;
}

const SEARCH_LIMIT = 20;
/** How many of a source's results are looked at where not the first ones are wanted. */
const CHOSEN_FROM = 100;
const MOST = 1000;

/** Looks for models in all sources. Throws `usage`, and the sources' error where none answered. */
export async function runSearch(
  context: Context,
  words: readonly string[],
  flags: SearchFlags,
): Promise<void> {
  const asked = words
    .join(' ')
    .split(/\s+/)
    .filter((word) => word !== '');
  if (asked.length === 0) throw new OllamaError('usage', 'There is nothing to look for: name a word.');
  const wanted = readWanted(flags, SEARCH_LIMIT);
  checkResultFields(context);
  const { sources } = await openSources(context, flags, undefined);
  // What is left out or put behind later must not have taken the place of what stays.
  const chosen =
    wanted.maxSize !== undefined || wanted.capabilities !== undefined || wanted.sort !== undefined;
  const limit = chosen ? Math.max(CHOSEN_FROM, wanted.limit) : wanted.limit;
  const found = askSources(
    sources.filter(({ search }) => search !== undefined),
    (source, signal) => source.search?.(asked, { limit, signal }),
    context.io.signal,
  );
  await tell(
    context,
    { kind: 'search', asked: asked.join(' '), header: flags.header !== false },
    found,
    wanted,
  );
}

/** Lists the tags of a model. Throws `usage`, `invalid_name`, `model_not_found`. */
export async function runTags(context: Context, model: string, flags: SearchFlags): Promise<void> {
  const written = checkModelName(model);
  const wanted = readWanted(flags, MOST);
  checkResultFields(context);
  const { sources, host } = await openSources(context, flags, model);
  const name: ModelName = written.host === DEFAULT_REGISTRY ? { ...written, host } : written;
  const onlyTag = /:[^/]*$/.test(model);
  const found = askSources(
    sources.filter(({ tags }) => tags !== undefined),
    (source, signal) => source.tags?.(name, onlyTag, { limit: MOST, signal }),
    context.io.signal,
  ).then((findings) => {
    if (findings.results.length > 0 || failureOfAll(findings.reports)) return findings;
    throw new OllamaError('model_not_found', `No source has a manifest of ${displayName(name)}.`, {
      model: displayName(name),
      host: context.client.host.url,
    });
  });
  await tell(context, { kind: 'tags', asked: model, header: flags.header !== false }, found, wanted);
}

async function tell(
  context: Context,
  told: Pick<Told, 'kind' | 'asked' | 'header'>,
  asked: ReturnType<typeof askSources>,
  wanted: Wanted,
): Promise<void> {
  const [{ results, reports }, installed] = await Promise.all([asked, listInstalled(context)]);
  const failure = failureOfAll(reports);
  if (failure) throw failure;
  const { chosen, unknown } = chooseFound(mergeFound(results), wanted);
  await tellFindings(context, { ...told, results: markInstalled(chosen, installed), reports, unknown });
}

/** The installed models, or undefined where the server does not tell: what others offer is found without it. */
async function listInstalled({ client, io }: Context): Promise<readonly InstalledModel[] | undefined> {
  try {
    return await client.list({ signal: io.signal });
  } catch (error) {
    if (!isOllamaError(error) || error.code === 'interrupted') throw error;
    io.stderr.write(`warning: what is installed is not known: ${cleanLine(error.message)}\n`);
    return undefined;
  }
}

function readWanted({ maxSize, cap, sort, limit }: SearchFlags, usual: number): Wanted {
  const bytes = maxSize === undefined ? undefined : readSize(maxSize);
  if (maxSize !== undefined && bytes === undefined) {
    throw new OllamaError('usage', `--max-size: "${maxSize}" is no size.`, { hint: 'Write 8GB or 500MB.' });
  }
  if (sort !== undefined && !SORT_NAMES.some((name) => name === sort)) {
    throw new OllamaError('usage', `There is no order "${sort}": it is ${SORT_NAMES.join(', ')}.`);
  }
  if (limit !== undefined && !(/^\d{1,4}$/.test(limit) && Number(limit) > 0 && Number(limit) <= MOST)) {
    throw new OllamaError('usage', `--limit: "${limit}" is no number from 1 to ${MOST}.`);
  }
  return {
    maxSize: bytes,
    capabilities: cap?.map((word) => word.toLowerCase()),
    sort: sort as SortName | undefined,
    limit: limit === undefined ? usual : Number(limit),
  };
}

/** The sources to ask, and the host of names that have none. `model` is the one whose tags are wanted. */
async function openSources(
  context: Context,
  flags: SearchFlags,
  model: string | undefined,
): Promise<{ sources: readonly Source[]; host: string }> {
  const { settings, client } = context;
  const named = checkSources(flags.source);
  const { registry, host } = await openNamed(context, flags.registry);
  const sandbox = flags.registry === undefined && (await isSandbox(context));
  const web = registryOptions(context);
  const all: readonly Source[] = [
    recommendations(client),
    registrySource(registry, host),
    library(settings.search?.library_url ?? 'https://ollama.com', web),
    huggingFace(settings.search?.huggingface_url ?? 'https://huggingface.co', web),
  ];
  const usual = new Set(usualSources(flags.registry !== undefined, sandbox, model));
  return { sources: all.filter(({ name }) => (named ?? usual).has(name)), host };
}

/** A registry that is named is asked alone; a sandbox is a world of its own, from which nothing goes out. */
function usualSources(named: boolean, sandbox: boolean, model: string | undefined): readonly SourceName[] {
  if (named || sandbox) return ['registry'];
  if (model === undefined) return SOURCE_NAMES;
  if (isHuggingFace(model)) return ['huggingface'];
  return checkModelName(model).host === DEFAULT_REGISTRY ? ['registry', 'library'] : ['registry'];
}

function checkSources(names: readonly string[] | undefined): Set<SourceName> | undefined {
  if (names === undefined) return undefined;
  const known = SOURCE_NAMES.filter((name) => names.includes(name));
  const unknown = names.find((name) => !known.some((one) => one === name));
  if (unknown === undefined) return new Set(known);
  throw new OllamaError('usage', `There is no source "${unknown}": it is ${SOURCE_NAMES.join(', ')}.`);
}

/** The registry of `--registry`, whose names have its host; else the one that belongs to the server. */
async function openNamed(
  context: Context,
  address: string | undefined,
): Promise<{ registry: Registry; host: string }> {
  if (address === undefined) return { registry: await findRegistry(context), host: DEFAULT_REGISTRY };
  const { hostname, port, protocol, path, authorization } = parseHost(
    /^[a-z]+:\/\//i.test(address) ? address : `https://${address}`,
  );
  if (authorization !== undefined || path !== '' || hostname.includes(':')) {
    throw new OllamaError('usage', '--registry: a host is wanted, without a path and without a password.', {
      hint: 'Write https://registry.example:5000, or http:// where it has no TLS.',
    });
  }
  const usual = protocol === 'https:' ? 443 : 80;
  const insecure = protocol === 'http:';
  return {
    registry: openRegistry({ ...registryOptions(context), insecure }),
    host: port === usual ? hostname : `${hostname}:${port}`,
  };
}
