import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readInput } from '../chat/commands.js';
import { openHistory } from '../chat/history.js';
import type { Conversation } from '../core/chat.js';
import { cleanLine } from '../format/clean.js';
import { createStyles } from '../output/styles.js';
import { symbols } from '../output/symbols.js';
import type { ChatViewOptions } from './chat.js';
import type { Block } from './chat/blocks.js';
import { startComposer, continueLine } from './chat/composer.js';
import { startDialogue } from './chat/dialogue.js';
import { drawBlock, textWidth } from './chat/draw.js';

const PROMPT = '> ';
const MORE = '... ';
/** Once an answer has been awaited so long, it is said once what is going on. In milliseconds. */
const PATIENCE_MS = 3_000;

/**
 * Talks with a person line by line, and never goes back to a line that is written: for a screen reader, and for a terminal
 * that cannot move its cursor. Resolves with the conversation when they leave, or `io.signal` is aborted.
 */
export async function runPlainChat(options: ChatViewOptions): Promise<{ conversation: Conversation }> {
  const { io, historyFile } = options;
  const history = historyFile === undefined ? undefined : await openHistory(historyFile, io.platform);
  const look = {
    styles: createStyles(options.colorLevel),
    signs: symbols(options.unicode),
    unicode: options.unicode,
  };
  const columns = (): number => io.stdout.columns ?? 80;
  const write = (text: string): void => void io.stdout.write(text);

  function show(block: Block | undefined): void {
    // What was sent stands on the screen already, where it was typed.
    if (block === undefined || block.kind === 'prompt') return;
    // The keys of the drawn composer are not here.
    const told = block.kind === 'help' ? { ...block, groups: block.groups.slice(0, 1) } : block;
    write(`${drawBlock(told, columns(), 1, look).join('\n')}\n`);
  }

  const keyboard = createInterface({
    input: io.stdin,
    output: io.stdout,
    terminal: true,
    history: [...(history?.entries ?? [])].reverse(),
  });
  const typed: string[] = [];
  const lines: string[] = [];
  let isClosed = false;
  let leavesNext = false;
  let wake: () => void = () => undefined;

  const dialogue = startDialogue({
    ...options,
    now: () => io.now(),
    textWidth: () => textWidth(columns()),
    show,
    // It stays readable above, and Up brings it back.
    giveBack: () => undefined,
    changed: () => void dialogue.settle(),
    leave: () => keyboard.close(),
  });

  function interrupt(): void {
    if (dialogue.isBusy()) dialogue.stop();
    else if (leavesNext) keyboard.close();
    else {
      leavesNext = true;
      typed.length = 0;
      lines.length = 0;
      keyboard.setPrompt(PROMPT);
      write('\nCtrl-D or /bye leaves; Ctrl-C again too\n');
      keyboard.prompt();
    }
  }

  function close(): void {
    isClosed = true;
    dialogue.stop();
    wake();
  }

  /** The next text: a line, the lines of one paste, or all that an open `"""` or a trailing backslash asks for. */
  async function nextText(): Promise<string | undefined> {
    lines.length = 0;
    keyboard.setPrompt(PROMPT);
    keyboard.prompt();
    for (;;) {
      while (typed.length === 0 && !isClosed) await new Promise<void>((resolve) => (wake = resolve));
      // A paste brings its lines in one go; only a person brings them one by one.
      await nextTurn();
      lines.push(...typed.splice(0));
      if (isClosed) return lines.length === 0 ? undefined : lines.join('\n');
      const text = lines.join('\n');
      const more = continueLine({ ...startComposer([]), text, cursor: text.length });
      if (more === undefined) return text;
      if (text.endsWith('\\')) lines.splice(0, lines.length, text.slice(0, -1));
      keyboard.setPrompt(MORE);
      keyboard.prompt();
    }
  }

  function tellHistory(problem: unknown): void {
    if (problem === undefined) return;
    const why = problem instanceof Error ? problem.message : 'its file fails';
    show({ kind: 'note', text: cleanLine(`What you send is not kept: ${why}.`) });
  }

  async function answer(text: string): Promise<void> {
    const patience = setTimeout(() => {
      const [what] = dialogue.status();
      if (what !== undefined) write(`${look.styles.dim(`  ${cleanLine(what)}`)}\n`);
    }, PATIENCE_MS);
    try {
      await dialogue.perform(readInput(text), text);
    } finally {
      clearTimeout(patience);
    }
  }

  keyboard.on('line', (line) => {
    leavesNext = false;
    typed.push(line);
    wake();
  });
  keyboard.on('SIGINT', interrupt);
  keyboard.on('close', close);
  const onAbort = (): void => keyboard.close();
  io.signal.addEventListener('abort', onAbort);
  if (io.signal.aborted) onAbort();

  tellHistory(history?.problem);
  try {
    for (;;) {
      const text = await nextText();
      if (text === undefined) break;
      if (text.trim() === '') continue;
      tellHistory(await history?.add(text));
      await answer(text);
      if (isClosed) break;
      write('\n');
    }
  } finally {
    io.signal.removeEventListener('abort', onAbort);
    keyboard.close();
    write('\n');
  }
  return { conversation: dialogue.conversation() };
}
