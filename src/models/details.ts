import { readFileSync } from 'node:fs';
import path from 'node:path';
import { cacheDir } from '../config/paths.js';
import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { isFields, type Fields } from '../core/fields.js';
import { timeLimit } from '../core/time-limit.js';
import type { InstalledModel, ShowResponse } from '../core/wire.js';
import type { Io } from '../io.js';

/** What `/api/show` tells of a model that a list may lack. It follows from the manifest, whatever server has it. */
export interface ModelDetail {
  readonly capabilities?: readonly string[] | undefined;
  /** The most tokens that the model was made for. */
  readonly contextLength?: number | undefined;
  /** The digests of the blobs that its Modelfile is `FROM`, `sha256:…`. */
  readonly weights?: readonly string[] | undefined;
}

/** What is known of models, by their digests in bare hex. */
export interface Details {
  get(digest: string): ModelDetail | undefined;
  /** Keeps what was asked for; a cache that can't be written costs nothing but the next asking. */
  save(): Promise<void>;
}

interface Entry extends ModelDetail {
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
}

const MOST_ENTRIES = 1000;
const SIDE_BY_SIDE = 8;
/** All of the asking together; what has not come by then stays unknown this time. */
const LIMIT_MS = 2_000;
/** How long it is believed that a server does not tell what a model can do: it may be a newer one by then. */
const UNTOLD_MS = 24 * 3_600_000;
/** A model has a handful of each; a server that sends more is not to fill the disk. */
const MOST_WORDS = 32;
const LONGEST_WORD = 80;
const DIGEST = /^[0-9a-f]{64}$/;

/** The blobs that a Modelfile of `/api/show` is `FROM`, as `sha256:…`, in order; empty where it names none. */
export function weightsIn(modelfile: string): string[] {
  const weights: string[] = [];
  for (const line of modelfile.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    // They stand first: what follows is text of the model's maker, in which anything may stand.
    const digest = /^FROM .*\bsha256[-:]([0-9a-f]{64})"?\s*$/i.exec(line)?.[1];
    if (digest === undefined) break;
    weights.push(`sha256:${digest.toLowerCase()}`);
  }
  return weights;
}

const isWord = (word: unknown): word is string => typeof word === 'string' && word.length <= LONGEST_WORD;

function soundWords(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  // As it is where all is well: of a thousand models, copies take time.
  if (value.length <= MOST_WORDS && value.every(isWord)) return value;
  return value.filter(isWord).slice(0, MOST_WORDS);
}

function soundLength(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function entry(capabilities: unknown, contextLength: unknown, weights: unknown, askedAt: number): Entry {
  const blobs = soundWords(weights);
  return {
    askedAt,
    capabilities: soundWords(capabilities),
    contextLength: soundLength(contextLength),
    weights: blobs?.length === 0 ? undefined : blobs,
  };
}

function fromShow(shown: ShowResponse, askedAt: number): Entry {
  const info = shown.model_info ?? {};
  const architecture = info['general.architecture'];
  const length = typeof architecture === 'string' ? info[`${architecture}.context_length`] : undefined;
  return entry(
    shown.capabilities ?? undefined,
    length ?? shown.details.context_length,
    weightsIn(shown.modelfile ?? ''),
    askedAt,
  );
}

function fromCache(fields: Fields): Entry {
  const askedAt = Date.parse(String(fields['asked_at'])) || 0;
  return entry(fields['capabilities'], fields['context_length'], fields['weights'], askedAt);
}

function toCache({ capabilities, contextLength, weights, askedAt }: Entry): object {
  const asked_at = new Date(askedAt).toISOString();
  return { capabilities, context_length: contextLength, weights, asked_at };
}

/** What a cache file holds, unchecked; nothing of one that is damaged, or not ours. */
function modelsIn(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) && isFields(value['models']) ? value['models'] : {};
  } catch {
    return {};
  }
}

function entryIn(models: Fields, digest: string): Entry | undefined {
  const fields = Object.hasOwn(models, digest) ? models[digest] : undefined;
  return isFields(fields) ? fromCache(fields) : undefined;
}

