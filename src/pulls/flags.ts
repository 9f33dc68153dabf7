import { parseFlag, parseTimeLimit } from '../config/duration.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import type { PullAllOptions } from './pull-all.js';
import { parseStartTime } from './start-time.js';

/** The flags of the commands that pull, as they are written. */
export interface PullFlags {
  readonly jobs?: string;
  readonly keepGoing?: boolean;
  readonly insecure?: boolean;
  readonly stall?: string;
  readonly retries?: string;
  readonly yes?: boolean;
  readonly as?: string;
  readonly at?: string;
  readonly bell?: boolean;
}

const MOST_JOBS = 16;
const MOST_RETRIES = 1_000;

/** What those flags ask for; `now` in milliseconds since the epoch. Throws `usage` that names the flag. */
export function readPullFlags(flags: PullFlags, now: number): PullAllOptions {
  const { keepGoing, insecure, yes, as, bell } = flags;
  return {
    ...(keepGoing === undefined ? {} : { keepGoing }),
    ...(insecure === undefined ? {} : { insecure }),
    ...(yes === undefined ? {} : { yes }),
    ...(as === undefined ? {} : { as }),
    ...(bell === undefined ? {} : { bell }),
    ...(flags.jobs === undefined ? {} : { jobs: readNumber('--jobs', flags.jobs, 1, MOST_JOBS) }),
    ...(flags.retries === undefined
      ? {}
      : { retries: readNumber('--retries', flags.retries, 0, MOST_RETRIES) }),
    ...(flags.stall === undefined ? {} : { stallMs: parseFlag('--stall', flags.stall, parseTimeLimit) ?? 0 }),
    ...(flags.at === undefined ? {} : { at: parseStartTime(flags.at, now) }),
  };
}

function readNumber(flag: string, text: string, least: number, most: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new OllamaError(
    'usage',
    `${flag} takes a number from ${least} to ${most}, not "${cleanLine(text)}".`,
  );
}
