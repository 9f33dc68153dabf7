import type { Conversation } from '../../core/chat.js';
import { readInput } from '../../chat/commands.js';
import type { Intent } from '../../chat/commands.js';
import type { History } from '../../chat/history.js';
import { cleanText } from '../../format/clean.js';
import type { Block } from './blocks.js';
import { continueLine, reduceComposer, sendComposer, startComposer } from './composer.js';
import type { EditKey } from './composer.js';
import { startDialogue } from './dialogue.js';
import type { DialogueOptions } from './dialogue.js';
import type { Live } from './frame.js';
import type { InputToken } from './key-parser.js';
import { KEY_ACTIONS, nameKey } from './keys.js';
import type { ControlKey } from './keys.js';

const AGAIN_MS = 2_000;

/** What a chat is made of, besides the terminal. */
export interface ReplOptions extends Pick<
  DialogueOptions,
  | 'client'
  | 'conversation'
  | 'host'
  | 'contextLength'
  | 'explain'
  | 'permit'
  | 'onAnswer'
  | 'now'
  | 'textWidth'
> {
  readonly history?: History | undefined;
  /** Cells of a row of the composer, as the terminal is now. */
  composerWidth(): number;
  /** Something is to be drawn: at once, because a key was pressed, or when there is time. */
  changed(cause: 'key' | 'text'): void;
}

/** A conversation with a person, without the drawing: what was pressed goes in, what is to be drawn comes out. */
export interface Repl {
  press(token: InputToken): void;
  /** Blocks for the scrollback since the last call, and what is live below them. */
  take(): { readonly blocks: readonly Block[]; readonly live: Live };
  /** Whether a clock is on the screen. */
  isWaiting(): boolean;
  /** Stops what is going on, and ends. */
  leave(): void;
  /** Resolves when the person has left; rejects only if something unforeseen happened. */
  readonly ended: Promise<Conversation>;
}

/** Starts the conversation; its first block is the header. */
export function startRepl(options: ReplOptions): Repl {
  let composer = startComposer(options.history?.entries ?? []);
  let blocks: Block[] = [];
  let hint: string | undefined;
  let hintTimer: NodeJS.Timeout | undefined;
  let leavesNext = false;
  let leaving = false;
  let kept: Promise<void> | undefined;
  let resolveEnd: (conversation: Conversation) => void = () => undefined;
  let rejectEnd: (error: unknown) => void = () => undefined;
  const ended = new Promise<Conversation>((resolve, reject) => {
    resolveEnd = resolve;
    rejectEnd = reject;
  });

  const show = (block: Block | undefined): void => {
    if (block !== undefined) blocks.push(block);
  };

  const dialogue = startDialogue({
    ...options,
    show,
    giveBack(text) {
      // Unless something else is being written there by now.
      if (composer.text === '') composer = reduceComposer(composer, { type: 'replace', text });
    },
    changed: () => options.changed('text'),
    leave,
  });

  async function end(): Promise<void> {
    await kept;
    resolveEnd(dialogue.conversation());
  }

  function leave(): void {
    if (leaving) return;
    leaving = true;
    setHint(undefined);
    if (dialogue.isBusy()) dialogue.stop();
    else void end();
  }

  function setHint(text: string | undefined): void {
    clearTimeout(hintTimer);
    hint = text;
    leavesNext = false;
  }

  async function run(intent: Intent, written: string): Promise<void> {
    try {
      await dialogue.perform(intent, written);
    } catch (error) {
      rejectEnd(error);
      return;
    }
    // It could only be that the answer was still coming.
    setHint(undefined);
    if (leaving) await end();
    else options.changed('key');
  }

  function tellHistory(problem: unknown): void {
    if (problem === undefined) return;
    const why = problem instanceof Error ? problem.message : 'its file fails';
    show({ kind: 'note', text: cleanText(`What you send is not kept: ${why}.`) });
  }

  async function keep(history: History, written: string): Promise<void> {
    const problem = await history.add(written);
    if (problem === undefined) return;
    tellHistory(problem);
    options.changed('text');
  }

  function submit(): void {
    const written = composer.text;
    if (written.trim() === '') return;
    const continued = continueLine(composer);
    if (continued !== undefined) {
      composer = continued;
      return;
    }
    if (dialogue.isBusy()) {
      setHint('the answer is still coming; Ctrl-C stops it');
      return;
    }
    composer = sendComposer(composer);
    if (options.history !== undefined) kept = keep(options.history, written);
    show({ kind: 'prompt', text: written.trim() });
    void run(readInput(written), written);
  }

  function interrupt(): void {
    if (dialogue.isBusy()) dialogue.stop();
    else if (composer.text !== '') composer = startComposer(composer.history);
    else if (leavesNext) leave();
    else {
      setHint('Ctrl-D or /bye leaves; Ctrl-C again too');
      leavesNext = true;
      hintTimer = setTimeout(() => {
        setHint(undefined);
        options.changed('text');
      }, AGAIN_MS);
    }
  }

  function insert(text: string): void {
    composer = reduceComposer(composer, { type: 'insert', text });
  }

  function edit(key: EditKey): void {
    composer = reduceComposer(composer, { type: 'edit', edit: key, width: options.composerWidth() });
  }

  const CONTROLS: Readonly<Record<ControlKey, () => void>> = {
    enter: submit,
    interrupt,
    'end-of-input': () => (composer.text === '' ? leave() : edit('delete-forward')),
    'clear-screen': () => show({ kind: 'blank' }),
  };

  const isControl = (action: EditKey | ControlKey): action is ControlKey => Object.hasOwn(CONTROLS, action);

  function pressKey(sequence: string): void {
    const named = nameKey(sequence);
    if (named === undefined) return;
    const action =
      'key' in named && Object.hasOwn(KEY_ACTIONS, named.key) ? KEY_ACTIONS[named.key] : undefined;
    if (action !== 'interrupt') setHint(undefined);
    if ('text' in named) insert(named.text);
    else if (action === undefined) return;
    else if (isControl(action)) CONTROLS[action]();
    else edit(action);
  }

  tellHistory(options.history?.problem);
  return {
    ended,
    leave,
    isWaiting: dialogue.isWaiting,
    press(token) {
      if (leaving) return;
      if (token.type === 'sequence') pressKey(token.sequence);
      else {
        setHint(undefined);
        insert(token.text);
      }
      options.changed('key');
    },
    take() {
      const turn = dialogue.settle();
      const taken = blocks;
      blocks = [];
      return {
        blocks: taken,
        // Silence is the greater news, and tells of Ctrl-C too.
        live: {
          composer,
          turn,
          status: hint === undefined || dialogue.isSilent() ? dialogue.status() : [hint],
        },
      };
    },
  };
}
