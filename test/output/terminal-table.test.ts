import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth } from '../../src/format/width.js';
import { createStyles } from '../../src/output/styles.js';
import type { Column } from '../../src/output/table.js';
import { openTerminalTable, renderTerminalTable } from '../../src/output/terminal-table.js';

type Row = Readonly<Record<string, string>>;

function column(title: string, rest: Partial<Column<Row>> = {}): Column<Row> {
  const value = (row: Row): string => row[title] ?? '';
  return { key: title.toLowerCase(), title, value, raw: value, ...rest };
}

const COLUMNS: Column<Row>[] = [
  column('NAME', { shrink: 'middle' }),
  column('SIZE'),
  column('PARAMS', { align: 'right', priority: 1 }),
  column('QUANT', { priority: 3 }),
  column('CONTEXT', { align: 'right', priority: 4 }),
  column('CAN', { priority: 5 }),
  column('MODIFIED', { priority: 2 }),
];

const ROWS: Row[] = [
  row('llama3.2:1b', '1.3 GB', '1.2B', 'Q8_0', '128k', 'tools', '2 days ago'),
  row('qwen3:8b', '5.2 GB', '8.2B', 'Q4_K_M', '40k', 'tools thinking', '3 weeks ago'),
  row('nomic-embed-text', '274 MB', '137M', 'F16', '2k', 'embedding', '5 months ago'),
];

function row(...values: string[]): Row {
  return Object.fromEntries(COLUMNS.map(({ title }, index) => [title, values[index] ?? '']));
}

const plain = createStyles(0);

function render(width: number, rows = ROWS, columns = COLUMNS): string[] {
  return renderTerminalTable(rows, columns, { width, styles: plain });
}

