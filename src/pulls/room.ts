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

/** How long a pull waits for the check that it is for; what takes longer goes on beside it. In milliseconds. */
const BEFORE_MS = 400;
/** What is not known by then speaks against nothing. In milliseconds. */
const LATEST_MS = 5_000;

/** Something that speaks against a pull. */
interface Doubt {
  readonly model: string;
  readonly code: 'no_space' | 'not_allowed';
  readonly what: string;
  /** False where the server may be on another machine than the address says: then nothing is refused. */
  readonly sure: boolean;
}

/** The check of disk and memory, where the server is on this machine. */
export interface RoomCheck {
  /** Settles what is found in a moment, before anything is pulled. Throws `no_space`, `not_allowed` and `declined`. */
  before(): Promise<void>;
  /** Settles the rest while the pulls run; `stop` ends them with what `before` would have thrown. */
  beside(stop: (error: unknown) => void): void;
  /** Waits while a question stands, and throws what ended the pulls. */
  passed(): Promise<void>;
  end(): void;
}

/** Begins to look for room. `resume` is called after a question, to show again what is live. */
export function openRoomCheck(
  context: Context,
  wanted: readonly Wanted[],
  lookUps: LookUps,
  { teller, resume }: { readonly teller: Teller; resume(): Promise<void> },
): RoomCheck {
  const { signal, abort, release } = relay(context.io.signal);
  const moment = pause(BEFORE_MS, signal);
  let left = isLoopback(context.client.host.hostname) ? lookForDoubts(context, wanted, lookUps, signal) : [];
  let settled = Promise.resolve();
  let ended = false;
  return {
    before: async () => {
      const later: typeof left = [];
      for (const finding of left) {
        const doubts = await Promise.race([finding, moment]);
        if (doubts === undefined) later.push(finding);
        else await settleDoubts(context, doubts, teller, resume, false);
      }
      left = later;
    },
    beside: (stop) => {
      const settleRest = async (): Promise<void> => {
        for (const finding of left) {
          const doubts = await finding;
          if (ended || doubts.length === 0) continue;
          settled = settleDoubts(context, doubts, teller, resume, true);
          await settled;
        }
      };
      void settleRest().catch(stop);
    },
    passed: async () => await settled,
    end: () => {
      ended = true;
      abort('ended');
      release();
    },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<undefined> {
  await sleep(ms, signal).catch(() => undefined);
  return undefined;
}

/** Doubts about the disk, whether it holds what is still missing, and about the memory. None of the two rejects. */
function lookForDoubts(
  context: Context,
  wanted: readonly Wanted[],
  lookUps: LookUps,
  signal: AbortSignal,
): Promise<readonly Doubt[]>[] {
  const models = wanted.map(({ model }) => model);
  const late = pause(LATEST_MS, signal);
  const disk = Promise.race([seeDisk(context, models, lookUps), late]);
  const misfits = Promise.race([seeMisfits(context, models, lookUps, signal), late]);
  return [
    disk.then((seen) => diskDoubts(context, models, seen)),
    Promise.all([disk, misfits]).then(([seen, found]) => {
      return memoryDoubts(context, found ?? [], seen?.sure === true);
    }),
  ];
}

/**
 * Asks about each doubt in a terminal; without one it throws `no_space` or `not_allowed`, or warns where the address may
 * lead to a container or through a tunnel. Throws `declined`.
 */
async function settleDoubts(
  context: Context,
  doubts: readonly Doubt[],
  teller: Teller,
  resume: () => Promise<void>,
  begun: boolean,
): Promise<void> {
  context.io.signal.throwIfAborted();
  for (const doubt of doubts) await settle(context, doubt, teller, resume, begun);
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
  begun: boolean,
): Promise<void> {
  const facts = { host: context.client.host.url, model };
  if (mayAsk(context)) {
    await teller.pause();
    if (!(await askOrDecline(context, `${what}\nPull it all the same?`))) {
      const what = begun ? 'Stopped; what has come is kept on the server.' : 'Nothing was pulled.';
      throw new OllamaError('declined', what, facts);
    }
    return await resume();
  }
  if (!sure) return await teller.warn(what, model);
  throw new OllamaError(code, what, { ...facts, hint: 'With --yes it is pulled all the same.' });
}
