import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../config/atomic-write.js';
import { openOwn } from '../config/open-own.js';
import { stateDir } from '../config/paths.js';
import { isFields } from '../core/fields.js';
import { displayName, parseModelName } from '../core/model-name.js';
import type { Io } from '../io.js';

/** One use of a model by this program. `host` is a server's address, `at` milliseconds since the epoch. */
export interface Use {
  readonly host: string;
  readonly model: string;
  readonly at: number;
  /** Of the answer; absent where there was none, or the server did not say. */
  readonly tokensPerSecond?: number | undefined;
  /** How long the server took to load the model, in milliseconds; not kept of one that was loaded already. */
  readonly loadMs?: number | undefined;
}

/** The last use of a model. */
export type LastUse = Pick<Use, 'at' | 'tokensPerSecond' | 'loadMs'>;

type UsageIo = Pick<Io, 'env' | 'platform'>;

/** The record is written anew, the last use of each model alone, once it is longer than this. In bytes. */
const LONGEST_RECORD = 200_000;
const MOST_KEPT = 1000;
const LONGEST_LINE = 2_000;
/** A model that is in memory is "loaded" in less. */
const SHORTEST_LOAD_MS = 500;

/** Whether anything of what a person does is kept: not with `history: false`, `--no-history` or OLLAMA_NOHISTORY. */
export function keepsHistory({ env }: Pick<Io, 'env'>, settings: { readonly history: boolean }): boolean {
  return settings.history && !/^\s*(?:1|t|true|yes|on)\s*$/i.test(env['OLLAMA_NOHISTORY'] ?? '');
}

/** Whether conversations are kept: not with `sessions: false`, and not where no history is. */
export function keepsSessions(
  io: Pick<Io, 'env'>,
  settings: { readonly history: boolean; readonly sessions: boolean },
): boolean {
  return settings.sessions && keepsHistory(io, settings);
}

/** The name by which a model is found in the record: as Ollama shows it, in lower case. */
export function usageName(model: string): string {
  const name = parseModelName(model);
  return (name ? displayName(name) : model).toLowerCase();
}

function usageFile({ env, platform }: UsageIo): string {
  return path.join(stateDir(env, platform), 'usage.jsonl');
}

function parseLine(line: string): Use | undefined {
  if (line === '' || line.length > LONGEST_LINE) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    if (!isFields(value)) return undefined;
    const { host, model, at, tokens_per_second: speed, load_ms: load } = value;
    const time = typeof at === 'string' ? Date.parse(at) : Number.NaN;
    if (typeof host !== 'string' || typeof model !== 'string' || Number.isNaN(time)) return undefined;
    return {
      ...{ host, model, at: time },
      ...(typeof speed === 'number' ? { tokensPerSecond: speed } : {}),
      ...(typeof load === 'number' && load > SHORTEST_LOAD_MS ? { loadMs: load } : {}),
    };
  } catch {
    return undefined;
  }
}

/** The uses in a record, in its order; lines that are damaged, or not ours, are passed over. */
export function parseUsage(text: string): Use[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}

function formatLine({ host, model, at, tokensPerSecond, loadMs }: Use): string {
  const above = (value: number | undefined, least: number): number | undefined =>
    value !== undefined && value > least ? value : undefined;
  const line = {
    ...{ at: new Date(at).toISOString(), host, model: usageName(model) },
    tokens_per_second: above(tokensPerSecond, 0),
    load_ms: above(loadMs, SHORTEST_LOAD_MS),
  };
  return `${JSON.stringify(line)}\n`;
}

/** The last use of each model on each host, the earliest first; what only an earlier use told of it stays. */
export function lastUses(uses: readonly Use[]): Use[] {
  const last = new Map<string, Use>();
  for (const use of uses) {
    const key = JSON.stringify([use.host, usageName(use.model)]);
    const before = last.get(key);
    const [older, newer] = before !== undefined && before.at > use.at ? [use, before] : [before, use];
    last.set(key, {
      ...newer,
      tokensPerSecond: newer.tokensPerSecond ?? older?.tokensPerSecond,
      loadMs: newer.loadMs ?? older?.loadMs,
    });
  }
  return [...last.values()].sort((a, b) => a.at - b.at);
}

/** Keeps what matters of a long record, unless another process wrote to it meanwhile. */
async function compact(file: string): Promise<void> {
  const content = await readFile(file);
  const kept = lastUses(parseUsage(content.toString('utf8'))).slice(-MOST_KEPT);
  if ((await stat(file)).size === content.length) await writeFileAtomic(file, kept.map(formatLine).join(''));
}

async function append(file: string, use: Use, platform: NodeJS.Platform): Promise<void> {
  const handle = await openOwn(file, 'a');
  let size: number;
  try {
    if (platform !== 'win32') await handle.chmod(0o600);
    // One write of a whole line at the end: processes that share the file do not tear each other's lines.
    await handle.writeFile(formatLine(use));
    ({ size } = await handle.stat());
  } finally {
    await handle.close();
  }
  if (size > LONGEST_RECORD) await compact(file);
}

/** Keeps a use in `usage.jsonl` of the state folder, unless nothing is to be kept. Never rejects. */
export async function recordUse(
  io: UsageIo,
  settings: { readonly history: boolean },
  use: Use,
): Promise<void> {
  if (!keepsHistory(io, settings)) return;
  // Not worth a word: the record costs `prune` a date, and the answer is there.
  await append(usageFile(io), use, io.platform).catch(() => undefined);
}

/** The last use of each model on a host, by `usageName`; empty where no record can be read. */
export async function readUsage(io: UsageIo, host: string): Promise<ReadonlyMap<string, LastUse>> {
  const text = await readFile(usageFile(io), 'utf8').catch(() => '');
  const uses = lastUses(parseUsage(text).filter((use) => use.host === host));
  return new Map(uses.map((use) => [usageName(use.model), use]));
}

/** When each model on a host was last used, in milliseconds since the epoch, by `usageName`. */
export async function readUses(io: UsageIo, host: string): Promise<ReadonlyMap<string, number>> {
  return new Map([...(await readUsage(io, host))].map(([model, { at }]) => [model, at]));
}