describe('renderTerminalTable', () => {
  it('shows every column where there is room', () => {
    expect(render(80)).toEqual([
      'NAME              SIZE    PARAMS  QUANT   CONTEXT  CAN             MODIFIED',
      'llama3.2:1b       1.3 GB    1.2B  Q8_0       128k  tools           2 days ago',
      'qwen3:8b          5.2 GB    8.2B  Q4_K_M      40k  tools thinking  3 weeks ago',
      'nomic-embed-text  274 MB    137M  F16          2k  embedding       5 months ago',
    ]);
  });

  it.each([
    [79, 'NAME              SIZE    PARAMS  QUANT   CONTEXT  CAN             MODIFIED'],
    [78, 'NAME              SIZE    PARAMS  QUANT   CONTEXT  MODIFIED'],
    [63, 'NAME              SIZE    PARAMS  QUANT   CONTEXT  MODIFIED'],
    [62, 'NAME              SIZE    PARAMS  QUANT   MODIFIED'],
    [46, 'NAME              SIZE    PARAMS  MODIFIED'],
    [40, 'NAME              SIZE    PARAMS'],
    [24, 'NAME              SIZE'],
  ])('at %d cells drops columns by their priority', (width, header) => {
    expect(render(width)[0]).toBe(header);
  });

  it('drops the rightmost of equals', () => {
    const columns = ['A', 'B', 'C'].map((title) => column(title, { priority: 1 }));
    const rows = [{ A: 'aaaa', B: 'bbbb', C: 'cccc' }];
    expect(render(15, rows, columns)[1]).toBe('aaaa  bbbb');
  });

  it('cuts names in the middle when no column is left to drop', () => {
    expect(render(20)).toEqual([
      'NAME          SIZE',
      'llama3.2:1b   1.3 GB',
      'qwen3:8b      5.2 GB',
      'nomic-…-text  274 MB',
    ]);
  });

  it('cuts text at its end before names, and the widest first', () => {
    const columns = [
      column('NAME', { shrink: 'middle' }),
      column('A', { shrink: 'end' }),
      column('B', { shrink: 'end' }),
    ];
    const rows = [{ NAME: 'nomic-embed-text', A: 'a'.repeat(12), B: 'b'.repeat(20) }];
    expect(render(40, rows, columns)[1]).toBe(`nomic-embed-text  ${'a'.repeat(12)}  ${'b'.repeat(7)}…`);
    expect(render(36, rows, columns)[1]).toBe(`nomic-embed-text  ${'a'.repeat(7)}…  ${'b'.repeat(7)}…`);
    expect(render(30, rows, columns)[1]).toBe(`nomic…text  ${'a'.repeat(7)}…  ${'b'.repeat(7)}…`);
  });

  it.each([
    [80, 0, `nomic-embed-text  4d47b026  ${'w'.repeat(40)}`],
    // What can be better spared goes before it is cut.
    [67, 0, `nomic-embed-text  ${'w'.repeat(40)}`],
    [42, 0, `nomic-embed-text  ${'w'.repeat(23)}…`],
    [41, 0, 'nomic-embed-text'],
    // What can't stays beside it.
    [67, 2, `nomic-embed-text  4d47b026  ${'w'.repeat(38)}…`],
    [52, 2, `nomic-embed-text  4d47b026  ${'w'.repeat(23)}…`],
    [51, 2, 'nomic-embed-text  4d47b026'],
  ])('at %d cells cuts text of priority %d as long as it is worth reading', (width, priority, line) => {
    const columns = [
      column('NAME', { shrink: 'middle' }),
      column('ID', { priority: 1 }),
      column('WHY', { shrink: 'end', priority }),
    ];
    const rows = [{ NAME: 'nomic-embed-text', ID: '4d47b026', WHY: 'w'.repeat(40) }];
    expect(render(width, rows, columns)[1]).toBe(line);
  });

  it.each([
    [101, `4d47b026  ${'t'.repeat(60)}  2 hours ago  gemma3:1b     12`],
    [90, `4d47b026  ${'t'.repeat(48)}…  2 hours ago  gemma3:1b     12`],
    [65, `4d47b026  ${'t'.repeat(23)}…  2 hours ago  gemma3:1b     12`],
    [64, `4d47b026  ${'t'.repeat(29)}…  2 hours ago  gemma3:1b`],
    [34, `4d47b026  ${'t'.repeat(23)}…`],
    [20, `4d47b026  ${'t'.repeat(9)}…`],
  ])('at %d cells cuts text that must stay before it gives up a column', (width, line) => {
    const columns = [
      column('ID'),
      column('TITLE', { shrink: 'end' }),
      column('AGE', { priority: 1 }),
      column('MODEL', { priority: 2 }),
      column('TURNS', { priority: 3, align: 'right' }),
    ];
    const rows = [
      { ID: '4d47b026', TITLE: 't'.repeat(60), AGE: '2 hours ago', MODEL: 'gemma3:1b', TURNS: '12' },
    ];
    expect(render(width, rows, columns)[1]).toBe(line);
  });

  it('gives up columns that nobody offered rather than a line that is too wide', () => {
    expect(render(12)).toEqual(['NAME', 'llama3.2:1b', 'qwen3:8b', 'nomic-…-text']);
  });

  it('keeps them as long as they fit when cut', () => {
    const columns = [column('NAME', { shrink: 'middle' }), column('SIZE')];
    expect(render(16, ROWS, columns)[1]).toBe('llam…:1b  1.3 GB');
    expect(render(15, ROWS, columns)[1]).toBe('llama3.2:1b');
  });

  it('cuts a single column that may not be cut when there is no other way', () => {
    expect(render(10, [{ NAME: 'nomic-embed-text' }], [column('NAME')])).toEqual(['NAME', 'nomic-emb…']);
  });

  it('cleans what it shows, and takes another ellipsis', () => {
    const rows = [row('evil\x1b[31m\n\u202ename', '1 B')];
    expect(render(80, rows)[1]).toBe('evil[31m <U+202E>name  1 B');
    const cut = renderTerminalTable(ROWS, COLUMNS, { width: 20, styles: plain, ellipsis: '...' });
    expect(cut[3]).toBe('nomic...text  274 MB');
  });

  it('styles the header alone', () => {
    const lines = renderTerminalTable(ROWS, COLUMNS, { width: 24, styles: createStyles(1) });
    expect(lines[0]).toBe('\x1b[2mNAME              SIZE\x1b[22m');
    expect(lines.slice(1).join('')).not.toContain('\x1b');
  });

  it('shows the header alone when there are no rows', () => {
    expect(render(80, [])).toEqual(['NAME  SIZE  PARAMS  QUANT  CONTEXT  CAN  MODIFIED']);
  });

  it('is never wider than the terminal, and no line ends in a space', () => {
    const text = fc
      .array(
        fc.oneof(
          fc.constantFrom('漢', '👨‍👩‍👧', '🇩🇪', 'e\u0301', '\t', '\x1b[31m', ' '),
          fc.string({ maxLength: 6 }),
        ),
        {
          maxLength: 8,
        },
      )
      .map((parts) => parts.join(''));
    const anyColumn = fc
      .record({
        title: fc.constantFrom('NAME', 'SIZE', 'A', '漢字漢字漢字漢字'),
        align: fc.constantFrom('left' as const, 'right' as const),
        shrink: fc.constantFrom('middle' as const, 'end' as const, 'never' as const),
        priority: fc.option(fc.nat(3), { nil: undefined }),
      })
      .map(({ title, align, shrink, priority }) =>
        column(title, priority === undefined ? { align, shrink } : { align, shrink, priority }),
      );
    const rows = fc.array(fc.record({ NAME: text, SIZE: text, A: text, 漢字漢字漢字漢字: text }), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(
        rows,
        fc.array(anyColumn, { maxLength: 6 }),
        fc.integer({ min: 10, max: 90 }),
        (all, some, width) => {
          const lines = render(width, all, some);
          expect(lines).toHaveLength(all.length + 1);
          for (const line of lines) {
            expect(displayWidth(line)).toBeLessThanOrEqual(width);
            expect(line).not.toMatch(/\s$/);
          }
        },
      ),
    );
  });
});

describe('openTerminalTable', () => {
  const open = (width: number, least: Record<string, number> = {}) =>
    openTerminalTable(COLUMNS, { width, styles: plain, least });

  it('draws the header before the first rows and never again', () => {
    const table = open(80);
    expect(table.add([])).toEqual([]);
    expect(table.add(ROWS.slice(0, 1))).toHaveLength(2);
    expect(table.add([])).toEqual([]);
    expect(table.add(ROWS)).toHaveLength(ROWS.length);
  });

  it('has room from the start for what usually comes, and cuts what is wider', () => {
    const key = COLUMNS[0]?.key ?? '';
    const first = (width: number): number => {
      const [header = ''] = open(200, { [key]: width }).add(ROWS.slice(0, 1));
      return header.indexOf(COLUMNS[1]?.title ?? '');
    };
    expect(first(60)).toBeGreaterThan(first(10));
  });

  it('fits every line, and keeps the columns where they began, whatever comes later', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 200 }), fc.shuffledSubarray(ROWS), (width, rows) => {
        const table = open(width);
        const [header = '', ...lines] = [...table.add(ROWS.slice(0, 1)), ...table.add(rows)];
        for (const line of [header, ...lines]) expect(displayWidth(line)).toBeLessThanOrEqual(width);
        const again = open(width).add([...ROWS.slice(0, 1)])[0];
        expect(header).toBe(again);
      }),
    );
  });
});
