import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** The memory of a graphics card, or of several together, in bytes. */
export interface CardMemory {
  readonly free: number;
  readonly total: number;
}

/** What Linux and the limits around this process leave, in bytes; undefined where `/proc/meminfo` can't be read. */
export async function readLinuxMemory(
  root: string,
): Promise<{ available: number; total: number } | undefined> {
  const meminfo = await readText(path.join(root, 'proc/meminfo'));
  const total = meminfoField(meminfo, 'MemTotal');
  if (total === undefined) return undefined;
  const available = meminfoField(meminfo, 'MemAvailable') ?? meminfoField(meminfo, 'MemFree') ?? total;
  const limits = await readLimits(root);
  return limits.reduce(
    (least, { limit, used }) => ({
      available: Math.min(least.available, Math.max(0, limit - used)),
      total: Math.min(least.total, limit),
    }),
    { available: Math.min(available, total), total },
  );
}

function meminfoField(meminfo: string, name: string): number | undefined {
  const kibibytes = new RegExp(`^${name}:\\s+(\\d{1,15}) kB$`, 'm').exec(meminfo)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** The names of a control group's files, in its second and first version. */
const GROUP_FILES = [
  { mount: 'sys/fs/cgroup', limit: 'memory.max', used: 'memory.current', cache: 'inactive_file' },
  {
    mount: 'sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    used: 'memory.usage_in_bytes',
    cache: 'total_inactive_file',
  },
] as const;

/** The limits of this process's control groups, from its own up to the root: the least of them counts. */
async function readLimits(root: string): Promise<{ limit: number; used: number }[]> {
  const groups = await readText(path.join(root, 'proc/self/cgroup'));
  const [second, first] = [/^0::(\/.*)$/m, /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m].map(
    (pattern) => pattern.exec(groups)?.[1],
  );
  const found: { limit: number; used: number }[] = [];
  for (const [files, group] of [
    [GROUP_FILES[0], second],
    [GROUP_FILES[1], first],
  ] as const) {
    for (const folder of foldersUp(group ?? '/')) {
      const at = (file: string): string => path.join(root, files.mount, folder, file);
      const [limit, used, stat] = await Promise.all(
        [files.limit, files.used, 'memory.stat'].map((file) => readText(at(file))),
      );
      // "max", or the huge number of the first version, is no limit.
      if (!/^\d{1,18}\s*$/.test(limit ?? '')) continue;
      const cache = new RegExp(`^${files.cache} (\\d{1,18})$`, 'm').exec(stat ?? '')?.[1] ?? '0';
      // What is only kept of files is given up when it is needed.
      found.push({ limit: Number(limit), used: Math.max(0, (Number(used) || 0) - Number(cache)) });
    }
  }
  return found;
}

/** A folder and those above it; one that leads out of its root, as in a container, begins there. */
function foldersUp(folder: string): string[] {
  const parts = path.posix.normalize(folder).split('/').filter(Boolean);
  return parts
    .reduceRight<string[]>((all, _, index) => [...all, parts.slice(0, index + 1).join('/')], [])
    .concat('/');
}

/** The cards whose Linux driver tells their memory, AMD's; undefined where there is none. */
export async function readLinuxGpus(root: string): Promise<CardMemory | undefined> {
  const folder = path.join(root, 'sys/class/drm');
  const cards = (await readdir(folder).catch(() => [])).filter((name) => /^card\d+$/.test(name));
  const read = await Promise.all(
    cards.map(async (card) => {
      const [total, used] = await Promise.all(
        ['total', 'used'].map((what) => readText(path.join(folder, card, 'device', `mem_info_vram_${what}`))),
      );
      if (!/^\d{1,18}\s*$/.test(total ?? '')) return undefined;
      return { total: Number(total), free: Math.max(0, Number(total) - (Number(used) || 0)) };
    }),
  );
  const known = read.filter((card) => card !== undefined && card.total >= SMALLEST) as CardMemory[];
  return known.length === 0 ? undefined : addUp(known);
}

/** A graphics processor inside the main one has a little memory set aside, which Ollama does not count on. */
const SMALLEST = 1e9;

/** Several cards as one: a model is laid over all of them. */
export function addUp(cards: readonly CardMemory[]): CardMemory {
  return cards.reduce((sum, { free, total }) => ({ free: sum.free + free, total: sum.total + total }), {
    free: 0,
    total: 0,
  });
}

async function readText(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch(() => '');
}
