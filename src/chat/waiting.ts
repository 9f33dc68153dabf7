import type { Context } from '../context.js';
import type { AnswerState } from '../core/chat.js';
import { relay, timeLimit } from '../core/time-limit.js';
import { OllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';
import { sleep } from '../core/retry.js';
import { formatCount } from '../format/count.js';
import { formatMs, formatSeconds } from '../format/duration.js';
import { readUsage, usageName } from '../models/usage.js';

const SILENCE_MS = 10_000;
const LOOK_EVERY_MS = 1_000;
const LOOK_LIMIT_MS = 5_000;

/** What is known while an answer is awaited. Times are milliseconds, moments since the epoch. */
export interface WaitingFacts {
  /** Whether the model was in memory when it was first looked for; undefined where the server did not tell. */
  readonly wasLoaded: boolean | undefined;
  /** Since when another request of ours has it loaded; undefined where none does. */
  readonly loadingSince: number | undefined;
  /** Since when it is in memory, if it was not at first. */
  readonly loadedAt: number | undefined;
  /** How long it took to load the last time. */
  readonly usualLoadMs: number | undefined;
  /** About how many tokens there are to read. */
  readonly promptTokens: number | undefined;
}

/** Tells what is going on while an answer is awaited. */
export interface Waiting {
  /** What to say now, in parts of a line; something last came at `heardAt`. Both times are milliseconds since the epoch. */
  words(answer: AnswerState, heardAt: number, now: number): readonly string[];
  /** Ends the looking; the first token ends it as well. */
  stop(): void;
}

/** Whether an answer that has begun has fallen silent: nothing came since `heardAt`, both in milliseconds since the epoch. */
export function isSilent(answer: AnswerState, heardAt: number, now: number): boolean {
  return answer.phase !== 'waiting' && now - heardAt >= SILENCE_MS;
}

/** What is said while an answer is awaited or comes; what only follows from the list of loaded models is worded so. */
export function describeWaiting(
  answer: AnswerState,
  facts: WaitingFacts,
  heardAt: number,
  now: number,
): readonly string[] {
  const silence = isSilent(answer, heardAt, now)
    ? `no data for ${formatSeconds((now - heardAt) / 1000)}`
    : undefined;
  switch (answer.phase) {
    case 'waiting':
      return [describeBeginning(answer.startedAt, facts, now), 'Ctrl-C stops'];
    case 'thinking':
      return [silence ?? `thinking, ${since(answer.thinkingSince ?? now, now)}`, 'Ctrl-C stops'];
    case 'answering':
    case 'done':
    case 'failed':
      return [...(silence === undefined ? [] : [silence]), 'Ctrl-C stops and keeps what came'];
  }
}

function since(moment: number, now: number): string {
  return formatSeconds(Math.floor(Math.max(0, now - moment) / 1000));
}

function describeBeginning(
  startedAt: number,
  { wasLoaded, loadingSince, loadedAt, usualLoadMs, promptTokens }: WaitingFacts,
  now: number,
): string {
  const elapsed = since(loadingSince ?? startedAt, now);
  if (wasLoaded === undefined && loadingSince === undefined) return `waiting for the model, ${elapsed}`;
  // A model is in the list of loaded ones before all of it is in memory, so its usual time counts too.
  const isLoading =
    loadingSince !== undefined ||
    (!wasLoaded && (loadedAt === undefined || (usualLoadMs !== undefined && now - startedAt < usualLoadMs)));
  if (isLoading) {
    const usual = usualLoadMs === undefined ? '' : ` (usually ${formatMs(usualLoadMs)})`;
    return `seems to be loading the model, ${elapsed}${usual}`;
  }
  const what = promptTokens === undefined ? 'the prompt' : `about ${formatCount(promptTokens)} tokens`;
  return `seems to be reading ${what}, ${since(loadedAt ?? startedAt, now)}`;
}

/**
 * The facts after one more look for the model in the list of loaded ones, at `now`, milliseconds since the epoch. One that
 * has left the list is loaded anew: a server lists a model whose process died until it is next asked for.
 */
export function noteLook(facts: WaitingFacts, isLoaded: boolean, now: number): WaitingFacts {
  if (facts.wasLoaded === undefined) return { ...facts, wasLoaded: isLoaded };
  if (!isLoaded) return { ...facts, wasLoaded: false, loadedAt: undefined };
  if (facts.wasLoaded || facts.loadedAt !== undefined) return facts;
  return { ...facts, loadedAt: now };
}

/**
 * Begins to look, each second until the first token, whether the server has the model in memory, and if not looks up
 * how long it usually takes to load it. What goes wrong with that is passed over: it only explains.
 */
export function openWaiting(
  { io, client }: Pick<Context, 'io' | 'client'>,
  model: string,
  about: {
    readonly promptTokens?: number | undefined;
    loadingSince?(): number | undefined;
    /** False where another server is to answer. */
    readonly looks?: boolean;
  } = {},
): Waiting {
  let facts: WaitingFacts = {
    wasLoaded: undefined,
    loadingSince: about.loadingSince?.(),
    loadedAt: undefined,
    usualLoadMs: undefined,
    promptTokens: about.promptTokens,
  };
  const looking = relay(io.signal);
  const stop = (): void => {
    looking.abort(new OllamaError('interrupted', 'Interrupted.'));
    looking.release();
  };

  const look = async (): Promise<void> => {
    const bound = timeLimit(looking.signal, LOOK_LIMIT_MS, () => new OllamaError('timeout', 'No answer.'));
    try {
      const running = await client.running({ signal: bound.signal });
      const isLoaded = running.some(({ name }) => sameModel(name, model));
      facts = noteLook(facts, isLoaded, io.now());
      if (!isLoaded) await lookUp();
    } finally {
      bound.stop();
    }
  };
  /** Only where a model loads: the record is long, and there is a turn of the conversation each few seconds. */
  let isLookedUp = false;
  const lookUp = async (): Promise<void> => {
    if (isLookedUp) return;
    isLookedUp = true;
    const usage = await readUsage(io, client.host.url);
    facts = { ...facts, usualLoadMs: usage.get(usageName(model))?.loadMs };
  };
  const watch = async (): Promise<void> => {
    while (!looking.signal.aborted) {
      await look().catch(() => undefined);
      await sleep(LOOK_EVERY_MS, looking.signal);
    }
  };
  // It ends with its signal; a server that tells nothing is asked on.
  if (about.looks !== false) void watch().catch(() => undefined);
  if (facts.loadingSince !== undefined) void lookUp();

  return {
    words(answer, heardAt, now) {
      if (answer.phase !== 'waiting') stop();
      const loadingSince = about.loadingSince?.();
      const isLoadedNow = facts.loadingSince !== undefined && loadingSince === undefined;
      facts = { ...facts, loadingSince, ...(isLoadedNow ? { wasLoaded: true, loadedAt: now } : {}) };
      return describeWaiting(answer, facts, heardAt, now);
    },
    stop,
  };
}
