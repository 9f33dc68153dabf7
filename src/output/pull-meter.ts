import { formatBytes, formatRate } from '../format/bytes.js';
import { formatSeconds } from '../format/duration.js';
import { displayWidth, padEnd, padStart, truncateEnd } from '../format/width.js';
import type { Styles } from './styles.js';
import type { Symbols } from './symbols.js';

/** A piece of a line: text in a role, or the place of a spinner with the space behind it, two cells. */
export interface Part {
  readonly text: string;
  readonly role?: keyof Styles;
  readonly spinner?: true;
}

/** One line of a pull, as plain data. */
export type Row = readonly Part[];

/** Which columns there is room for, and how wide they are, in cells. */
export interface Layout {
  /** All of a line; one cell less than the terminal, whose last one would wrap on some. */
  readonly width: number;
  readonly narrow: boolean;
  readonly name: number;
  readonly bar: number;
  readonly percent: boolean;
  readonly sizes: boolean;
  readonly rate: boolean;
  readonly eta: boolean;
}

/** What is measured: a layer, or a sum of them. */
interface Meter {
  readonly name: string;
  readonly completed: number;
  readonly total: number;
  readonly percent: number;
  /** Absent where no pace is shown; `undefined` within it is a pace that is not known. */
  readonly pace?: { readonly rate: number | undefined; readonly eta: number | undefined };
  readonly notes: readonly string[];
}

const NARROW = 60;
const WIDEST = 120;
const MARGIN = 1;
const PERCENT = 5;
const SIZES = 18;
const RATE = 10;
const ETA = 9;
const LEAST_BAR = 8;
/** Beside the sizes a bar is no narrower, in cells; narrower ones take their place. */
export const LEAST_BAR_BESIDE_SIZES = 12;
const LEAST_BAR_BESIDE_WORDS = 10;
/** Fewer cells do not say what went wrong. */
const LEAST_NOTE = 24;

/** The columns for a terminal of so many cells. */
export function layoutPull(columns: number, nameWidth?: number): Layout {
  const width = Math.max(1, Math.min(columns - 1, WIDEST));
  const narrow = columns < NARROW;
  const name = nameWidth ?? (narrow ? 6 : 12);
  let bar = width - MARGIN - name - gapOf(narrow);
  const take = (cells: number, least: number): boolean => {
    if (bar - cells < least) return false;
    bar -= cells;
    return true;
  };
  const percent = take(PERCENT, 3);
  const rate = take(RATE - (narrow ? 1 : 0), LEAST_BAR);
  const eta = rate && take(ETA - (narrow ? 1 : 0), LEAST_BAR);
  const sizes = eta && take(SIZES, LEAST_BAR_BESIDE_SIZES);
  return { width, narrow, name, bar: Math.max(0, bar), percent, sizes, rate, eta };
}

function gapOf(narrow: boolean): number {
  return narrow ? 1 : 2;
}

/** The longest of the wordings that fits into so many cells; cut where none does. */
export function fit(wordings: readonly string[], width: number, signs: Symbols): string {
  const fitting = wordings.find((text) => displayWidth(text) <= width);
  return fitting ?? truncateEnd(wordings.at(-1) ?? '', width, signs.ellipsis);
}

function drawName(name: string, layout: Layout, signs: Symbols): string {
  const short = truncateEnd(name, layout.name, signs.ellipsis);
  return ' '.repeat(MARGIN) + padEnd(short, layout.name) + ' '.repeat(gapOf(layout.narrow));
}

function drawBar(completed: number, total: number, width: number, signs: Symbols): Row {
  const share = total > 0 ? Math.min(1, completed / total) : 0;
  const halves = Math.floor(share * width * 2);
  const full = signs.barFull.repeat(Math.floor(halves / 2)) + (halves % 2 === 1 ? signs.barHalf : '');
  return [
    { text: full, role: 'accent' },
    { text: signs.barEmpty.repeat(width - Math.ceil(halves / 2)), role: 'dim' },
  ];
}

