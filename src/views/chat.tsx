import { Readable } from 'node:stream';
import { render } from 'ink';
import { openHistory } from '../chat/history.js';
import type { Conversation } from '../core/chat.js';
import type { Io } from '../io.js';
import { createStyles } from '../output/styles.js';
import { symbols } from '../output/symbols.js';
import { drawBlock, textWidth } from './chat/draw.js';
import { composerWidth, drawFrame } from './chat/frame.js';
import type { Frame } from './chat/frame.js';
import { openKeyboard } from './chat/keyboard.js';
import { startRepl } from './chat/repl.js';
import type { ReplOptions } from './chat/repl.js';
import { Screen } from './chat/screen.js';
import { openSurface } from './chat/surface.js';
import { createPacer } from './pull/pace.js';

/** Keys are drawn sooner than text: the eye waits for them. */
const KEY_MS = 16;
const TEXT_MS = 33;
const CLOCK_MS = 1_000;
const MAX_FPS = 60;
/** One and the same, so that nothing finished is looked at again. */
const NONE: readonly string[] = [];

/** What the chat in a terminal needs. stdin and stdout have to be terminals. */
export interface ChatViewOptions {
  readonly io: Io;
  readonly client: ReplOptions['client'];
  readonly conversation: Conversation;
  /** As shown: `127.0.0.1:11434`. */
  readonly host: string;
  /** The window in tokens. */
  readonly contextLength?: number | undefined;
  /** Where what was sent is kept; absent keeps none. */
  readonly historyFile?: string | undefined;
  readonly unicode: boolean;
  readonly colorLevel: 0 | 1 | 2 | 3;
  /** What an error means, in words for a person. */
  readonly explain: ReplOptions['explain'];
  /** Throws an `OllamaError` for a model that `/model` may not change to. */
  readonly permit?: ReplOptions['permit'];
  /** Told how each answer ended. */
  readonly onAnswer?: ReplOptions['onAnswer'];
}

/**
 * Talks with a person until they leave, then gives the terminal back and resolves with the conversation. What the server
 * does wrong is shown and does not end it; `io.signal` does. Rejects only if something unforeseen happened.
 */
export async function runChat(options: ChatViewOptions): Promise<{ conversation: Conversation }> {
  const { io, historyFile } = options;
  const look = {
    styles: createStyles(options.colorLevel),
    signs: symbols(options.unicode),
    unicode: options.unicode,
  };
  const history = historyFile === undefined ? undefined : await openHistory(historyFile, io.platform);

  let drawn = 0;
  let frame: Frame = { lines: [], widths: [], cursor: { x: 0, y: 0 } };
  let redraw: () => void = () => undefined;
  const keyPacer = createPacer(
    () => redraw(),
    KEY_MS,
    () => io.now(),
  );
  const textPacer = createPacer(
    () => redraw(),
    TEXT_MS,
    () => io.now(),
  );
  const surface = openSurface(
    io.stdout,
    io.env,
    () => frame,
    () => keyPacer.flush(),
  );
  const repl = startRepl({
    ...options,
    history,
    now: () => io.now(),
    textWidth: () => textWidth(surface.columns),
    composerWidth: () => composerWidth(surface.columns, surface.rows),
    changed: (cause) => (cause === 'key' ? keyPacer : textPacer).ask(),
  });

  /** The screen as it is now; `isLast` leaves the live part out. */
  function drawScreen(isLast: boolean) {
    const { columns, rows } = surface;
    const { blocks, live } = repl.take();
    const fresh =
      blocks.length === 0 ? NONE : blocks.map((block) => drawBlock(block, columns, rows, look).join('\n'));
    frame = drawFrame(live, columns, rows, look);
    const screen = <Screen drawn={drawn} fresh={fresh} frame={isLast ? undefined : frame} />;
    drawn += fresh.length;
    return screen;
  }

  // Before anything is seen: what is typed at the first sight of the chat is for it already.
  const closeKeyboard = openKeyboard({
    stdin: io.stdin,
    stdout: io.stdout,
    env: io.env,
    onToken: (token) => repl.press(token),
    onEnd: () => repl.leave(),
  });

  try {
    return { conversation: await drawUntilEnd() };
  } finally {
    closeKeyboard();
    surface.close();
  }

  async function drawUntilEnd(): Promise<Conversation> {
    const app = render(drawScreen(false), {
      stdout: surface.stdout,
      stderr: surface.stdout,
      // Ink reads nothing: its own reading of keys tears pastes apart.
      stdin: new Readable({ read: () => undefined }) as unknown as NodeJS.ReadStream,
      exitOnCtrlC: false,
      patchConsole: false,
      maxFps: MAX_FPS,
    });
    redraw = () => app.rerender(drawScreen(false));
    const clock = setInterval(() => {
      if (repl.isWaiting()) textPacer.ask();
    }, CLOCK_MS);
    const onAbort = (): void => repl.leave();
    io.signal.addEventListener('abort', onAbort);
    if (io.signal.aborted) repl.leave();
    try {
      // Ink ends by itself only if drawing failed: then this rejects.
      return await Promise.race([repl.ended, app.waitUntilExit().then(() => repl.ended)]);
    } finally {
      clearInterval(clock);
      keyPacer.stop();
      textPacer.stop();
      io.signal.removeEventListener('abort', onAbort);
      app.rerender(drawScreen(true));
      app.unmount();
    }
  }
}
