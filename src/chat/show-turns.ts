import { findTurns } from '../core/conversation.js';
import type { ChatMessage } from '../core/wire.js';
import { cleanLine, cleanText } from '../format/clean.js';
import type { Block } from './blocks.js';
import { tell, type Talk } from './talk.js';

const MOST_TURNS = 3;
const LONGEST_OUTCOME = 60;

function showCall({ tool_name: name = 'function', content }: ChatMessage): Block {
  const line = cleanLine(content.slice(0, 4 * LONGEST_OUTCOME));
  const outcome = line.length > LONGEST_OUTCOME ? `${line.slice(0, LONGEST_OUTCOME)}…` : line;
  return { kind: 'tool', call: cleanLine(name), outcome, isError: false };
}

function showMessage(message: ChatMessage): Block[] {
  const { role, content, images = [] } = message;
  switch (role) {
    case 'user': {
      const seen =
        images.length === 0 ? '' : images.length === 1 ? '\n(an image)' : `\n(${images.length} images)`;
      return [{ kind: 'prompt', text: cleanText(content) + seen }];
    }
    case 'assistant':
      return content.trim() === '' ? [] : [{ kind: 'message', text: cleanText(content) }];
    case 'tool':
      return [showCall(message)];
    default:
      return [];
  }
}

/** How a conversation that ends before its answer does can go on; undefined for one that is whole. */
function describeEnd({ conversation, lastEnd }: Talk): string | undefined {
  switch (conversation.messages.at(-1)?.role) {
    case 'user':
      return 'No answer came: /retry asks again.';
    case 'tool':
      return '(stopped) /continue goes on.';
    case 'assistant':
      return lastEnd === 'cut' ? '(stopped) /continue goes on, /retry asks again.' : undefined;
    default:
      return undefined;
  }
}

/** Shows the last turns of a conversation that is taken up again, how many there were before, and how it can go on. */
export function showLastTurns(talk: Talk): void {
  const { conversation, stage } = talk;
  const turns = findTurns(conversation);
  const shown = turns.slice(-MOST_TURNS);
  const start = shown[0]?.start ?? 0;
  const before = turns.length - shown.length;
  if (before > 0)
    tell(talk, before === 1 ? '1 earlier turn is not shown.' : `${before} earlier turns are not shown.`);
  for (const block of conversation.messages.slice(start).flatMap(showMessage)) stage.show(block);
  const end = describeEnd(talk);
  if (end !== undefined) tell(talk, end);
}