function drawFigures(meter: Meter, layout: Layout, signs: Symbols): string {
  const { pace } = meter;
  const gap = ' '.repeat(gapOf(layout.narrow));
  let text = '';
  if (layout.sizes) {
    const total = meter.total > 0 ? formatBytes(meter.total) : '?';
    text += `   ${padStart(`${formatBytes(meter.completed)} / ${padStart(total, 6)}`, SIZES - 3)}`;
  }
  if (!pace) return text;
  const rate = pace.rate === undefined ? signs.dash : formatRate(pace.rate);
  const eta = pace.eta === undefined ? signs.dash : formatSeconds(pace.eta);
  if (layout.rate) text += gap + padStart(rate, 8);
  if (layout.eta) text += gap + padStart(eta, 7);
  return text;
}

/** A bar with its figures, or with what went wrong in their place. */
export function drawMeter(meter: Meter, layout: Layout, signs: Symbols): Row {
  const name: Part = { text: drawName(meter.name, layout, signs) };
  const percent: Part = { text: layout.percent ? padStart(`${meter.percent}%`, PERCENT) : '' };
  const bar = (width: number): Row => drawBar(meter.completed, meter.total, width, signs);
  const [longest] = meter.notes;
  if (longest === undefined) {
    return [name, ...bar(layout.bar), percent, { text: drawFigures(meter, layout, signs) }];
  }
  // What went wrong is worth more than a part of the bar, but not the whole of it where it can be said shorter.
  const room = roomForWords(layout) - PERCENT - 2;
  const short = Math.min(room - layout.bar, room - LEAST_BAR);
  const words = [longest, ...meter.notes].find((text, index) => {
    return displayWidth(text) <= (index === 0 ? room - LEAST_BAR_BESIDE_WORDS : short);
  });
  const note: Part = { text: '', role: 'warn' };
  if (!layout.percent || (words === undefined && short < LEAST_NOTE)) {
    return [name, { ...note, text: fit(meter.notes, roomForWords(layout), signs) }];
  }
  const text = words ?? fit(meter.notes, short, signs);
  return [
    name,
    ...bar(Math.min(layout.bar, room - displayWidth(text))),
    percent,
    { ...note, text: `  ${text}` },
  ];
}

function roomForWords(layout: Layout): number {
  return Math.max(0, layout.width - MARGIN - layout.name - gapOf(layout.narrow));
}

/** Words where the bar would be, with the size, where there is one to tell, below the other sizes. */
export function drawWords(
  name: string,
  words: string,
  size: number | undefined,
  layout: Layout,
  signs: Symbols,
): Row {
  const head: Part = { text: drawName(name, layout, signs) };
  if (!layout.sizes || size === undefined)
    return [head, { text: truncateEnd(words, roomForWords(layout), signs.ellipsis), role: 'dim' }];
  return [
    head,
    { text: padEnd(words, layout.bar + PERCENT) + padStart(formatBytes(size), SIZES), role: 'dim' },
  ];
}

/** A spinner and words in place of a bar; without a name at the line's beginning. */
export function drawSpinning(
  name: string | undefined,
  wordings: readonly string[],
  layout: Layout,
  signs: Symbols,
): Row {
  const head = name === undefined ? ' '.repeat(MARGIN) : drawName(name, layout, signs);
  const room = name === undefined ? layout.width - MARGIN : roomForWords(layout);
  const words = fit(wordings, Math.max(0, room - 2), signs);
  return [{ text: head }, { text: '', spinner: true }, { text: words }];
}

/** A row in its colours; where nothing can turn, the spinner's place is left out. */
export function paintRow(row: Row, styles: Styles): string {
  return row
    .map(({ text, role }) => (role === undefined || text === '' ? text : styles[role](text)))
    .join('');
}
