import type { ChatViewOptions } from '../chat/chat-view.js';
import { editText } from '../chat/editor.js';
import { openHistory } from '../chat/history.js';
import type { Io } from '../io.js';
import { terminalWidth } from '../output/mode.js';
import { textWidth } from './chat/draw.js';
import type { Look } from './chat/draw.js';
import { composerWidth, drawFrame } from './chat/frame.js';
import { openKeyboard } from './chat/keyboard.js';
import { keyActions } from './chat/keys.js';
import { startRepl } from './chat/repl.js';
import type { Repl, ReplOptions } from './chat/repl.js';
import { openSurface } from './chat/surface.js';
import type { Surface } from './chat/surface.js';
import { openTexts } from './chat/texts.js';
import { startTranscript } from './chat/transcript.js';
import type { Transcript } from './chat/transcript.js';
import { createPacer } from './pull/pace.js';

/** Keys are drawn sooner than text: the eye waits for them. */
const KEY_MS = 16;
const TEXT_MS = 33;
const CLOCK_MS = 1_000;

/**
 * The chat as it is drawn in a terminal; stdin and stdout have to be terminals. Talks with a person until they leave, or
 * `io.signal` is aborted, then closes the dialogue and gives the terminal back. Rejects only for what is unforeseen.
 */
export async function runChat(options: ChatViewOptions): Promise<void> {
  const { io, look } = options;
  const history =
    options.historyFile === undefined ? undefined : await openHistory(options.historyFile, io.platform);
  const columns = (): number => terminalWidth(io.stdout, io.env);
  const texts = openTexts(look, options.markdown, () => textWidth(columns()));
  const drawn: Look = { ...look, signs: look.symbols, openText: texts.openText };
  const transcript = startTranscript({
    look: drawn,
    columns,
    now: () => io.now(),
    changed: () => display.ask('text'),
    openPlain: texts.openPlain,
    prepare: texts.prepare,
  });
  const display = openDisplay(io, transcript, drawn);
  const repl = startRepl({
    history,
    transcript,
    keys: keyActions(options.keys),
    now: () => io.now(),
    composerWidth: () => composerWidth(display.surface.columns, display.surface.rows),
    changed: display.ask,
    edit: (text) => display.giveAway(() => editText(io, text)),
    async suspend() {
      if (io.suspend === undefined) return false;
      await display.giveAway(async () => await io.suspend?.());
      return true;
    },
    lend: display.lend,
    clearScreen: () => display.surface.clear(),
    send: (bytes) => display.surface.send(bytes),
    open: options.open,
  });
  try {
    await display.run(repl);
  } finally {
    display.close();
  }
}

/** The terminal while the chat has it. */
interface Display {
  readonly surface: Surface;
  readonly ask: ReplOptions['changed'];
  /** Draws nothing while `work` does; keys are still read. */
  lend<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Gives the whole terminal away while `work` lasts. */
  giveAway<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Draws the conversation until the person has left. */
  run(repl: Repl): Promise<void>;
  /** Gives the terminal back. */
  close(): void;
}

function openDisplay(io: Io, transcript: Transcript, look: Look): Display {
  let repl: Repl | undefined;
  let keyboard: ReturnType<typeof openKeyboard> | undefined;
  let lent = 0;
  let fail: (error: unknown) => void = () => undefined;
  const broken = new Promise<never>((_, reject) => (fail = reject));
  // It is raced below; where nothing has begun yet, nobody waits for it.
  broken.catch(() => undefined);

  const draw = (): void => {
    if (repl === undefined || lent > 0) return;
    try {
      const settled = transcript.take();
      surface.paint(settled, drawFrame(repl.live(), surface.columns, surface.rows, look));
    } catch (error) {
      fail(error);
    }
  };
  const now = (): number => io.now();
  const keyPacer = createPacer(draw, KEY_MS, now);
  const textPacer = createPacer(draw, TEXT_MS, now);
  const surface = openSurface(io.stdout, io.env, () => keyPacer.flush());

  async function lend<Result>(work: () => Promise<Result>): Promise<Result> {
    // What was said before stands above what is drawn now.
    draw();
    surface.wipe();
    lent += 1;
    try {
      return await work();
    } finally {
      lent -= 1;
      draw();
    }
  }

  return {
    surface,
    ask: (cause) => (cause === 'key' ? keyPacer : textPacer).ask(),
    lend,
    giveAway: (work) =>
      lend(async () => {
        keyboard?.pause();
        try {
          return await work();
        } finally {
          keyboard?.resume();
        }
      }),
    async run(started) {
      repl = started;
      const { press, leave, isWaiting, dialogue, ended } = started;
      // Before anything is seen: what is typed at the first sight of the chat is for it already.
      keyboard = openKeyboard({
        stdin: io.stdin,
        stdout: io.stdout,
        env: io.env,
        onToken: press,
        onEnd: leave,
      });
      const clock = setInterval(() => {
        if (isWaiting()) textPacer.ask();
      }, CLOCK_MS);
      io.signal.addEventListener('abort', leave);
      try {
        dialogue.open();
        draw();
        if (io.signal.aborted) leave();
        await Promise.race([ended, broken]);
        await Promise.race([transcript.settled(), broken]);
        surface.paint(transcript.take(), { lines: [''], cursor: { x: 0, y: 0 } });
      } finally {
        clearInterval(clock);
        io.signal.removeEventListener('abort', leave);
      }
    },
    close() {
      keyPacer.stop();
      textPacer.stop();
      keyboard?.close();
      surface.close();
    },
  };
}
