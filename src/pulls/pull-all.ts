import { checkAllowed, checkProjectHost } from '../consent.js';
import type { Context } from '../context.js';
import { isOllamaError, type OllamaError } from '../core/errors.js';
import { checkModelName } from '../core/model-name.js';
import { createPool } from '../core/pool.js';
import { boardTotals, type PullBoard } from '../core/pull-board.js';
import { reducePull, startPull, type PullState } from '../core/pull.js';
import { pullTotals } from '../core/pull-totals.js';
import { interruption, relay } from '../core/time-limit.js';
import type { InstalledModel } from '../core/wire.js';
import { toOllamaError } from '../failure.js';
import { openEventWriter, readFields } from '../output/fields.js';
import { runPull } from '../output/run-pull.js';
import { explainFailure } from './explain.js';
import { openLookUps, type LookUps } from './look-up.js';
import { groupNames, type Wanted } from './names.js';
import { sumUp, type EndedPull, type PullsOutcome } from './outcome.js';
import { openRoomCheck, type RoomCheck } from './room.js';
import { waitFor } from './start-time.js';
import { EVENT_FIELDS, openJsonTeller } from './tell-json.js';
import type { Teller } from './teller.js';

export type { PullsOutcome } from './outcome.js';

/** How several models are pulled. All may be left out. */
export interface PullAllOptions {
  /** How many side by side; 2 if not said. */
  readonly jobs?: number;
  /** Goes on with the others when one fails. */
  readonly keepGoing?: boolean;
  readonly insecure?: boolean;
  /** How often each is asked for again at most; without it as long as each try brings bytes. */
  readonly retries?: number;
  /** After so many milliseconds without a byte the server is asked again; 0 for never. */
  readonly stallMs?: number;
  /** Asks nothing, and checks no disk and no memory. */
  readonly yes?: boolean;
  /** One more name for the model, which is then the only one. */
  readonly as?: string;
  readonly bell?: boolean;
  /** Nothing is sent before. */
  readonly at?: Date;
  /** False where the caller writes the JSON stream's first and last line itself. */
  readonly frame?: boolean;
  /** Where the caller tells of several such pieces of work as one. */
  readonly teller?: Teller;
}

const JOBS = 2;

/**
 * Pulls models side by side and tells everything of it, as JSON or on a display; the caller throws the outcome's error.
 * Throws only `usage`, for an unknown field, before anything is told.
 */
export async function pullAll(
  context: Context,
  models: readonly string[],
  options: PullAllOptions = {},
): Promise<PullsOutcome> {
  const { io, client } = context;
  const asked = [...new Set(models)];
  const teller = options.teller ?? (await openTeller(context, options));
  const lookUps = openLookUps(context, options);
  const work = openWork(context, groupNames(asked), options, teller, lookUps);
  let before: OllamaError | undefined;
  try {
    await teller.start(asked);
    for (const model of asked) checkModelName(model);
    if (options.as !== undefined) checkModelName(options.as);
    for (const model of asked) checkAllowed(context, model);
    await checkProjectHost(context, options.yes === true);
    const { at } = options;
    if (at) {
      await waitFor(at, io, async (left) => await teller.waiting(asked, at, left));
      await teller.waited();
    }
    await work.run();
  } catch (error) {
    // Not a pull that failed, but what stands before all of them: the last line is `error` all the same.
    before =
      io.signal.aborted && !isOllamaError(error)
        ? interruption(io.signal.reason, client.host)
        : toOllamaError(error);
  } finally {
    lookUps.close();
  }
  const outcome = sumUp(asked, work.ended, client.host.url, before);
  try {
    await teller.end(outcome, work.ended);
  } finally {
    await teller.close();
  }
  return outcome;
}

/** Tells that none of the pulls could begin: a JSON stream has its first and its last line all the same. */
export async function refusePulls(
  context: Context,
  models: readonly string[],
  error: OllamaError,
): Promise<void> {
  if (context.mode !== 'json') return;
  const teller = await openTeller(context, {});
  await teller.start(models);
  await teller.end(sumUp(models, [], context.client.host.url, error), []);
}

async function openTeller(
  context: Context,
  { bell = false, stallMs, frame = true, insecure = false }: PullAllOptions,
): Promise<Teller> {
  // An unknown field is a mistake in any mode.
  const write = openEventWriter(context.io, readFields(context.flags), EVENT_FIELDS);
  if (context.mode === 'json') return openJsonTeller(context, write, { frame, insecure });
  const { openDisplayTeller } = await import('./tell-display.js');
  return openDisplayTeller(context, { bell, stallMs, insecure });
}

/** The pulls of one command while they run. */
interface Work {
  /** In the order in which they were asked for. */
  readonly ended: readonly EndedPull[];
  /** Rejects with what stands before all of them. */
  run(): Promise<void>;
}

