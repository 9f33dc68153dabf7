import { Writable } from 'node:stream';
import xterm from '@xterm/headless';
import type { OutputStream } from '../../src/io.js';

/** A terminal without a process: what is written to its stream is on its screen. */
export interface Screen {
  readonly stream: OutputStream;
  /** All that was written, escape codes included. */
  readonly writes: readonly string[];
  /** The visible lines down to the last that is not empty, without spaces at their ends. */
  text(): Promise<string>;
  /** The same with what has scrolled off. */
  all(): Promise<string>;
  resize(columns: number, rows: number): Promise<void>;
  cursorVisible(): boolean;
}

export function openScreen(columns: number, rows = 24): Screen {
  const terminal = new xterm.Terminal({ cols: columns, rows, convertEol: true, allowProposedApi: true });
  const writes: string[] = [];
  const size = { columns, rows };
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      writes.push(String(chunk));
      terminal.write(String(chunk));
      done();
    },
  });
  Object.defineProperties(stream, {
    isTTY: { value: true, configurable: true },
    columns: { get: () => size.columns },
    rows: { get: () => size.rows },
  });

  const settle = () => new Promise<void>((resolve) => terminal.write('', resolve));
  const read = async (from: () => number) => {
    await settle();
    const buffer = terminal.buffer.active;
    const lines: string[] = [];
    for (let row = from(); row < buffer.length; row += 1) {
      lines.push(buffer.getLine(row)?.translateToString(true) ?? '');
    }
    return lines.join('\n').trimEnd();
  };
  return {
    stream: stream as OutputStream,
    writes,
    text: () => read(() => terminal.buffer.active.baseY),
    all: () => read(() => 0),
    async resize(nextColumns, nextRows) {
      await settle();
      size.columns = nextColumns;
      size.rows = nextRows;
      terminal.resize(nextColumns, nextRows);
      stream.emit('resize');
      await settle();
    },
    cursorVisible() {
      const all = writes.join('');
      return all.lastIndexOf('\u001b[?25l') <= all.lastIndexOf('\u001b[?25h');
    },
  };
}
