import { setMaxListeners } from 'node:events';
import { askOrDecline, mayAsk } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { sleep } from '../core/retry.js';
import { relay } from '../core/time-limit.js';
import { isLoopback } from '../core/url.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import type { LookUps } from './look-up.js';
import type { Wanted } from './names.js';
import { seeDisk, seeMisfits, type Disk, type Misfit } from './see-room.js';
import type { Teller } from './teller.js';

/** How long it is waited for once all else is ready: a check must not hold up the pull that it is for. In milliseconds. */
const CHECK_MS = 1_500;

/** Something that speaks against a pull. */
export interface Doubt {
  readonly model: string;
  readonly code: 'no_space' | 'not_allowed';
  readonly what: string;
  /** False where the server may be on another machine than the address says: then nothing is refused. */
  readonly sure: boolean;
}

/**
 * Begins to look, where the server is on this machine, whether the disk holds what is still missing, and the memory the
 * models. What it returns gives the doubts that are known a second and a half after it is called; it never rejects.
 */
export function lookForDoubts(
  context: Context,
  wanted: readonly Wanted[],
  lookUps: LookUps,
): () => Promise<readonly Doubt[]> {
  const { client, io } = context;
  if (!isLoopback(client.host.hostname)) return async () => [];
  const models = wanted.map(({ model }) => model);
  const { signal, abort, release } = relay(io.signal);
  // Each request that is under way listens; Node takes more than ten for a leak.
  setMaxListeners(0, signal);
  const seeing = {
    disk: seeDisk(context, models, lookUps),
    misfits: seeMisfits(context, models, lookUps, signal),
  };
  return async () => {
    const late = sleep(CHECK_MS, signal).then(
      () => undefined,
      () => undefined,
    );
    try {
      const disk = await Promise.race([seeing.disk, late]);
      const misfits = await Promise.race([seeing.misfits, late]);
      return [
        ...diskDoubts(context, models, disk),
        ...memoryDoubts(context, misfits ?? [], disk?.sure === true),
      ];
    } finally {
      abort('ended');
      release();
    }
  };
}

/**
 * Asks about each doubt in a terminal; without one it throws `no_space` or `not_allowed`, or warns where the address may
 * lead to a container or through a tunnel. `resume` is called after a question. Throws `declined`.
 */
export async function settleDoubts(
  context: Context,
  doubts: readonly Doubt[],
  teller: Teller,
  resume: () => Promise<void>,
): Promise<void> {
  context.io.signal.throwIfAborted();
  for (const doubt of doubts) await settle(context, doubt, teller, resume);
}

function diskDoubts({ client }: Context, models: readonly string[], disk: Disk | undefined): Doubt[] {
  if (disk === undefined || disk.missing <= disk.free) return [];
  const [first = ''] = models;
  const whose = models.length === 1 ? cleanLine(first) : `${models.length} models`;
  const need = `${formatBytes(disk.missing)} of ${whose} are still to be fetched`;
  const have = `${formatBytes(disk.free)} are free in ${cleanLine(disk.folder)} of ${client.host.display}`;
  return [{ model: first, code: 'no_space', what: `${need}, and ${have}.`, sure: disk.sure }];
}

function memoryDoubts({ client }: Context, misfits: readonly Misfit[], sure: boolean): Doubt[] {
  return misfits.map(({ model, needed, available }) => {
    const need = `${cleanLine(model)} needs about ${formatBytes(needed)} of memory (an estimate)`;
    const what = `${need}, and ${client.host.display} has ${formatBytes(available)}.`;
    return { model, code: 'not_allowed', what, sure };
  });
}

async function settle(
  context: Context,
  { model, code, what, sure }: Doubt,
  teller: Teller,
  resume: () => Promise<void>,
): Promise<void> {
  const facts = { host: context.client.host.url, model };
  if (mayAsk(context)) {
    await teller.pause();
    if (!(await askOrDecline(context, `${what}\nPull it all the same?`))) {
      throw new OllamaError('declined', 'Nothing was pulled.', facts);
    }
    return await resume();
  }
  if (!sure) return await teller.warn(what, model);
  throw new OllamaError(code, what, { ...facts, hint: 'With --yes it is pulled all the same.' });
}
