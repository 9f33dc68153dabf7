import { answerMessage, type AnswerState } from '../core/chat.js';
import { spliceMessages } from '../core/conversation.js';
import type { ChatMessage } from '../core/wire.js';
import { resultMessage, type TurnOutcome } from '../tools/run-turn.js';
import type { TurnEvent } from '../tools/turn.js';
import { replace } from './replace.js';
import type { Talk } from './talk.js';

/** Keeps a turn while it comes, and puts what came of it into the conversation. */
export interface TurnRecord {
  /** What has come, and the answer as it is with it. */
  take(events: readonly TurnEvent[], answer: AnswerState): void;
  /** The turn has ended; whether anything of it is kept. */
  finish(outcome: TurnOutcome): boolean;
}

function isEmpty({ role, content, tool_calls: calls }: ChatMessage): boolean {
  return role === 'assistant' && content.trim() === '' && (calls ?? []).length === 0;
}

/**
 * Whether what came takes the place of an answer that was there: a whole one does, and one that the person stopped, but
 * none that failed, and none that ended because the chat did.
 */
function takesPlace(talk: Talk, came: readonly ChatMessage[], { error }: AnswerState): boolean {
  if (error === undefined) return came.length > 0;
  const hasText = came.some(({ role, content }) => role === 'assistant' && content.trim() !== '');
  return error.code === 'interrupted' && !talk.isEnding() && hasText;
}

/** A message that was begun, with what came of it later behind it. */
function joinMessages(begun: ChatMessage | undefined, rest: ChatMessage): ChatMessage {
  if (begun === undefined) return rest;
  const thinking = (begun.thinking ?? '') + (rest.thinking ?? '');
  return {
    ...rest,
    content: begun.content + rest.content,
    ...(thinking === '' ? {} : { thinking }),
  };
}

/** The model of an answer, and who gave it where that is not the host in force. */
function tellAnswerer({ following }: Talk, model: string) {
  const answerer = following?.now();
  if (answerer === undefined || answerer.isHost) return { model: answerer?.model ?? model };
  return { model: answerer.model, provider: answerer.name };
}

/** Begins with a conversation that is about to be asked. Its last message, if it is the model's own, is gone on with. */
export function openTurnRecord(talk: Talk): TurnRecord {
  const { recorder, conversation } = talk;
  const { model } = conversation;
  const last = conversation.messages.at(-1);
  const begun = last?.role === 'assistant' ? last : undefined;
  const start = conversation.messages.length - (begun === undefined ? 0 : 1);
  let written = 0;
  let called: AnswerState | undefined;

  const join = (message: ChatMessage, index: number): ChatMessage =>
    joinMessages(index === 0 ? begun : undefined, message);
  const write = (message: ChatMessage, answer: AnswerState, isLast: boolean): void => {
    // What was begun stays in the file until the whole takes its place: the parts that come are read as more of it.
    if (written === 0 && begun !== undefined)
      recorder?.record({ type: 'splice', start, delete_count: 1, insert: [] });
    written += 1;
    const isAnswer = message.role === 'assistant';
    recorder?.record({
      type: 'message',
      message,
      ...(isAnswer ? tellAnswerer(talk, model) : {}),
      ...(isAnswer && answer.metrics !== undefined ? { metrics: answer.metrics } : {}),
      ...(isAnswer && isLast && answer.phase !== 'done' ? { stopped: true as const } : {}),
    });
  };

  return {
    take(events, answer) {
      // What is replaced stays in the file until it is known that something takes its place.
      if (talk.replaced !== undefined) return;
      let content = '';
      let thinking = '';
      for (const event of events) {
        if (event.type === 'token') content += event.text;
        else if (event.type === 'thinking') thinking += event.text;
        else if (event.type === 'tool_result') {
          // The answer that called it is whole: with its calls and results it outlives the rest of the turn.
          if (answer !== called) write(join(answerMessage(answer), written), answer, false);
          called = answer;
          write(resultMessage(event.call, event.result), answer, false);
        }
      }
      if (content !== '' || thinking !== '') recorder?.delta(content, thinking);
    },
    finish({ messages, answer }) {
      const came = messages.filter((message) => !isEmpty(message));
      if (talk.replaced !== undefined) {
        if (!takesPlace(talk, came, answer)) return false;
        replace(talk);
      }
      const kept = came.length === 0 && begun !== undefined ? [begun] : came.map(join);
      for (const [index, message] of kept.entries()) {
        if (index >= written) write(message, answer, index === kept.length - 1);
      }
      // What a model only thought is not kept: neither is what was written down of it while it came.
      if (kept.length === 0 && answer.tokens > 0) {
        recorder?.record({ type: 'splice', start, delete_count: 0, insert: [] });
      }
      talk.conversation = spliceMessages(talk.conversation, start, Infinity, kept);
      return came.length > 0;
    },
  };
}
