import type { AnswerState } from '../core/chat.js';
import { cleanLine } from '../format/clean.js';
import { formatSeconds } from '../format/duration.js';
import { isSilent, type Waiting } from './waiting.js';

/** What is going on. Times are milliseconds since the epoch. */
export type Going =
  | {
      readonly type: 'answer';
      readonly answer: AnswerState;
      readonly heardAt: number;
      readonly waiting: Waiting;
    }
  /** Anything else that takes a while, in a few words. */
  | { readonly type: 'work'; readonly words: string; readonly since: number; readonly stops: string };

/** Work that Ctrl-C ends; `stops` says how that leaves things. */
export function startWork(words: string, now: number, stops = 'Ctrl-C stops'): Going {
  return { type: 'work', words, since: now, stops };
}

/** What is going on in parts of a line, clean; empty if nothing is. */
export function describeGoing(going: Going | undefined, now: number): readonly string[] {
  if (going === undefined) return [];
  if (going.type === 'answer') return going.waiting.words(going.answer, going.heardAt, now);
  return [`${cleanLine(going.words)}, ${formatSeconds((now - going.since) / 1000)}`, going.stops];
}

/** Whether what is said of it has a clock in it. */
export function hasClock(going: Going | undefined, now: number): boolean {
  if (going?.type !== 'answer') return going !== undefined;
  const { phase } = going.answer;
  return phase === 'waiting' || phase === 'thinking' || isSilent(going.answer, going.heardAt, now);
}
