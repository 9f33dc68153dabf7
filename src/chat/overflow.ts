import { isOllamaError, type OllamaError } from '../core/errors.js';
import { formatCount } from '../format/count.js';
import { compactTalk } from './compact-talk.js';
import { chooseWay } from './context-guard.js';
import { switchModel } from './models.js';
import { putBack } from './replace.js';
import { changeMessages, changeSettings, takeBack, tell, windowOf, type Talk } from './talk.js';
import { tellFailure } from './turn-failure.js';

/** Asks the person how a conversation that outgrew its window goes on, and does that. Whether to ask the model again. */
export async function resolveOverflow(talk: Talk, error: OllamaError, signal: AbortSignal): Promise<boolean> {
  const { context, stage, conversation } = talk;
  const way = await chooseWay(context, conversation, windowOf(talk), stage, signal).catch(
    (failure: unknown) => {
      if (!isOllamaError(failure)) throw failure;
      return undefined;
    },
  );
  if (way === undefined) {
    tellFailure(talk, error);
    return stop(talk);
  }
  switch (way.type) {
    case 'drop': {
      const { messages } = way.conversation;
      const kept = new Set(messages);
      const start = conversation.messages.findIndex((message) => !kept.has(message));
      changeMessages(talk, start, conversation.messages.length - messages.length);
      tell(
        talk,
        way.turns === 1 ? 'The oldest turn is dropped.' : `The ${way.turns} oldest turns are dropped.`,
      );
      return true;
    }
    case 'compact':
      return await compactTalk(talk, signal);
    case 'num_ctx':
      return setWindow(talk, way.value);
    case 'model':
      await switchModel(talk, way.name, signal);
      return talk.conversation.model === way.name && setWindow(talk, way.value);
    case 'stop':
      return stop(talk);
  }
}

function setWindow(talk: Talk, value: number): true {
  changeSettings(talk, { options: { ...talk.conversation.options, num_ctx: value } });
  tell(talk, `num_ctx is ${value} now (${formatCount(value)} tokens); the model is loaded anew for it.`);
  return true;
}

/** A question that can't be asked as it is goes back to where it can be made shorter; what was answered of it stays. */
function stop(talk: Talk): false {
  const { messages } = talk.conversation;
  const back = putBack(talk);
  if (back !== '') tell(talk, back);
  else if (messages.at(-1)?.role === 'user') takeBack(talk, messages.length - 1, true);
  else tell(talk, 'The conversation is as it was.');
  return false;
}
