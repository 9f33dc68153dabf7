import { pressComposer, reduceComposer } from '../../../src/views/chat/composer.js';
import type { EditKey } from '../../../src/views/chat/composer.js';
import { startComposer } from '../../../src/views/chat/composer-state.js';
import type { Composer } from '../../../src/views/chat/composer-state.js';
import type { KeyAction } from '../../../src/config/key-actions.js';

/** Cells of a row of the composer. */
export const WIDTH = 20;

/** A composer with a text in which `|` is the cursor. */
export function at(marked: string, history: readonly string[] = []): Composer {
  const cursor = marked.indexOf('|');
  return { ...startComposer(history), text: marked.replace('|', ''), cursor };
}

/** A composer's text with `|` where the cursor is. */
export const mark = ({ text, cursor }: Composer): string => `${text.slice(0, cursor)}|${text.slice(cursor)}`;

/** The composer after some edits, one after the other. */
export const press = (composer: Composer, ...edits: readonly EditKey[]): Composer =>
  edits.reduce((now, edit) => reduceComposer(now, { type: 'edit', edit, width: WIDTH }), composer);

/** The composer after keys as the chat presses them; what they ask of the chat is left out. */
export const pressKeys = (composer: Composer, ...actions: readonly KeyAction[]): Composer =>
  actions.reduce((now, action) => pressComposer(now, action, WIDTH).composer, composer);

/** The composer after a text was typed. */
export const insert = (composer: Composer, text: string): Composer =>
  reduceComposer(composer, { type: 'insert', text });

/** The composer after a text was pasted. */
export const paste = (composer: Composer, text: string): Composer =>
  reduceComposer(composer, { type: 'paste', text });