/** The entries of a cache file; none of one that is damaged, or not ours. */
export function parseDetails(text: string): Map<string, Entry> {
  const models = modelsIn(text);
  return new Map(
    Object.keys(models).flatMap((digest): [string, Entry][] => {
      const one = DIGEST.test(digest) ? entryIn(models, digest) : undefined;
      return one === undefined ? [] : [[digest, one]];
    }),
  );
}

/** The text of a cache file, the latest 1,000 entries. */
export function formatDetails(entries: ReadonlyMap<string, Entry>): string {
  const latest = [...entries].slice(-MOST_ENTRIES).map(([digest, one]) => [digest, toCache(one)]);
  return `${JSON.stringify({ models: Object.fromEntries(latest) as unknown })}\n`;
}

/** What the cache holds, before anything of it is looked at. */
export interface KeptDetails {
  readonly file: string;
  readonly text: string;
  readonly models: Fields;
}

/** Reads the cache, at once and not by a promise, which takes a list longer than the reading itself. Never throws. */
export function readKept(io: Pick<Io, 'env' | 'platform'>): KeptDetails {
  const file = path.join(cacheDir(io.env, io.platform), 'details.json');
  try {
    const text = readFileSync(file, 'utf8');
    return { file, text, models: modelsIn(text) };
  } catch {
    return { file, text: '', models: {} };
  }
}

/** The key of a model in the cache; a server's own digest may be anything. */
function keyOf(digest: string): string {
  return digest.replace(/^sha256:/, '').toLowerCase();
}

/**
 * What is known of these models: from the cache, and of those that it lacks from the server, each digest once, for two
 * seconds at most. What can't be had stays unknown. Throws `interrupted` alone.
 */
export async function findDetails(
  context: Pick<Context, 'io' | 'client'>,
  models: readonly InstalledModel[],
  kept: KeptDetails = readKept(context.io),
): Promise<Details> {
  const { io } = context;
  const entries = new Map<string, Entry | undefined>();
  // Only what is asked for is checked: the cache may hold a thousand.
  const entryOf = (digest: string): Entry | undefined => {
    if (!entries.has(digest)) entries.set(digest, entryIn(kept.models, digest));
    return entries.get(digest);
  };
  const isKnown = (digest: string): boolean => {
    const known = entryOf(digest);
    return known !== undefined && (known.capabilities !== undefined || io.now() - known.askedAt < UNTOLD_MS);
  };
  const missing = new Map(models.map((model) => [keyOf(model.digest), model]));
  for (const [digest, model] of missing) {
    if (isKnown(digest) || model.remote_host !== undefined || !DIGEST.test(digest)) missing.delete(digest);
  }
  const asked = missing.size === 0 ? new Map<string, Entry>() : await askAll(context, missing);
  for (const [digest, one] of asked) entries.set(digest, one);
  return {
    get: (digest) => entryOf(keyOf(digest)),
    save: async () => {
      if (asked.size === 0) return;
      // As it is by now: others may have kept what they asked for meanwhile.
      const all = parseDetails(readKept(io).text);
      // Those asked last stand last: the first ones go when there are too many.
      for (const digest of asked.keys()) all.delete(digest);
      // Loaded here: mostly all is known, and a list is to be quick.
      const { writeFileAtomic } = await import('../config/atomic-write.js');
      await writeFileAtomic(kept.file, formatDetails(new Map([...all, ...asked]))).catch(() => undefined);
    },
  };
}

async function askAll(
  { io, client }: Pick<Context, 'io' | 'client'>,
  missing: ReadonlyMap<string, InstalledModel>,
): Promise<Map<string, Entry>> {
  const answers = new Map<string, Entry>();
  const queue = [...missing];
  const bound = timeLimit(io.signal, LIMIT_MS, () => new OllamaError('timeout', 'The time is out.'));
  const ask = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [digest, { name }] = next;
      try {
        answers.set(digest, fromShow(await client.show(name, { signal: bound.signal }), io.now()));
      } catch (error) {
        // A model may have gone meanwhile; a server that can't be asked at all is not asked 50 times.
        if (!isOllamaError(error) || error.code !== 'model_not_found') queue.length = 0;
        if (io.signal.aborted) throw error;
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, ask));
  } finally {
    bound.stop();
  }
  return answers;
}
