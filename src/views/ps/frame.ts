import { formatSeconds } from '../../format/duration.js';
import { cleanLine } from '../../format/clean.js';
import { displayWidth, truncateEnd } from '../../format/width.js';
import type { Look } from '../../output/look.js';
import { BAR_CELLS, runningColumns, type LoadedModel } from '../../output/running-columns.js';
import { renderTerminalTable } from '../../output/terminal-table.js';

/** What the view knows: what was last in memory, and whether the server answers now. */
export interface PsState {
  readonly models: readonly LoadedModel[];
  readonly gone?: { readonly message: string; readonly since: number } | undefined;
}

/** What a frame is drawn from; `now` and `everyMs` in milliseconds. */
export interface PsFrameInput {
  readonly state: PsState;
  readonly now: number;
  readonly columns: number;
  readonly rows: number;
  readonly host: string;
  readonly everyMs: number;
  readonly look: Pick<Look, 'styles' | 'symbols'>;
  /** Whether `q` is heard: without a keyboard it is not told. */
  readonly hasKeys: boolean;
}

function header({ state, host, everyMs, look }: PsFrameInput, width: number): string {
  const count = state.models.length;
  const title = `${count} loaded on ${cleanLine(host)}`;
  const seconds = everyMs / 1000;
  const every = `every ${seconds < 60 ? `${seconds}s` : formatSeconds(seconds)}`;
  const gap = width - displayWidth(title) - displayWidth(every);
  if (gap < 2) return look.styles.bold(truncateEnd(title, width, look.symbols.ellipsis));
  return look.styles.bold(title) + look.styles.dim(' '.repeat(gap) + every);
}

function tellGone({ state, now, look }: PsFrameInput, width: number): string[] {
  if (state.gone === undefined) return [];
  const since = formatSeconds(Math.max(0, now - state.gone.since) / 1000);
  const [first = ''] = state.gone.message.split('\n');
  const text = `${look.symbols.warn} no answer for ${since}, trying on: ${cleanLine(first)}`;
  return [look.styles.warn(truncateEnd(text, width, look.symbols.ellipsis))];
}

/** The full parts of the bars in the colour of what is to be looked at first; a table's cells are plain text. */
function paintBars(line: string, { styles, symbols }: PsFrameInput['look']): string {
  const bars = new RegExp(`(${symbols.barFull}*)(${symbols.barEmpty}*)`, 'g');
  return line.replace(bars, (all, full: string, empty: string) =>
    all.length === BAR_CELLS ? styles.accent(full) + styles.dim(empty) : all,
  );
}

/** The view as lines: none as wide as the terminal, and fewer than its rows. */
export function drawPsFrame(input: PsFrameInput): readonly string[] {
  const { state, now, look } = input;
  const width = Math.max(1, input.columns - 2);
  const most = Math.max(1, input.rows - 1);
  const table =
    state.models.length === 0
      ? [look.styles.dim('nothing is loaded')]
      : renderTerminalTable(state.models, runningColumns(now, look.symbols), {
          width,
          styles: look.styles,
          ellipsis: look.symbols.ellipsis,
        }).map((line) => paintBars(line, look));
  const gone = tellGone(input, width);
  const end = look.styles.dim(input.hasKeys ? 'q ends' : 'Ctrl-C ends');
  const roomy = [header(input, width), '', ...table, ...(gone.length > 0 ? ['', ...gone] : []), '', end];
  // Where not all fits, what does not move goes first, then the models that stay for the shortest time.
  const lines = roomy.length <= most ? roomy : [...gone, ...table].slice(0, most);
  return lines.map((line) => (line === '' ? '' : ` ${line}`));
}
