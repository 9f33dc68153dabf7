import type { Conversation } from '../core/chat.js';
import { isOllamaError } from '../core/errors.js';
import { estimateConversation } from '../core/window.js';
import { cleanText } from '../format/clean.js';
import { formatCount } from '../format/count.js';
import { startWork } from './going.js';
import { changeMessages, tell, type Talk } from './talk.js';
import { tellFailure } from './turn-failure.js';

/** Puts a summary in the place of the older turns, and shows it. Whether it did; if not, nothing has changed. */
export async function compactTalk(talk: Talk, signal: AbortSignal): Promise<boolean> {
  const { context, stage, conversation } = talk;
  const { compact } = await import('./compact.js');
  talk.going = startWork('summarising', context.io.now(), 'Ctrl-C stops, and all stays as it was');
  stage.changed();
  try {
    const {
      conversation: compacted,
      summary,
      replaced,
    } = await compact({ ...context, asks: talk.answering?.client }, conversation, signal);
    const [message] = compacted.messages;
    changeMessages(talk, 0, replaced, message === undefined ? [] : [message]);
    tell(talk, `A summary stands for the first ${replaced} messages now:`);
    stage.show({ kind: 'message', text: cleanText(summary) });
    const size = (one: Conversation): string => formatCount(estimateConversation(one));
    tell(talk, `The conversation has about ${size(conversation)} -> ${size(compacted)} tokens now.`);
    return true;
  } catch (error) {
    if (!isOllamaError(error)) throw error;
    const stays = 'The conversation is as it was.';
    if (error.code === 'interrupted') tell(talk, `Stopped. ${stays}`);
    else if (error.code === 'usage') tell(talk, error.message);
    else tellFailure(talk, error, stays);
    return false;
  } finally {
    talk.going = undefined;
    stage.changed();
  }
}
