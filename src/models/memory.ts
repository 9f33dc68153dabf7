import { freemem, totalmem } from 'node:os';
import type { Context } from '../context.js';
import { isLoopback } from '../core/url.js';
import { readLinuxMemory, readLinuxGpus } from './memory-linux.js';
import { askNvidia } from './memory-nvidia.js';

/** Memory of the machine that the server runs on, in bytes. */
export interface SeenMemory {
  /** What programs can still take. */
  readonly ram: number | undefined;
  /** What is free on the graphics cards, all of them together; absent where none is seen. */
  readonly vram?: number;
  /** What there is in all, in use or not. */
  readonly ramTotal?: number;
  readonly vramTotal?: number;
  /** True where the graphics processor uses a part of the same memory. */
  readonly unified?: boolean;
  /** Where the figures are from, in a few words. */
  readonly source: string;
}

/** Where the system is looked at; a test has a root of its own. */
export interface MemoryOptions {
  readonly root?: string;
  /** How long nvidia-smi may take, in milliseconds: 2,000 by default. */
  readonly limitMs?: number;
}

/**
 * Apple's systems let a graphics processor have about two thirds of the memory, three quarters from 36 GiB on.
 * Source: recommendedMaxWorkingSetSize as measured on such machines.
 */
const UNIFIED_LARGE = 36 * 2 ** 30;

/**
 * The memory of the server's machine, where that is this one: only behind a loopback address, which may yet lead into a
 * container or a tunnel. Undefined for any other server.
 */
export async function seeMemory(
  { io, client }: Pick<Context, 'io' | 'client'>,
  { root = '/', limitMs = 2_000 }: MemoryOptions = {},
): Promise<SeenMemory | undefined> {
  if (!isLoopback(client.host.hostname)) return undefined;
  const linux = io.platform === 'linux';
  const [memory, nvidia, others] = await Promise.all([
    linux ? readLinuxMemory(root) : undefined,
    io.platform === 'darwin' ? undefined : askNvidia(io, limitMs),
    linux ? readLinuxGpus(root) : undefined,
  ]);
  const ram = memory?.available ?? freemem();
  const ramTotal = memory?.total ?? totalmem();
  if (io.platform === 'darwin') return unify(ramTotal);
  const cards = [nvidia, others].filter((card) => card !== undefined);
  if (cards.length === 0) return { ram, ramTotal, source: 'this machine' };
  const sum = (key: 'free' | 'total'): number => cards.reduce((bytes, card) => bytes + card[key], 0);
  const source = nvidia ? 'this machine, nvidia-smi' : 'this machine, its graphics driver';
  return { ram, ramTotal, vram: sum('free'), vramTotal: sum('total'), source };
}

/** A Mac with so much memory. What macOS calls free leaves out what it gives up at once: all of it counts. */
export function unify(total: number): Required<SeenMemory> {
  const vram = Math.floor(total * (total >= UNIFIED_LARGE ? 0.75 : 2 / 3));
  return {
    ram: total,
    ramTotal: total,
    vram,
    vramTotal: vram,
    unified: true,
    source: 'this machine, shared with its GPU',
  };
}
