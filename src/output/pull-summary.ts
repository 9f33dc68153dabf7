import { formatBytes, formatRate } from '../format/bytes.js';
import { formatMs } from '../format/duration.js';
import { breakWords } from '../format/width.js';
import type { Look } from './look.js';
import type { Column } from './table.js';
import { renderTerminalTable } from './terminal-table.js';

/** How one of several pulls ended. Sizes are bytes. */
export interface SummaryRow {
  readonly model: string;
  readonly outcome: 'done' | 'failed' | 'skipped';
  readonly downloaded: number;
  readonly reused: number;
  readonly ms: number;
}

/** What a skipped pull was not: it has no figures. */
const figure = (row: SummaryRow, text: string): string => (row.outcome === 'skipped' ? '' : text);

function rateOf({ downloaded, ms }: SummaryRow): string {
  return downloaded > 0 && ms > 0 ? formatRate((downloaded * 1000) / ms) : '';
}

function columns({ symbols, isTerminal }: Look): Column<SummaryRow>[] {
  const signs = { done: symbols.check, failed: symbols.cross, skipped: symbols.dash };
  const outcome = ({ outcome: word }: SummaryRow): string => (isTerminal ? `${signs[word]} ${word}` : word);
  const column = (
    title: string,
    value: (row: SummaryRow) => string,
    more: Partial<Column<SummaryRow>> = {},
  ): Column<SummaryRow> => ({ key: title.toLowerCase(), title, value, raw: value, ...more });
  return [
    column('MODEL', ({ model }) => model, { shrink: 'middle' }),
    column('OUTCOME', outcome),
    column('FETCHED', (row) => figure(row, formatBytes(row.downloaded)), { align: 'right', priority: 1 }),
    column('HERE ALREADY', (row) => figure(row, row.reused > 0 ? formatBytes(row.reused) : ''), {
      align: 'right',
      priority: 4,
    }),
    column('TIME', (row) => figure(row, formatMs(row.ms)), { align: 'right', priority: 2 }),
    column('RATE', rateOf, { align: 'right', priority: 3 }),
  ];
}

/** The outcomes in figures: `1 of 3 done, 1 failed, 1 skipped; 1.3 GB fetched`. */
function countLine(rows: readonly SummaryRow[]): string {
  const bytes = rows.reduce((sum, { downloaded }) => sum + downloaded, 0);
  const count = (outcome: SummaryRow['outcome']): number =>
    rows.filter((row) => row.outcome === outcome).length;
  const others = (['failed', 'skipped'] as const).map((outcome) => {
    return count(outcome) > 0 ? `, ${count(outcome)} ${outcome}` : '';
  });
  return `${count('done')} of ${rows.length} done${others.join('')}; ${formatBytes(bytes)} fetched`;
}

/** How several pulls ended, as lines: a table fitted to a terminal, or one line of a log, where each has its own already. */
export function renderSummary(rows: readonly SummaryRow[], look: Look): string[] {
  if (!look.isTerminal) return [countLine(rows)];
  const width = Math.max(1, look.width - 1);
  const options = { width, styles: look.styles, ellipsis: look.symbols.ellipsis };
  return [
    '',
    ...renderTerminalTable(rows, columns(look), options),
    '',
    ...breakWords(countLine(rows), width),
  ];
}
