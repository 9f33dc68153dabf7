import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../config/atomic-write.js';
import { cacheDir } from '../config/paths.js';
import type { Feature, FeatureMemory } from '../core/features.js';
import { isFields } from '../core/fields.js';
import type { Io } from '../io.js';

/** Servers are updated: what was refused longer ago is asked for again. In milliseconds. */
const KEPT_MS = 24 * 3_600_000;
const LARGEST_FILE = 100_000;
const MOST_HOSTS = 100;

type Refusals = Readonly<Record<string, number>>;

/** What the server at `host` refused as too new for it, kept in a file of the cache. Neither reading nor writing throws. */
export function openFeatureMemory(io: Pick<Io, 'env' | 'platform' | 'now'>, host: string): FeatureMemory {
  const file = path.join(cacheDir(io.env, io.platform), 'features.json');
  return {
    async isRefused(feature) {
      const at = (await readAll(file)).get(host)?.[feature];
      return at !== undefined && io.now() - at < KEPT_MS && at <= io.now();
    },
    async refuse(feature: Feature) {
      const all = await readAll(file);
      const own = { ...all.get(host), [feature]: io.now() };
      const others = [...all].filter(([name]) => name !== host).slice(1 - MOST_HOSTS);
      const entries = Object.fromEntries([...others, [host, own]]);
      await writeFileAtomic(file, `${JSON.stringify(entries)}\n`).catch(() => undefined);
    },
  };
}

async function readAll(file: string): Promise<ReadonlyMap<string, Refusals>> {
  try {
    const text = await readFile(file, 'utf8');
    const value: unknown = text.length > LARGEST_FILE ? undefined : JSON.parse(text);
    if (!isFields(value)) return new Map();
    return new Map(Object.entries(value).map(([host, entry]) => [host, numbersOf(entry)]));
  } catch {
    return new Map();
  }
}

function numbersOf(entry: unknown): Refusals {
  if (!isFields(entry)) return {};
  return Object.fromEntries(
    Object.entries(entry).filter((pair): pair is [string, number] => typeof pair[1] === 'number'),
  );
}
