import type { Conversation } from '../core/chat.js';
import { findTurns } from '../core/conversation.js';
import type { ChatMessage } from '../core/wire.js';
import { cleanLine, cleanText } from '../format/clean.js';
import type { Block } from './blocks.js';

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

/** The last turns of a conversation that is taken up again, as they are shown; how many there were before is said. */
export function showLastTurns(conversation: Conversation): Block[] {
  const turns = findTurns(conversation);
  const shown = turns.slice(-MOST_TURNS);
  const start = shown[0]?.start ?? 0;
  const before = turns.length - shown.length;
  const blocks = conversation.messages.slice(start).flatMap(showMessage);
  if (before === 0) return blocks;
  const text = before === 1 ? '1 earlier turn is not shown.' : `${before} earlier turns are not shown.`;
  return [{ kind: 'note', text }, ...blocks];
}
