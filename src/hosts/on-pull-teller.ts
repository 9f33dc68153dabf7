import type { Context } from '../context.js';
import type { OllamaError } from '../core/errors.js';
import type { PullBoard } from '../core/pull-board.js';
import { startPull, type PullState } from '../core/pull.js';
import { openEventWriter, readFields } from '../output/fields.js';
import type { EndedPull, PullsOutcome } from '../pulls/outcome.js';
import { openDisplayTeller } from '../pulls/tell-display.js';
import { EVENT_FIELDS, openJsonTeller } from '../pulls/tell-json.js';
import type { Teller } from '../pulls/teller.js';

/** Tells the pulls of several hosts as one piece of work. */
export interface ManyTeller {
  /** The teller of one host's pulls. */
  of(host: string, context: Context): Teller;
  /** A host of which no pull could begin. */
  failed(host: string, error: OllamaError): Promise<void>;
  /** Everything has ended. */
  end(error: OllamaError | undefined): Promise<void>;
}

/** What the pulls are, and how they are shown. */
export interface ManyPulls {
  readonly hosts: readonly string[];
  /** The models of each host. */
  models(host: string): readonly string[];
  readonly bell: boolean;
  readonly stallMs: number | undefined;
  readonly insecure: boolean;
  /** The command that goes on after Ctrl-C. */
  readonly again: string;
}

/** As many hosts are named in a line; of more only how many. */
const NAMED = 3;

/** A host's pull among those of others. */
function nameAt(host: string, model: string): string {
  return `${host}: ${model}`;
}

function markState(host: string, state: PullState): PullState {
  return { ...state, model: nameAt(host, state.model), source: host };
}

function markBoard(host: string, board: PullBoard): PullBoard {
  const name = (model: string): string => nameAt(host, model);
  return {
    ...board,
    pulls: board.pulls.map((state) => markState(host, state)),
    waiting: board.waiting.map(name),
    skipped: (board.skipped ?? []).map(name),
    ahead: (board.ahead ?? []).map((state) => markState(host, state)),
  };
}

/** The boards of hosts as one, which began with the first of them. Pure. */
function joinBoards(boards: ReadonlyMap<string, PullBoard>): PullBoard {
  const marked = [...boards].map(([host, board]) => markBoard(host, board));
  return {
    pulls: marked.flatMap(({ pulls }) => pulls),
    waiting: marked.flatMap(({ waiting }) => waiting),
    skipped: marked.flatMap(({ skipped = [] }) => skipped),
    ahead: marked.flatMap(({ ahead = [] }) => ahead),
    startedAt: Math.min(...marked.map(({ startedAt }) => startedAt)),
    count: marked.reduce((sum, { count }) => sum + count, 0),
  };
}

/** Opens the teller: JSON events with their host, or one display for all. Throws `usage` for an unknown field. */
export function openManyTeller(context: Context, pulls: ManyPulls): ManyTeller {
  const write = openEventWriter(context.io, readFields(context.flags), EVENT_FIELDS);
  return context.mode === 'json' ? openManyJson(write, pulls) : openManyDisplay(context, pulls);
}

function openManyJson(write: (event: object) => Promise<void>, { insecure }: ManyPulls): ManyTeller {
  return {
    of: (host, context) =>
      openJsonTeller(context, async (event) => await write({ ...event, host }), { frame: false, insecure }),
    failed: async () => undefined,
    end: async () => undefined,
  };
}

function openManyDisplay(context: Context, pulls: ManyPulls): ManyTeller {
  const { hosts, models, bell, stallMs, insecure, again } = pulls;
  const { io } = context;
  const named = hosts.length > NAMED ? `${hosts.length} hosts` : hosts.join(', ');
  const inner = openDisplayTeller(context, { bell, stallMs, insecure, hosts: named, again });
  const startedAt = io.now();
  const boards = new Map<string, PullBoard>(
    hosts.map((host) => {
      const waiting = models(host);
      return [host, { pulls: [], waiting, startedAt, count: waiting.length }];
    }),
  );
  const outcomes: [host: string, outcome: PullsOutcome][] = [];
  const ended: EndedPull[] = [];
  let opening: Promise<void> | undefined;

  /** One display for all, whichever has something to tell first. */
  const open = async (board: PullBoard): Promise<void> => await (opening ??= inner.begin(board));
  const all = (host: string, board: PullBoard): PullBoard => {
    boards.set(host, board);
    return joinBoards(boards);
  };
  const note = (host: string, end: EndedPull): EndedPull => {
    const marked = { ...end, model: nameAt(host, end.model), state: markState(host, end.state) };
    ended.push(marked);
    return marked;
  };
  const namesOf = (pick: (outcome: PullsOutcome) => readonly string[]): string[] =>
    outcomes.flatMap(([host, outcome]) => pick(outcome).map((model) => nameAt(host, model)));
  return {
    of: (host) => ({
      start: async () => undefined,
      // They all wait for the same time: it is counted once.
      waiting: async (_models, at, left) => {
        if (host === hosts[0]) await inner.waiting([], at, left);
      },
      waited: async () => await inner.waited(),
      begin: async (board) => {
        await open(all(host, board));
        await inner.begin(joinBoards(boards));
      },
      event: async (board, state, event) =>
        await inner.event(all(host, board), markState(host, state), event),
      ended: async (board, end) => await inner.ended(all(host, board), note(host, end)),
      warn: async (text, model) => await inner.warn(`${host}: ${text}`, nameAt(host, model)),
      pause: async () => await inner.pause(),
      end: async (outcome) => void outcomes.push([host, outcome]),
      close: async () => undefined,
    }),
    failed: async (host, error) => {
      // Nothing of it is waited for any more.
      const before = boards.get(host)?.count ?? 0;
      const joined = all(host, { pulls: [], waiting: [], startedAt, count: before });
      const state: PullState = { ...startPull(host, io.now()), source: host, phase: 'failed', error };
      const nothing = { alsoAs: [], digest: undefined, as: undefined, downloaded: 0, reused: 0, ms: 0 };
      const end: EndedPull = { model: host, state, error, ...nothing };
      ended.push(end);
      await open(joined);
      await inner.ended({ ...joined, count: hosts.length }, end);
    },
    end: async (error) => {
      const failed = outcomes.flatMap(([host, outcome]) =>
        outcome.failed.map((one) => ({ model: nameAt(host, one.model), error: one.error })),
      );
      const [succeeded, skipped] = [namesOf((one) => one.succeeded), namesOf((one) => one.skipped)];
      try {
        await inner.end({ succeeded, failed, skipped, error }, ended);
      } finally {
        await inner.close();
      }
    },
  };
}
