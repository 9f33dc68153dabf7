import type { Block } from '../chat/blocks.js';
import type { ChatViewOptions } from '../chat/chat-view.js';
import { editText } from '../chat/editor.js';
import { openHistory } from '../chat/history.js';
import type { Question, Stage } from '../chat/stage.js';
import { cleanLine } from '../format/clean.js';
import { terminalWidth } from '../output/mode.js';
import { continueLine, reduceComposer } from './chat/composer.js';
import { startComposer } from './chat/composer-state.js';
import { findChoice } from './chat/choice.js';
import { openLines } from './chat/lines.js';
import { tellBlock, tellError, tellQuestion, tellUnkept } from './chat/tell.js';
import { openTexts } from './chat/texts.js';
import { openTurn } from './chat/turn.js';
import type { TurnView } from './chat/turn.js';

const PROMPT = '> ';
const MORE = '... ';
/** Once something has lasted so long, it is said what is going on; and again when it is something else. In milliseconds. */
const PATIENCE_MS = 3_000;
const LOOK_MS = 1_000;

/** A line is edited by itself. */
const fitsPrompt = (text: string): boolean => !text.includes('\n');

/**
 * Talks with a person line by line, and never goes back to a line that is written: for a screen reader, and for a terminal
 * that cannot move its cursor. Ends, and rejects, as the drawn one does.
 */
export async function runPlainChat(options: ChatViewOptions): Promise<void> {
  const { io, look } = options;
  const history =
    options.historyFile === undefined ? undefined : await openHistory(options.historyFile, io.platform);
  const texts = openTexts(look, options.markdown, () => terminalWidth(io.stdout, io.env));
  await texts.prepare();
  let turn: TurnView | undefined;
  /** What is to stand behind the next prompt. */
  let given = '';
  let isLeaving = false;

  const write = (rows: readonly string[]): void => {
    if (rows.length > 0) io.stdout.write(`${rows.join('\n')}\n`);
  };
  const show = (block: Block): void => {
    const told = tellBlock(block, texts.openText);
    if (told.length > 0) write(['', ...told]);
  };
  const lines = openLines(io, [...(history?.entries ?? [])], {
    // Every press of Ctrl-C is the person's word on what is going on now.
    interrupt: () => {
      if (!dialogue.isBusy()) return false;
      dialogue.stop();
      return true;
    },
    unfold: tellFolded,
  });

  const stage: Stage = {
    show,
    begin(before) {
      turn = openTurn({
        before,
        now: () => io.now(),
        openText: texts.openText,
        openPlain: texts.openPlain,
        show,
        writeAnswer: (rows, isFirst) => write(isFirst ? ['', ...rows] : rows),
        // Nothing is unfolded while it comes.
        writeThought: () => undefined,
      });
    },
    receive(events) {
      turn?.receive(events);
      turn?.settle();
    },
    end(_answer, facts) {
      turn?.finish();
      show({ kind: 'facts', facts });
    },
    choose,
    async edit(text) {
      try {
        return await lines.giveAway(() => editText(io, text));
      } catch (error) {
        show({ kind: 'failure', message: tellError(error), hint: undefined });
        return undefined;
      }
    },
    lend: (work) => work(),
    giveBack(text) {
      given = text;
      return fitsPrompt(text);
    },
    changed: () => undefined,
    send(bytes) {
      if (io.env['TERM'] !== 'dumb') io.stdout.write(bytes);
    },
    leave() {
      isLeaving = true;
      lines.close();
    },
  };
  const dialogue = options.open(stage);

  function tellFolded(): void {
    const folded = turn?.folded() ?? [];
    if (folded.length === 0) write(['', '(nothing is folded)']);
    for (const { title, text } of folded) write(['', `${title}:`, ...text.trim().split('\n')]);
  }

  async function choose(question: Question, signal: AbortSignal): Promise<string | undefined> {
    write(['', ...tellQuestion(question)]);
    for (;;) {
      const [typed] = (await lines.answer('choice> ', signal)) ?? [];
      if (typed === undefined) return undefined;
      const choice = typed.trim() === '' ? question.choices[0] : findChoice(question, typed);
      if (choice !== undefined) return choice.key;
    }
  }

  /** The next text: a line, the lines of one paste, or all that an open `"""` or a trailing backslash asks for. */
  async function nextText(): Promise<string | undefined> {
    let text = '';
    const fits = given !== '' && fitsPrompt(given);
    if (given !== '' && !fits) write(['', 'What you wrote, to be sent again:', given]);
    let before = fits ? given : '';
    given = '';
    for (let prompt = PROMPT; ; prompt = MORE) {
      const typed = await lines.next(prompt, before);
      before = '';
      // Ctrl-C at the prompt drops what was begun.
      if (typed === 'interrupted') return '';
      if (typed === undefined) return text === '' ? undefined : text;
      text = text === '' ? typed.join('\n') : `${text}\n${typed.join('\n')}`;
      const composer = reduceComposer(startComposer([]), { type: 'replace', text });
      if (continueLine(composer) === undefined) return text;
      if (text.endsWith('\\')) text = text.slice(0, -1);
    }
  }

  /** Says what is going on, where it takes long. */
  function watch(): () => void {
    const since = io.now();
    let said = '';
    const timer = setInterval(() => {
      const [what = ''] = dialogue.status();
      const words = what.replaceAll(/[\d.]+/g, '');
      if (io.now() - since < PATIENCE_MS || !dialogue.isWaiting() || words === said) return;
      said = words;
      write([`(${cleanLine(what)})`]);
    }, LOOK_MS);
    return () => clearInterval(timer);
  }

  function tellHistory(problem: unknown): void {
    if (problem !== undefined) show(tellUnkept(problem));
  }

  const onAbort = (): void => stage.leave();
  io.signal.addEventListener('abort', onAbort);
  if (io.signal.aborted) onAbort();
  try {
    tellHistory(history?.problem);
    dialogue.open();
    for (;;) {
      const text = isLeaving ? undefined : await nextText();
      if (text === undefined) break;
      if (text.trim() === '') continue;
      tellHistory(await history?.add(text));
      const unwatch = watch();
      try {
        await dialogue.perform(text);
      } finally {
        unwatch();
      }
    }
  } finally {
    io.signal.removeEventListener('abort', onAbort);
    lines.close();
    await dialogue.close();
    write(['']);
  }
}