function openWork(
  context: Context,
  wanted: readonly Wanted[],
  options: PullAllOptions,
  teller: Teller,
  lookUps: LookUps,
): Work {
  const { io, client } = context;
  const { insecure, stallMs, retries, keepGoing = false, jobs = JOBS } = options;
  const now = (): number => io.now();
  let startedAt = now();
  const states = new Map<string, PullState>();
  const ended: EndedPull[] = [];
  let open = true;
  const { signal, abort, release } = relay(io.signal);
  let room: RoomCheck | undefined;

  const ahead = new Map<string, PullState>();

  const board = (): PullBoard => {
    const rest = wanted.flatMap(({ model }) => (states.has(model) ? [] : [model]));
    const [waiting, skipped] = open ? [rest, []] : [[], rest];
    return {
      pulls: [...states.values()],
      waiting,
      skipped,
      ahead: waiting.flatMap((model) => ahead.get(model) ?? []),
      startedAt,
      count: wanted.length,
    };
  };

  /** The total is of all: those that wait are looked up while the first ones run. */
  const lookAhead = async ({ model }: Wanted): Promise<void> => {
    const layers = (await lookUps.plan(model))?.layers;
    if (layers) ahead.set(model, reducePull(startPull(model, now()), { type: 'Manifest', layers }, now()));
  };

  const pullOne = async ({ model, alsoAs }: Wanted): Promise<void> => {
    if (!open) return;
    let digest: string | undefined;
    const note = (state: PullState, installed?: InstalledModel): void => {
      states.set(model, state);
      digest = installed?.digest ?? digest;
    };
    note(states.get(model) ?? startPull(model, now()));
    // One that spoke to the pulls before is waited for, as by them.
    const begun = [...states.values()].some(({ status }) => status !== '');
    const last = await runPull(
      client,
      model,
      {
        ...{ signal, insecure, stallMs, retries, begun, now },
        readManifest: async () => (await lookUps.plan(model))?.layers,
      },
      async (state, event, installed) => {
        note(state, installed);
        await room?.passed();
        if (event.type !== 'Success') await teller.event(board(), state, event);
      },
    );
    await room?.passed();
    const ms = now() - last.startedAt;
    const failure = last.error ?? (await giveName(context, model, options.as));
    if (failure && (!keepGoing || failure.code === 'interrupted')) open = false;
    const error = failure && (await explainFailure(context, failure, last));
    // A model that could not be given its name has come, and is no success all the same.
    const state: PullState = error ? { ...last, phase: 'failed', error } : last;
    states.set(model, state);
    const own = ownBytes(
      ended.map((one) => one.state),
      state,
      now(),
    );
    const end: EndedPull = { model, alsoAs, state, error, digest, as: options.as, ms, ...own };
    ended.push(end);
    await teller.ended(board(), end);
  };

  const order = wanted.map(({ model }) => model);
  return {
    get ended() {
      return ended.toSorted((a, b) => order.indexOf(a.model) - order.indexOf(b.model));
    },
    async run() {
      startedAt = now();
      for (const { model } of wanted.slice(0, jobs)) states.set(model, startPull(model, now()));
      const resume = async (): Promise<void> => await teller.begin(board());
      // It begins while the display is opened, and costs little time of its own.
      if (options.yes !== true) room = openRoomCheck(context, wanted, lookUps, { teller, resume });
      try {
        await teller.begin(board());
        await room?.before();
        room?.beside((error) => {
          open = false;
          abort(error);
        });
        const places = createPool(jobs);
        const running = wanted.map((one) => places(() => pullOne(one)));
        for (const one of wanted) void lookAhead(one);
        const ends = await Promise.allSettled(running);
        for (const end of ends) if (end.status === 'rejected') throw end.reason;
      } finally {
        room?.end();
        release();
      }
    },
  };
}

/** What a pull brought that those which ended before it had not, in bytes: their layers were there for it. */
function ownBytes(
  before: readonly PullState[],
  state: PullState,
  now: number,
): { readonly downloaded: number; readonly reused: number } {
  const sum = (pulls: readonly PullState[]): number =>
    boardTotals({ pulls, waiting: [], startedAt: 0, count: pulls.length }, now).downloaded;
  const downloaded = sum([...before, state]) - sum(before);
  return { downloaded, reused: Math.max(0, pullTotals(state, now).completed - downloaded) };
}

/** Gives a pulled model its other name; resolves to what that failed with. */
async function giveName(
  { client, io }: Context,
  model: string,
  as: string | undefined,
): Promise<OllamaError | undefined> {
  if (as === undefined) return undefined;
  try {
    await client.copy(model, as, { signal: io.signal });
    return undefined;
  } catch (error) {
    return toOllamaError(error);
  }
}
