import type { PullBoard } from '../core/pull-board.js';
import type { OllamaPullEvent } from '../core/pull-events.js';
import type { PullState } from '../core/pull.js';
import type { EndedPull, PullsOutcome } from './outcome.js';

/** How the pulls of one command are told: as JSON events, or on a display. Called in the order of what happens. */
export interface Teller {
  start(models: readonly string[]): Promise<void>;
  /** Nothing begins before `at`; called about each second. */
  waiting(models: readonly string[], at: Date, leftMs: number): Promise<void>;
  /** The wait is over. */
  waited(): Promise<void>;
  /** What is known before the first request goes out. */
  begin(board: PullBoard): Promise<void>;
  /** One event of one pull, never its `Success`: only `ended` knows whether all went well. */
  event(board: PullBoard, state: PullState, event: OllamaPullEvent): Promise<void>;
  ended(board: PullBoard, end: EndedPull): Promise<void>;
  /** A doubt that is no refusal. */
  warn(text: string, model: string): Promise<void>;
  /** Takes what is live away, so that something can be asked; `begin` brings it back. */
  pause(): Promise<void>;
  end(outcome: PullsOutcome, ended: readonly EndedPull[]): Promise<void>;
  /** Leaves the terminal whole, however it ended; may be called again. */
  close(): Promise<void>;
}
