import { isOllamaError, type OllamaError } from '../core/errors.js';
import { spliceMessages } from '../core/conversation.js';
import type { ChatMessage } from '../core/wire.js';
import { checkCapability, composeMessage, type Attachment } from '../attachments/attachments.js';
import { askAhead } from './answering.js';
import { offerPull, switchModel } from './models.js';
import { resolveOverflow } from './overflow.js';
import { putBack, tellGiven } from './replace.js';
import { changeMessages, tell, warn, type Talk } from './talk.js';
import { takeTurn, type TurnEnd } from './turn.js';
import { tellFailure, tellTurnFailure } from './turn-failure.js';

/** Why an answer that ended holds nothing, or nothing more than was there. */
function describeSilence({ answer }: TurnEnd, isBegun: boolean): string {
  if (isBegun) return 'The model has nothing to add. /retry asks for another answer.';
  if (answer.reason === 'length' && answer.thinking !== '')
    return 'All of its tokens went into thinking, and none is left for the answer: /think off, or a larger num_predict. /retry asks again.';
  if (answer.thinking !== '') return 'The model thought, and ended without an answer. /retry asks again.';
  return 'The model ended without a word. /retry asks again.';
}

/**
 * Has the conversation answered as it stands, and tells what went wrong with that; the question stays in any case. Where
 * the person chooses what to do about it, it is asked again.
 */
export async function ask(talk: Talk, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      const end = await takeTurn(talk, signal);
      if (!(await asksAgain(talk, end, signal))) return;
    }
  } finally {
    tellBack(talk);
  }
}

/** Nothing came to take the place of what was there before; it is said behind what is told of that. */
function tellBack(talk: Talk, why = ''): boolean {
  const isReplacing = talk.replaced !== undefined;
  if (isReplacing) tell(talk, [why, putBack(talk)].filter((part) => part !== '').join(' '));
  return isReplacing;
}

async function asksAgain(talk: Talk, end: TurnEnd, signal: AbortSignal): Promise<boolean> {
  const { error } = end.answer;
  const isBegun = talk.conversation.messages.at(-1)?.role !== 'user';
  if (error === undefined) {
    if (!end.isKept) warn(talk, describeSilence(end, isBegun));
    return false;
  }
  if (error.code === 'interrupted') {
    if (tellBack(talk, 'Stopped.')) return false;
    if (!isBegun) tell(talk, 'Stopped before an answer came. /retry asks again.');
    else if (!end.isKept || end.answer.tokens === 0) tell(talk, 'Stopped. /continue goes on.');
    return false;
  }
  if (error.code === 'context_overflow') return await resolveOverflow(talk, error, signal);
  if (error.code === 'model_not_found' && !end.isKept) {
    if (await offerModel(talk, error, signal)) return true;
    if (!tellBack(talk))
      tell(talk, 'Your question stays: /model NAME chooses another model, then /retry asks it.');
    return false;
  }
  await tellTurnFailure(talk, error, end.isKept ? end.answer.tokens : 0, signal);
  return false;
}

/** Pulls the model that is absent, or goes on with another one; whether either came about. */
async function offerModel(talk: Talk, missing: OllamaError, signal: AbortSignal): Promise<boolean> {
  const { model } = talk.conversation;
  const found = await offerPull(talk, model, missing, signal);
  if (found === undefined || found === model) return found === model;
  await switchModel(talk, found, signal);
  return talk.conversation.model === found;
}

/** A question as it was written, with what goes with it. */
export interface Written {
  readonly text: string;
  /** What the person typed, to be given back where it can't be sent. */
  readonly typed: string;
  readonly attached: readonly Attachment[];
}

/**
 * Makes the message of a question, its files read; undefined where that can't be done: then it is told, and the text is
 * given back.
 */
export async function compose(
  talk: Talk,
  { text, typed, attached }: Written,
  signal: AbortSignal,
): Promise<ChatMessage | undefined> {
  const { context, stage, conversation, answering } = talk;
  const permitImage = async (): Promise<void> => {
    try {
      await askAhead(answering, async () => {
        await checkCapability(context, conversation.model, 'vision', signal);
      });
    } catch (error) {
      // What else is wrong with the server is told, and the question kept, when it is asked.
      if (isOllamaError(error) && error.code === 'not_allowed') throw error;
    }
  };
  try {
    if (attached.some(({ kind }) => kind === 'image')) await permitImage();
    const { message, notes } = await composeMessage(context.io, text, attached, { permitImage });
    if (notes.length > 0) tell(talk, notes.join('\n'));
    talk.origins.set(message, { written: text, attached });
    return message;
  } catch (error) {
    if (!isOllamaError(error)) throw error;
    tellFailure(talk, error);
    if (stage.giveBack(typed)) tell(talk, tellGiven('What you wrote'));
    return undefined;
  }
}

/** Puts a question at the end of the conversation. */
export function addQuestion(talk: Talk, message: ChatMessage): void {
  const end = talk.conversation.messages.length;
  talk.conversation = spliceMessages(talk.conversation, end, 0, [message]);
  talk.recorder?.record({ type: 'message', message });
}

/** Sends what the person wrote, in place of a question that got no answer. */
export async function sendMessage(
  talk: Talk,
  text: string,
  typed: string,
  signal: AbortSignal,
): Promise<void> {
  const message = await compose(talk, { text, typed, attached: talk.attached }, signal);
  if (message === undefined) return;
  talk.attached = [];
  const { messages } = talk.conversation;
  if (messages.at(-1)?.role === 'user') {
    changeMessages(talk, messages.length - 1, 1);
    tell(talk, 'This goes in place of the question before, which got no answer.');
  }
  addQuestion(talk, message);
  await ask(talk, signal);
}
