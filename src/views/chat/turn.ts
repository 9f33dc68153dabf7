import { reduceChat, startAnswer } from '../../core/chat.js';
import type { AnswerState, ChatEvent } from '../../core/chat.js';
import { cleanLine, createCleaner } from '../../format/clean.js';
import type { Block } from './blocks.js';
import { EMPTY_TAIL, extendTail, finishTail, settleTail } from './tail.js';
import type { Tail } from './tail.js';
import { describeAnswer, describeThinking } from './wording.js';

/** An answer on its way: what came of it, and what of that is not in the scrollback yet. */
export interface Turn {
  readonly answer: AnswerState;
  /** When something last came, or else when it was asked for; in milliseconds since the epoch. */
  readonly heardAt: number;
  readonly tail: Tail;
  /** Whether rows of the answer, and the line about thinking, have gone to the scrollback. */
  readonly isBegun: boolean;
  readonly isThoughtShown: boolean;
  readonly clean: (chunk: string, last?: boolean) => string;
}

/** The turn of which nothing has come yet; `now` in milliseconds since the epoch. */
export function startTurn(now: number): Turn {
  return {
    answer: startAnswer(now),
    heardAt: now,
    tail: EMPTY_TAIL,
    isBegun: false,
    isThoughtShown: false,
    clean: createCleaner(),
  };
}

/** Folds what came into the turn. The answer keeps the model's own text; what is drawn of it is cleaned here. */
export function receiveEvents(turn: Turn, events: readonly ChatEvent[], now: number): Turn {
  let { answer } = turn;
  let text = '';
  for (const event of events) {
    answer = reduceChat(answer, event, now);
    if (event.type === 'token') text += turn.clean(event.text);
    if (event.type === 'tool_call')
      text += `\n(asks for the function ${cleanLine(event.call.function.name)})\n`;
  }
  return { ...turn, answer, heardAt: now, tail: text === '' ? turn.tail : extendTail(turn.tail, text) };
}

function showRows(turn: Turn, rows: readonly string[], tail: Tail): { blocks: Block[]; turn: Turn } {
  const blocks: Block[] = [];
  const thought = describeThinking(turn.answer);
  const showsThought = thought !== undefined && !turn.isThoughtShown;
  if (showsThought) blocks.push({ kind: 'thought', text: thought });
  if (rows.length > 0) blocks.push({ kind: 'answer', rows, first: !turn.isBegun });
  return {
    blocks,
    turn: {
      ...turn,
      tail,
      isBegun: turn.isBegun || rows.length > 0,
      isThoughtShown: turn.isThoughtShown || showsThought,
    },
  };
}

/** Takes what is final off the turn, as blocks for the scrollback; `width` of the answer's rows in cells. */
export function settleTurn(turn: Turn, width: number): { readonly blocks: Block[]; readonly turn: Turn } {
  const { rows, tail } = settleTail(turn.tail, width);
  return showRows(turn, rows, tail);
}

/** The last blocks of a turn whose answer has ended, its numbers included. */
export function finishTurn(turn: Turn, width: number, contextLength: number | undefined): Block[] {
  const tail = extendTail(turn.tail, turn.clean('', true));
  const { blocks, turn: shown } = showRows(turn, finishTail(tail, width), EMPTY_TAIL);
  if (shown.answer.phase === 'done' && !shown.isBegun) blocks.push({ kind: 'note', text: '(no answer)' });
  const facts = describeAnswer(turn.answer, contextLength);
  if (facts.length > 0) blocks.push({ kind: 'facts', facts });
  return blocks;
}
