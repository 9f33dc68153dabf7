import type { Block } from '../../chat/blocks.js';
import type { Stage } from '../../chat/stage.js';
import type { AnswerText } from '../../markdown/answer-text.js';
import { drawAnswer, drawBlock, drawFold, drawThought, textWidth } from './draw.js';
import type { Look } from './draw.js';
import { openTurn } from './turn.js';
import type { TurnTail, TurnView } from './turn.js';

/** What a transcript is made of. */
export interface TranscriptOptions {
  readonly look: Look;
  /** Cells of a row of the terminal, as it is now. */
  columns(): number;
  /** Milliseconds since the epoch. */
  now(): number;
  /** There is something new to draw. */
  changed(): void;
  /** A text that is only wrapped, in rows between the margins. */
  openPlain(): AnswerText;
  /** Loads what answers are drawn with; undefined where it is there. What follows waits for it. */
  prepare(): Promise<void> | undefined;
}

/** The conversation in rows: those for the scrollback, each handed out once, and those that are not final yet. */
export interface Transcript extends Pick<Stage, 'show' | 'begin' | 'receive' | 'end'> {
  /** The rows that have become final since the last time. */
  take(): string[];
  /** The last rows of what is not, `most` of each kind at most; undefined where nothing is on its way. */
  tail(most: number): TurnTail | undefined;
  /**
   * Writes what stands folded of the last turn; has a thought that is coming written as it comes, or folds it again. Says
   * what to tell the person, if there is nothing to see.
   */
  unfold(): string | undefined;
  /** Resolves when nothing waits to be drawn any more. */
  settled(): Promise<void>;
}

/** Starts an empty transcript. */
export function startTranscript(options: TranscriptOptions): Transcript {
  const { look } = options;
  let rows: string[] = [];
  let isBegun = false;
  let turn: TurnView | undefined;
  let lastTurn: TurnView | undefined;
  /** How much of the turn's folded things have been written. */
  let written = 0;

  let waiting: (() => void)[] | undefined;
  let settled = Promise.resolve();

  /** Does it at once, or in its order once what it is drawn with is there. */
  function draw(work: () => void): void {
    if (waiting === undefined) work();
    else waiting.push(work);
  }

  function prepare(): void {
    const loading = waiting === undefined ? options.prepare() : undefined;
    if (loading === undefined) return;
    waiting = [];
    settled = loading.then(() => {
      const works = waiting ?? [];
      waiting = undefined;
      for (const work of works) work();
      options.changed();
    });
  }

  // Not `push(...)`: an answer may bring more rows than a call takes arguments.
  const write = (added: readonly string[]): void => {
    rows = rows.concat(added);
  };
  const show = (block: Block): void => {
    // The first header is the first row of all.
    const isLater = block.kind === 'header' && isBegun;
    write([...(isLater ? [''] : []), ...drawBlock(block, options.columns(), look)]);
    isBegun = true;
  };

  function openFolds(view: TurnView): boolean {
    const fresh = view.folded().slice(written);
    for (const { title, text } of fresh) {
      const plain = options.openPlain();
      plain.push(text);
      write(['', ...drawFold(title, true, textWidth(options.columns()), look)]);
      write(drawThought(plain.finish(), look));
    }
    written += fresh.length;
    return fresh.length > 0;
  }

  function begin(before: string | undefined): void {
    written = 0;
    turn = openTurn({
      before,
      now: options.now,
      openText: look.openText,
      openPlain: options.openPlain,
      show,
      writeAnswer: (added, isFirst) => write([...(isFirst ? [''] : []), ...drawAnswer(added)]),
      writeThought(added, isFirst) {
        if (isFirst) write(['', ...drawFold('thinking', true, textWidth(options.columns()), look)]);
        write(drawThought(added, look));
      },
    });
    lastTurn = turn;
  }

  return {
    show(block) {
      if (block.kind === 'message') prepare();
      draw(() => show(block));
    },
    begin(before) {
      prepare();
      draw(() => begin(before));
    },
    receive: (events) => draw(() => turn?.receive(events)),
    end(_answer, facts) {
      draw(() => {
        turn?.finish();
        turn = undefined;
        if (facts.length > 0) show({ kind: 'facts', facts });
      });
    },
    take() {
      turn?.settle();
      const taken = rows;
      rows = [];
      return taken;
    },
    tail: (most) => turn?.tail(most),
    unfold() {
      if (turn?.unfold() === true) return undefined;
      if (lastTurn !== undefined && openFolds(lastTurn)) return undefined;
      return written > 0 ? 'it is open already, above' : 'nothing is folded here';
    },
    settled: () => settled,
  };
}
