import { spliceMessages } from '../core/conversation.js';
import type { ChatMessage } from '../core/wire.js';
import type { Talk } from './talk.js';

/** What was said before, while something else is asked for in its place: its file still has it. */
export interface Replaced {
  readonly old: readonly ChatMessage[];
  /** The question that is asked in place of the old one, and what the person wrote for it. */
  readonly asked: { readonly question: ChatMessage; readonly written: string } | undefined;
  readonly lastEnd: Talk['lastEnd'];
}

/**
 * Takes what was said from `start` on out of the conversation, but not out of its file: it comes back with
 * `putBack`, unless `replace` says that something took its place.
 */
export function setAside(talk: Talk, start: number, asked?: Replaced['asked']): void {
  const { conversation, lastEnd } = talk;
  const old = conversation.messages.slice(start);
  talk.replaced = { old, asked, lastEnd };
  talk.conversation = spliceMessages(
    conversation,
    start,
    old.length,
    asked === undefined ? [] : [asked.question],
  );
  talk.lastCount = undefined;
}

/** How many of the conversation's messages stand there in place of what was set aside. */
function countNew({ asked }: Replaced): number {
  return asked === undefined ? 0 : 1;
}

/** What is asked for now takes the place of what was set aside: the messages that follow are recorded behind it. */
export function replace(talk: Talk): void {
  const { replaced, recorder, conversation } = talk;
  if (replaced === undefined) return;
  const { old, asked } = replaced;
  const start = conversation.messages.length - countNew(replaced);
  // Only now: whoever is killed before this has the old answer.
  recorder?.record({ type: 'splice', start, delete_count: old.length, insert: [] });
  if (asked !== undefined) recorder?.record({ type: 'message', message: asked.question });
  talk.replaced = undefined;
}

/** Brings back what was set aside, and says so; empty where nothing was. */
export function putBack(talk: Talk): string {
  const { replaced, conversation, stage } = talk;
  if (replaced === undefined) return '';
  const { old, asked, lastEnd } = replaced;
  const count = countNew(replaced);
  talk.conversation = spliceMessages(conversation, conversation.messages.length - count, count, old);
  talk.replaced = undefined;
  talk.lastEnd = lastEnd;
  talk.lastCount = undefined;
  if (asked === undefined) return 'The answer before stays.';
  const given = stage.giveBack(asked.written) ? ` ${tellGiven('What you wrote')}` : '';
  return `The question and the answer before stay.${given}`;
}

/** Tells that a text stands where the person writes. */
export function tellGiven(what: string): string {
  return `${what} is in the prompt again; Ctrl-C clears it.`;
}
