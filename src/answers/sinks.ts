import type { Context } from '../context.js';
import { createCleaner } from '../format/clean.js';
import { isTerminal, terminalWidth } from '../output/mode.js';
import { writeText } from '../output/write.js';
import type { Sink } from './outlet.js';

/** A sink that keeps nothing: the text is wanted only when it is whole. */
export const SILENT: Sink = {
  write: async () => await Promise.resolve(),
  pause: async () => await Promise.resolve(),
};

/**
 * The sink that stdout asks for: a pipe gets an answer byte for byte; a terminal gets no control characters of a model's,
 * and it drawn as Markdown, or wrapped, where its cursor can be moved.
 */
export async function openStdoutSink(context: Context): Promise<Sink> {
  const { io, mode } = context;
  if (!isTerminal(io.stdout, io.env))
    return { write: async (text) => await writeText(io.stdout, text, io.signal), pause: SILENT.pause };
  return mode === 'tty' ? await openDrawn(context) : openLines(context);
}

/** Plain text as it comes, ended with its line. */
function openLines({ io }: Context): Sink {
  const clean = createCleaner();
  let lineOpen = false;
  return {
    async write(raw) {
      const text = clean(raw);
      if (text !== '') lineOpen = !text.endsWith('\n');
      await writeText(io.stdout, text, io.signal);
    },
    async pause() {
      if (lineOpen) await writeText(io.stdout, '\n', io.signal);
      lineOpen = false;
    },
  };
}

async function openDrawn({ io, settings }: Context): Promise<Sink> {
  const { openLook } = await import('../output/look.js');
  const { openPrinter } = await import('../markdown/print.js');
  const { styles, unicode, level } = await openLook(io, io.stdout, settings);
  const size = () => ({ columns: terminalWidth(io.stdout, io.env), rows: io.stdout.rows ?? 24 });
  const width = (): number => size().columns;
  const openText = settings.markdown
    ? await import('../markdown/markdown.js').then(
        ({ openMarkdown }) =>
          () =>
            openMarkdown({ styles, unicode, level, width, links: level > 0 }),
      )
    : await import('../markdown/plain-text.js').then(
        ({ openPlainText }) =>
          () =>
            openPlainText({ width }),
      );
  let clean = createCleaner();
  let printer: ReturnType<typeof openPrinter> | undefined;
  return {
    async write(raw) {
      printer ??= openPrinter(io.stdout, openText(), size);
      printer.push(clean(raw));
      await Promise.resolve();
    },
    async pause() {
      await printer?.end();
      printer = undefined;
      clean = createCleaner();
    },
  };
}
