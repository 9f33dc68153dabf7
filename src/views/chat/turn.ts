import { startAnswer } from '../../core/chat.js';
import { createCleaner, cleanText } from '../../format/clean.js';
import type { AnswerText } from '../../markdown/answer-text.js';
import { describeCall, describeOutcome } from '../../tools/describe.js';
import type { TurnEvent } from '../../tools/turn.js';
import type { Block } from '../../chat/blocks.js';
import { describeThinking } from '../../chat/wording.js';

/** How many of the last rows of a thought show while it comes, folded. */
const LIVE_THOUGHT_ROWS = 3;

/** Stands before a block that was begun above. */
const GOES_ON = 'goes on:';

/** Something that stands folded on the screen, and what is in it; clean. */
export interface Folded {
  readonly title: string;
  readonly text: string;
}

/** Where a turn goes, and what its texts are made with. */
export interface TurnOptions {
  /** The end of the answer that the turn goes on with, from where its markup can be read. */
  readonly before?: string | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  /** A text in the model's markup. */
  openText(): AnswerText;
  /** A text that is only wrapped. */
  openPlain(): AnswerText;
  /** A finished piece. */
  show(block: Block): void;
  /** Final rows of an answer; `isFirst` of a new one. */
  writeAnswer(rows: readonly string[], isFirst: boolean): void;
  /** Final rows of a thought that is not folded. */
  writeThought(rows: readonly string[], isFirst: boolean): void;
}

/** What is live of a turn: rows that are not final yet. */
export interface TurnTail {
  readonly answer: readonly string[];
  /** Whether an answer's first row is among them. */
  readonly isFirst: boolean;
  readonly thought: readonly string[];
  /** Whether thoughts are written as they come. */
  readonly isUnfolded: boolean;
  /** The functions that are being called. */
  readonly calls: readonly string[];
}

/** A turn on its way to the screen: what is final is handed on, what is not is asked for at each frame. */
export interface TurnView {
  receive(events: readonly TurnEvent[]): void;
  /** Hands on what has become final. */
  settle(): void;
  /** The last rows of what is not final, `most` of each kind at most. */
  tail(most: number): TurnTail;
  /** Hands on all that is left. */
  finish(): void;
  /** Unfolds the thought that is coming, and those that will, or folds them again; false where none is coming. */
  unfold(): boolean;
  /** What stands folded so far. */
  folded(): readonly Folded[];
}

interface Thought {
  rows: AnswerText;
  recent: string[];
  text: string;
  readonly since: number;
  readonly clean: (chunk: string, last?: boolean) => string;
  isShown: boolean;
}

interface Answer {
  readonly rows: AnswerText;
  readonly clean: (chunk: string, last?: boolean) => string;
  isBegun: boolean;
}

/** Opens the view of a turn of which nothing has come yet. */
export function openTurn(options: TurnOptions): TurnView {
  let isOpen = false;
  let thought: Thought | undefined;
  let answer: Answer | undefined;
  let calls: string[] = [];
  const folded: Folded[] = [];
  let { before = '' } = options;

  function writeAnswer(rows: readonly string[]): void {
    if (answer === undefined || rows.length === 0) return;
    options.writeAnswer(rows, !answer.isBegun);
    answer.isBegun = true;
  }

  function writeThought(rows: readonly string[]): void {
    if (thought === undefined || rows.length === 0) return;
    if (isOpen) {
      options.writeThought(rows, !thought.isShown);
      thought.isShown = true;
    } else thought.recent = [...thought.recent, ...rows].slice(-LIVE_THOUGHT_ROWS);
  }

  function endAnswer(): void {
    if (answer === undefined) return;
    answer.rows.push(answer.clean('', true));
    writeAnswer(answer.rows.finish());
    answer = undefined;
  }

  function endThought(): void {
    if (thought === undefined) return;
    thought.rows.push(thought.clean('', true));
    writeThought(thought.rows.finish());
    const times = { thinkingSince: thought.since, thinkingUntil: options.now() };
    const title = describeThinking({ ...startAnswer(0), ...times }) ?? '';
    const { text } = thought;
    if (text.trim() !== '') {
      if (isOpen) options.show({ kind: 'note', text: title });
      else {
        folded.push({ title, text });
        options.show({ kind: 'thought', title, text });
      }
    }
    thought = undefined;
  }

  function think(chunk: string): void {
    endAnswer();
    thought ??= {
      rows: options.openPlain(),
      recent: [],
      text: '',
      since: options.now(),
      clean: createCleaner(),
      isShown: false,
    };
    const text = thought.clean(chunk);
    thought.text += text;
    thought.rows.push(text);
  }

  function openAnswer(): Answer {
    const opened = { rows: options.openText(), clean: createCleaner(), isBegun: false };
    if (before === '') return opened;
    // Half a table or a block of code is nothing: it is drawn again with what comes.
    options.show({ kind: 'note', text: GOES_ON });
    opened.rows.push(opened.clean(before));
    before = '';
    return opened;
  }

  function answerWith(chunk: string): void {
    endThought();
    answer ??= openAnswer();
    answer.rows.push(answer.clean(chunk));
  }

  function accept(event: TurnEvent): void {
    switch (event.type) {
      case 'thinking':
        return think(event.text);
      case 'token':
        return answerWith(event.text);
      case 'tool_call':
        endThought();
        endAnswer();
        // What follows a call is an answer of its own.
        before = '';
        calls.push(describeCall(event.call));
        return;
      case 'tool_result': {
        const call = describeCall(event.call);
        const { text, isError } = event.result;
        calls = calls.filter((_, index) => index !== calls.indexOf(call));
        folded.push({ title: call, text: cleanText(text) });
        return options.show({ kind: 'tool', call, outcome: describeOutcome(event.result), isError });
      }
      // Whose answer it is has been said, as a remark above it.
      case 'provider':
        return;
      case 'done':
      case 'error':
        endThought();
        endAnswer();
    }
  }

  return {
    receive: (events) => events.forEach(accept),
    settle() {
      if (thought !== undefined) writeThought(thought.rows.settle());
      if (answer !== undefined) writeAnswer(answer.rows.settle());
    },
    tail: (most) => ({
      answer: answer?.rows.tail(most) ?? [],
      isFirst: answer?.isBegun === false,
      thought:
        thought === undefined
          ? []
          : [...(isOpen ? [] : thought.recent), ...thought.rows.tail(most)].slice(
              isOpen ? -most : -Math.min(most, LIVE_THOUGHT_ROWS),
            ),
      isUnfolded: isOpen,
      calls,
    }),
    finish() {
      endThought();
      endAnswer();
      calls = [];
    },
    unfold() {
      if (thought === undefined) return false;
      isOpen = !isOpen;
      if (isOpen) {
        // From its beginning, since what has come of it was never written.
        thought.rows = options.openPlain();
        thought.rows.push(thought.text);
        thought.recent = [];
        thought.isShown = false;
      }
      return true;
    },
    folded: () => folded,
  };
}
