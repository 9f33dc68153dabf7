import { formatBytes, formatRate } from '../format/bytes.js';
import { formatSeconds } from '../format/duration.js';
import { truncateEnd } from '../format/width.js';
import type { OutputStream } from '../io.js';
import type { Look } from './look.js';

/** How far a check of files is, on stderr. */
export interface CheckBar {
  /** Bytes done, of all, in so many files. */
  show(done: number, total: number, files: number): void;
  /** Leaves nothing on a terminal; may be called again. */
  end(): void;
}

const BAR = 24;
/** A line in a log: for each tenth, or so long after the one before. */
const STEP = 10;
const HEARTBEAT_MS = 30_000;
/** What takes less than this needs no bar. */
const QUIET_MS = 300;

/** Opens the bar: one line that is drawn anew on a terminal that can (`live`), and lines for a log elsewhere. */
export function openCheckBar(options: {
  readonly stream: OutputStream;
  readonly look: Look;
  readonly live: boolean;
  now(): number;
}): CheckBar {
  const { stream, look, live, now } = options;
  const since = now();
  let drawn = false;
  let said = { step: 0, at: since };
  let begun = false;

  const figures = (done: number, total: number): string => {
    const seconds = Math.max(0.001, (now() - since) / 1000);
    const rate = done / seconds;
    const left = rate > 0 ? `  ${formatSeconds((total - done) / rate)} left` : '';
    return `${formatBytes(done)} of ${formatBytes(total)}${done > 0 ? `  ${formatRate(rate)}${left}` : ''}`;
  };
  const draw = (done: number, total: number): void => {
    if (now() - since < QUIET_MS) return;
    const { symbols, styles, width } = look;
    const cells = Math.round((done / total) * BAR);
    const bar = symbols.barFull.repeat(cells);
    const rest = symbols.barEmpty.repeat(BAR - cells);
    const before = `hashing ${String(percentOf(done, total)).padStart(3)}% `;
    const after = truncateEnd(` ${figures(done, total)}`, Math.max(0, width - 1 - before.length - BAR));
    const fits = width > before.length + BAR;
    stream.write(`\r\x1b[2K${before}${fits ? styles.accent(bar) + styles.dim(rest) + after : ''}`);
    drawn = true;
  };
  const say = (done: number, total: number, files: number): void => {
    if (!begun) {
      begun = true;
      stream.write(`hashing ${files} ${files === 1 ? 'blob' : 'blobs'}, ${formatBytes(total)}\n`);
      return;
    }
    const step = Math.floor(percentOf(done, total) / STEP);
    if (step === said.step && now() - said.at < HEARTBEAT_MS) return;
    said = { step, at: now() };
    stream.write(`${percentOf(done, total)}%  ${figures(done, total)}\n`);
  };
  return {
    show(done, total, files) {
      if (total === 0) return;
      if (live) draw(done, total);
      else say(done, total, files);
    },
    end() {
      if (drawn) stream.write('\r\x1b[2K');
      drawn = false;
    },
  };
}

function percentOf(done: number, total: number): number {
  return Math.floor((done / total) * 100);
}
