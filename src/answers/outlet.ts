import type { AnswerState } from '../core/chat.js';
import type { TurnEvent } from '../tools/turn.js';

/** Where a one-shot answer is told: as text, or as the events of a stream. */
export interface Outlet {
  /** What has come, and the answer as it is with it. */
  take(events: readonly TurnEvent[], answer: AnswerState): Promise<void>;
  /** A word beside the answer; `evenQuiet` what is told with `--quiet` too. */
  note(text: string, how?: { readonly evenQuiet: true }): Promise<void>;
  /** Nothing more comes; what is open is ended. May be called again. */
  end(answer: AnswerState): Promise<void>;
}

/** Where the text of an answer goes. */
export interface Sink {
  write(text: string): Promise<void>;
  /** Something else is about to be written on the terminal. */
  pause(): Promise<void>;
}

/** The events of `--json`. */
export interface EventStream {
  /** Writes the first one, where a stream was asked for. */
  begin(about: object): Promise<void>;
  /** Writes another one; only to be called where one was asked for. */
  write(event: object): Promise<void>;
}
