import type { Io } from '../io.js';
import type { Look } from '../output/look.js';
import type { Dialogue, Stage } from './stage.js';

/** What a view of the chat needs. */
export interface ChatViewOptions {
  /** For the drawn chat, stdin and stdout have to be terminals. */
  readonly io: Io;
  /** What stdout can show. */
  readonly look: Pick<Look, 'styles' | 'symbols' | 'unicode' | 'level'>;
  /** Where what was sent is kept, for Up and Ctrl-R; absent keeps none. */
  readonly historyFile?: string | undefined;
  /** What keys do, by their names, besides and instead of the built-in ones: the setting `keys`. */
  readonly keys: Readonly<Record<string, string>>;
  /** Whether answers are drawn as Markdown; else they are wrapped, and nothing more. */
  readonly markdown: boolean;
  /** Starts the conversation on the view's stage; called once, and its `open` is called by the view. */
  open(stage: Stage): Dialogue;
}
