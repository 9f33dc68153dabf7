import type { History } from '../../chat/history.js';
import { unquoteBlock } from '../../chat/read-words.js';
import type { Dialogue, Stage } from '../../chat/stage.js';
import type { KeyAction } from '../../config/key-actions.js';
import { startAway } from './away.js';
import type { AwayOptions } from './away.js';
import { tellSearch } from './composer-search.js';
import { startDraft } from './draft.js';
import type { Live } from './frame.js';
import type { InputToken } from './key-parser.js';
import { startHints } from './hints.js';
import { nameKey } from './keys.js';
import { startQuestions } from './questions.js';
import { tellError, tellUnkept } from './tell.js';
import type { Transcript } from './transcript.js';

/** What a chat is made of, besides the drawing. */
export interface ReplOptions extends Pick<AwayOptions, 'edit' | 'suspend'> {
  readonly history: History | undefined;
  readonly transcript: Transcript;
  /** What a key does, by its name. */
  readonly keys: ReadonlyMap<string, KeyAction>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Cells of a row of the composer, as the terminal is now. */
  composerWidth(): number;
  /** Something is to be drawn: at once, because a key was pressed, or when there is time. */
  changed(cause: 'key' | 'text'): void;
  /** Draws nothing while `work` does. */
  lend<Result>(work: () => Promise<Result>): Promise<Result>;
  clearScreen(): void;
  /** Writes bytes that show nothing. */
  send(bytes: string): void;
  /** Starts the conversation. */
  open(stage: Stage): Dialogue;
}

/** A conversation with a person, without the drawing: what was pressed goes in, what is to be drawn comes out. */
export interface Repl {
  press(token: InputToken): void;
  /** What is live below the scrollback. */
  live(): Live;
  /** Whether a clock is on the screen. */
  isWaiting(): boolean;
  /** Stops what is going on, and ends. */
  leave(): void;
  readonly dialogue: Dialogue;
  /** Resolves when the person has left; rejects only if something unforeseen happened. */
  readonly ended: Promise<void>;
}

/** What was sent, without the marks around it that only its lines needed. */
function echoOf(written: string): string {
  return unquoteBlock(written.trim()).trim();
}

