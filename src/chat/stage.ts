import type { AnswerState, Conversation } from '../core/chat.js';
import type { TurnEvent } from '../tools/turn.js';
import type { Block } from './blocks.js';
import type { Fact } from './wording.js';

/** One of several things that a person may choose. */
export interface Choice {
  readonly key: string;
  readonly label: string;
  /** The letter that chooses it at once. */
  readonly letter: string;
}

/** A question with a few answers. All text is clean. */
export interface Question {
  readonly title: string;
  /** What the person should know before they choose, a row each. */
  readonly details: readonly string[];
  /** The first one is taken by Enter alone. */
  readonly choices: readonly Choice[];
}

/** Where a conversation is shown, and where a person is asked: the drawn chat is one, the plain one another. */
export interface Stage {
  /** A finished piece. */
  show(block: Block): void;
  /**
   * An answer is asked for; what comes of it follows by `receive`. `before` is the end of what it goes on with, from where
   * the markup can be read.
   */
  begin(before?: string): void;
  /** What has come, in the model's own text: it is cleaned where it is drawn. */
  receive(events: readonly TurnEvent[]): void;
  /** The answer has ended, by itself or not: what is left of it is drawn, then its numbers. */
  end(answer: AnswerState, facts: readonly Fact[]): void;
  /** Resolves with the key of what the person chose; undefined where they turned away, or `signal` was aborted. */
  choose(question: Question, signal: AbortSignal): Promise<string | undefined>;
  /** Opens the person's editor on a text; resolves with the new one, undefined where nothing came of it. */
  edit(text: string): Promise<string | undefined>;
  /**
   * Draws nothing while `work` draws by itself, such as a pull's view. Keys are read all the while: Ctrl-C calls the
   * dialogue's `stop`.
   */
  lend<Result>(work: () => Promise<Result>): Promise<Result>;
  /**
   * Puts a text where the person writes, with what was folded of it folded again, unless they are `toShorten` it; false
   * where it can't stand there, as something is being written.
   */
  giveBack(text: string, toShorten?: boolean): boolean;
  /** Something of the dialogue's `status` has changed. */
  changed(): void;
  /** Writes bytes to the terminal that show nothing, such as OSC 52. */
  send(bytes: string): void;
  /** The person wants to leave. */
  leave(): void;
}

/** What may stand in place of a part of the text that is being written. */
export interface Completion {
  /** The part that is replaced, in UTF-16 units. */
  readonly from: number;
  readonly to: number;
  /** Whole replacements, the best first; clean. */
  readonly options: readonly string[];
}

/** A conversation with a model, one thing at a time; it is shown on a stage. */
export interface Dialogue {
  /** Shows the header and what is known already, and has the model load while the person types. */
  open(): void;
  /** Does what a text asks for: a message to the model, or a slash command. Rejects only for what is unforeseen. */
  perform(written: string): Promise<void>;
  /** Ends what is going on; what has come stays. */
  stop(): void;
  isBusy(): boolean;
  /** What is going on, in parts of a line; empty if nothing is. */
  status(): readonly string[];
  /** Whether the status has a clock in it. */
  isWaiting(): boolean;
  complete(text: string, cursor: number): Promise<Completion>;
  conversation(): Conversation;
  /** Stops what is going on, and resolves when all that is to be kept is kept. */
  close(): Promise<void>;
}
