import { findTurns, lastQuestion } from '../core/conversation.js';
import { cleanText } from '../format/clean.js';
import { addQuestion, ask, compose, sendMessage } from './ask.js';
import { openTruncationGuard } from './context-guard.js';
import { setAside } from './replace.js';
import { changeMessages, originOf, takeBack, tell, type Talk } from './talk.js';

const NOTHING_ASKED = 'Nothing was asked yet.';

/** `/retry`: asks the last question again, without what came of it. */
export async function retry(talk: Talk, signal: AbortSignal): Promise<void> {
  const last = findTurns(talk.conversation).at(-1);
  if (last === undefined) return tell(talk, NOTHING_ASKED);
  if (last.end > last.start + 1) setAside(talk, last.start + 1);
  await ask(talk, signal);
}

/** `/continue`: has the model go on with an answer that did not come to its end. */
export async function goOn(talk: Talk, signal: AbortSignal): Promise<void> {
  const last = talk.conversation.messages.at(-1);
  if (last === undefined) return tell(talk, NOTHING_ASKED);
  if (last.role === 'user') return tell(talk, 'Nothing of an answer came yet: /retry asks again.');
  const isBegun = last.role === 'assistant' && last.content.trim() !== '';
  if (last.role === 'tool' || (isBegun && talk.lastEnd !== 'whole')) return await ask(talk, signal);
  tell(talk, 'The last answer came to its end: ask for more, or /retry for another one.');
}

/** `/undo`: takes back the last turns, and gives back the first question of them. */
export function undo(talk: Talk, count: number): void {
  const turns = findTurns(talk.conversation);
  const taken = Math.min(count, turns.length);
  const first = turns.at(-taken);
  if (first === undefined) return tell(talk, NOTHING_ASKED);
  tell(talk, taken === 1 ? 'The last turn is taken back.' : `The last ${taken} turns are taken back.`);
  takeBack(talk, first.start);
}

/** `/edit`: opens the last question in the person's editor, and asks what comes back in its place. */
export async function editQuestion(talk: Talk, signal: AbortSignal): Promise<void> {
  const question = lastQuestion(talk.conversation);
  const { written: before, attached } =
    question === undefined ? { written: '', attached: [] } : originOf(talk, question);
  const edited = (await talk.stage.edit(before))?.trim();
  if (signal.aborted) return;
  if (edited === undefined || edited === '' || edited === before.trim()) {
    return tell(talk, 'Nothing was changed, and nothing is asked.');
  }
  talk.stage.show({ kind: 'prompt', text: cleanText(edited) });
  if (question === undefined) return await sendMessage(talk, edited, edited, signal);
  const message = await compose(talk, { text: edited, typed: edited, attached }, signal);
  if (message === undefined) return;
  const last = findTurns(talk.conversation).at(-1);
  if (last !== undefined && last.end > last.start + 1) {
    setAside(talk, last.start, { question: message, written: edited });
  } else {
    if (last !== undefined) changeMessages(talk, last.start, last.end - last.start);
    addQuestion(talk, message);
  }
  await ask(talk, signal);
}

/** `/clear`: forgets what was said, and what was to be sent along. */
export function clear(talk: Talk): void {
  const { conversation } = talk;
  changeMessages(talk, 0, conversation.messages.length);
  talk.attached = [];
  talk.lastEnd = undefined;
  talk.truncation = openTruncationGuard();
  const stays = conversation.system === undefined ? '' : '; the system prompt stays';
  tell(talk, `The conversation is forgotten${stays}.`);
}