/** Starts the conversation; nothing is shown before the dialogue is opened. */
export function startRepl(options: ReplOptions): Repl {
  const { transcript, history, keys } = options;
  const draft = startDraft(history?.entries ?? []);
  let leaving = false;
  /** Whether the answer is on the screen whole, and only what is behind it goes on; Enter then sends a moment later. */
  let isEnding = false;
  let sendsNext = false;
  let kept: Promise<void> | undefined;
  let resolveEnd: () => void = () => undefined;
  let rejectEnd: (error: unknown) => void = () => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    resolveEnd = resolve;
    rejectEnd = reject;
  });

  const hints = startHints(() => options.changed('text'));
  const questions = startQuestions(options.now, () => options.changed('key'));
  const away = startAway({
    edit: options.edit,
    suspend: options.suspend,
    fail: (error) => transcript.show({ kind: 'failure', message: tellError(error), hint: undefined }),
    back: () => options.changed('key'),
  });

  const dialogue = options.open({
    begin(before) {
      transcript.begin(before);
      isEnding = false;
    },
    receive(events) {
      transcript.receive(events);
      options.changed('text');
    },
    show(block) {
      transcript.show(block);
      options.changed('text');
    },
    end(...end) {
      transcript.end(...end);
      isEnding = true;
      options.changed('text');
    },
    async choose(question, signal) {
      hints.set(undefined);
      return leaving ? undefined : await questions.choose(question, signal);
    },
    edit: away.edit,
    lend: options.lend,
    giveBack(text, toShorten = false) {
      const isGiven = draft.giveBack(text, toShorten);
      if (isGiven) options.changed('text');
      return isGiven;
    },
    changed: () => options.changed('text'),
    send: options.send,
    leave,
  });

  async function end(): Promise<void> {
    try {
      await dialogue.close();
      await kept;
      resolveEnd();
    } catch (error) {
      rejectEnd(error);
    }
  }

  function leave(): void {
    if (leaving) return;
    leaving = true;
    hints.set(undefined);
    questions.turnAway();
    void end();
  }

  async function run(written: string): Promise<void> {
    try {
      await dialogue.perform(written);
    } catch (error) {
      rejectEnd(error);
      return;
    }
    // It could only be that the answer was still coming.
    hints.set(undefined);
    if (sendsNext) submit();
    options.changed('key');
  }

  function tellHistory(problem: unknown): void {
    if (problem === undefined) return;
    transcript.show(tellUnkept(problem));
    options.changed('text');
  }

  function submit(): void {
    if (dialogue.isBusy()) {
      if (isEnding) sendsNext = true;
      else hints.set('the answer is still coming; Ctrl-C stops it');
      return;
    }
    sendsNext = false;
    isEnding = false;
    const written = draft.written();
    if (written.trim() === '') return;
    draft.send();
    if (history !== undefined) kept = history.add(written).then(tellHistory);
    transcript.show({ kind: 'prompt', text: echoOf(written) });
    void run(written);
  }

  function interrupt(): void {
    if (dialogue.isBusy()) dialogue.stop();
    // Undo brings it back.
    else if (draft.composer().text !== '') draft.change({ type: 'replace', text: '' });
    else if (hints.wantsToLeave()) leave();
  }

  async function openEditor(): Promise<void> {
    const edited = await away.edit(draft.written());
    if (edited === undefined) return;
    draft.change({ type: 'replace', text: edited });
    // The terminal was drawn on as soon as it was ours again.
    options.changed('key');
  }

  async function suspend(): Promise<void> {
    if ((await away.suspend()) !== false) return;
    hints.set('the chat cannot be suspended here');
    options.changed('key');
  }

  async function complete(): Promise<void> {
    const { text, cursor } = draft.composer();
    const completion = await dialogue.complete(text, cursor).catch(() => undefined);
    if (completion === undefined) return;
    draft.change({ type: 'offer', text, cursor, completion });
    options.changed('key');
  }

  const CONTROLS: Readonly<Partial<Record<KeyAction, () => void>>> = {
    send: submit,
    interrupt,
    'end-of-input': leave,
    'clear-screen': options.clearScreen,
    complete: () => void complete(),
    'open-editor': () => void openEditor(),
    'show-thinking': () => hints.set(transcript.unfold()),
    suspend: () => void suspend(),
  };

  function pressAction(action: KeyAction): void {
    if (action !== 'interrupt') hints.set(undefined);
    const rest = draft.press(action, options.composerWidth());
    if (rest !== undefined) CONTROLS[rest]?.();
  }

  function accept(token: InputToken): void {
    sendsNext = false;
    const named = token.type === 'sequence' ? nameKey(token.sequence) : { text: token.text };
    if (named === undefined) return;
    const text = 'text' in named ? named.text : undefined;
    const action = 'key' in named ? keys.get(named.key) : undefined;
    if (questions.asking() !== undefined) {
      if (action === 'suspend') void suspend();
      questions.press(action, token.type === 'paste' ? undefined : text);
      return;
    }
    if (text !== undefined) {
      hints.set(undefined);
      draft.change({ type: token.type === 'paste' ? 'paste' : 'insert', text });
    } else if (action !== undefined) pressAction(action);
    questions.noteWriting(draft.composer().text !== '');
  }

  function describeStatus(): readonly string[] {
    if (questions.asking() !== undefined) return ['Enter or a letter', 'Esc turns away'];
    const searching = tellSearch(draft.composer());
    return searching === undefined ? hints.besides(dialogue) : [searching];
  }

  tellHistory(history?.problem);
  return {
    ended,
    leave,
    dialogue,
    isWaiting: () => dialogue.isWaiting(),
    press(token) {
      if (leaving || away.isAway()) return;
      accept(token);
      options.changed('key');
    },
    live() {
      questions.noteDrawn();
      const { tail } = transcript;
      return { composer: draft.composer(), tail, asking: questions.asking(), status: describeStatus() };
    },
  };
}
