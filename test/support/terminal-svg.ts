import type { IBufferCell, Terminal } from '@xterm/headless';

export interface SvgOptions {
  /** Colours on a dark ground (the default) or on a light one. */
  readonly dark?: boolean;
}

interface Theme {
  readonly ground: string;
  readonly text: string;
  readonly frame: string;
  readonly palette: readonly string[];
}

const DARK: Theme = {
  ground: '#16181d',
  text: '#d7dae0',
  frame: '#7a808c',
  palette: [
    ...['#3a3f4b', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#d7dae0'],
    ...['#7a808c', '#ef8b93', '#b3d69a', '#f0d49b', '#8cc6f7', '#d79ce8', '#7fd0da', '#ffffff'],
  ],
};

const LIGHT: Theme = {
  ground: '#ffffff',
  text: '#24292f',
  frame: '#8c959f',
  palette: [
    ...['#24292f', '#c0303a', '#2c7a33', '#8a6100', '#1f5fbf', '#8a3fb0', '#17747f', '#6e7781'],
    ...['#57606a', '#a40e26', '#1a7f37', '#7d4e00', '#218bff', '#a475f9', '#3192aa', '#000000'],
  ],
};

const CELL = { width: 8.4, height: 16.4, size: 14 };
const FRAME = { side: 14, top: 36, bottom: 14 };
const LEVELS = [0, 95, 135, 175, 215, 255];

function paletteColor(index: number, theme: Theme): string {
  if (index < 16) return theme.palette[index] ?? theme.text;
  const rgb =
    index < 232
      ? [Math.floor((index - 16) / 36), Math.floor((index - 16) / 6) % 6, (index - 16) % 6].map(
          (at) => LEVELS[at] ?? 0,
        )
      : Array<number>(3).fill(8 + (index - 232) * 10);
  return `rgb(${rgb.join(',')})`;
}

function rgbColor(value: number): string {
  return `#${value.toString(16).padStart(6, '0')}`;
}

function colorsOf(cell: IBufferCell, theme: Theme): { fill: string; ground: string } {
  const color = (isRgb: boolean, isPalette: boolean, value: number, otherwise: string) =>
    isRgb ? rgbColor(value) : isPalette ? paletteColor(value, theme) : otherwise;
  const fill = color(cell.isFgRGB(), cell.isFgPalette(), cell.getFgColor(), theme.text);
  const ground = color(cell.isBgRGB(), cell.isBgPalette(), cell.getBgColor(), theme.ground);
  return cell.isInverse() ? { fill: ground, ground: fill } : { fill, ground };
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

function styleOf(cell: IBufferCell, fill: string): string {
  return [
    `fill="${fill}"`,
    cell.isBold() ? 'font-weight="700"' : '',
    cell.isItalic() ? 'font-style="italic"' : '',
    cell.isUnderline() ? 'text-decoration="underline"' : '',
    cell.isDim() ? 'opacity="0.6"' : '',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

interface Piece {
  readonly x: number;
  text: string;
  cells: number;
  readonly style: string;
  readonly ground: string;
}

function cellsOf(terminal: Terminal, y: number, theme: Theme): Piece[] {
  const line = terminal.buffer.active.getLine(y);
  const cells: Piece[] = [];
  for (let x = 0; x < terminal.cols; x++) {
    const cell = line?.getCell(x);
    if (cell === undefined || cell.getWidth() === 0) continue;
    const { fill, ground } = colorsOf(cell, theme);
    const text = cell.getChars() === '' ? ' ' : cell.getChars();
    cells.push({ x, text, cells: cell.getWidth(), style: styleOf(cell, fill), ground });
  }
  return cells;
}

/** One line's cells, joined while they look alike; words that stand apart stay so, as viewers fold spaces. */
function runsOf(terminal: Terminal, y: number, theme: Theme): Piece[] {
  const cells = cellsOf(terminal, y, theme);
  const isWord = (at: number, style: string) => cells[at]?.style === style && cells[at].text !== ' ';
  const runs: Piece[] = [];
  let wasGap = false;
  for (const [at, cell] of cells.entries()) {
    const isGap = cell.text === ' ' && !(isWord(at - 1, cell.style) && isWord(at + 1, cell.style));
    const last = runs.at(-1);
    if (last?.style === cell.style && last.ground === cell.ground && isGap === wasGap) {
      last.text += cell.text;
      last.cells += cell.cells;
    } else runs.push(cell);
    wasGap = isGap;
  }
  return runs;
}

/** The visible screen of a terminal as one SVG that needs nothing else; empty lines at its end are left out. */
export function drawSvg(terminal: Terminal, title = '', options: SvgOptions = {}): string {
  const theme = options.dark === false ? LIGHT : DARK;
  const top = terminal.buffer.active.viewportY;
  const lines = Array.from({ length: terminal.rows }, (_, row) => runsOf(terminal, top + row, theme));
  const isDrawn = (runs: Piece[]) =>
    runs.some((run) => run.text.trim() !== '' || run.ground !== theme.ground);
  const count = lines.findLastIndex(isDrawn) + 1;
  const width = Math.ceil(terminal.cols * CELL.width + 2 * FRAME.side);
  const height = Math.ceil(FRAME.top + count * CELL.height + FRAME.bottom);

  const body: string[] = [];
  for (const [row, runs] of lines.slice(0, count).entries()) {
    for (const run of runs) {
      const x = (FRAME.side + run.x * CELL.width).toFixed(1);
      const y = FRAME.top + row * CELL.height;
      const runWidth = (run.cells * CELL.width).toFixed(1);
      if (run.ground !== theme.ground)
        body.push(
          `<rect x="${x}" y="${y.toFixed(1)}" width="${runWidth}" height="${String(CELL.height)}" fill="${run.ground}"/>`,
        );
      if (run.text.trim() !== '')
        // The length is given, so that a viewer with another font keeps the columns.
        body.push(
          `<text x="${x}" y="${(y + CELL.size).toFixed(1)}" textLength="${runWidth}" lengthAdjust="spacingAndGlyphs" ${run.style}>${escapeXml(run.text)}</text>`,
        );
    }
  }
  const dots = [0, 1, 2].map(
    (at) => `<circle cx="${String(20 + at * 18)}" cy="18" r="5" fill="${theme.frame}" opacity="0.5"/>`,
  );
  const heading = `<text x="${String(width / 2)}" y="22" text-anchor="middle" fill="${theme.frame}">${escapeXml(title)}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${String(width)}" height="${String(height)}" viewBox="0 0 ${String(width)} ${String(height)}" role="img" aria-label="${escapeXml(title)}">`,
    `<style>text{font:${String(CELL.size)}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}</style>`,
    `<rect width="100%" height="100%" rx="8" fill="${theme.ground}" stroke="${theme.frame}" stroke-opacity="0.4"/>`,
    ...dots,
    heading,
    ...body,
    '</svg>\n',
  ].join('\n');
}
