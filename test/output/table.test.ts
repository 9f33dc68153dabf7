import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderTsv, type Column } from '../../src/output/table.js';

interface Row {
  name: string;
  size: number;
}

const COLUMNS: Column<Row>[] = [
  { key: 'name', title: 'NAME', value: ({ name }) => name, raw: ({ name }) => name },
  { key: 'size', title: 'SIZE', value: () => 'big', raw: ({ size }) => String(size), align: 'right' },
];

describe('renderTsv', () => {
  it('heads the raw values with the JSON field names', () => {
    expect(renderTsv([{ name: 'llama3.2:1b', size: 1_321_098_329 }], COLUMNS, { header: true })).toEqual([
      'name\tsize',
      'llama3.2:1b\t1321098329',
    ]);
  });

  it('leaves the header out when asked to, and writes it when there are no rows', () => {
    expect(renderTsv([{ name: 'a', size: 1 }], COLUMNS, { header: false })).toEqual(['a\t1']);
    expect(renderTsv([], COLUMNS, { header: true })).toEqual(['name\tsize']);
  });

  it('has as many cells in each line as columns, whatever is in them', () => {
    const names = fc.string({
      unit: fc.oneof(fc.constantFrom('\t', '\r', '\n', '\x1b', '\u2028'), fc.string()),
    });
    fc.assert(
      fc.property(fc.array(fc.record({ name: names, size: fc.nat() })), (rows) => {
        const lines = renderTsv(rows, COLUMNS, { header: false });
        expect(lines).toHaveLength(rows.length);
        for (const line of lines) {
          expect(line.split('\t')).toHaveLength(2);
          expect(line).not.toMatch(/[^\P{Cc}\t]|[\u2028\u2029]/u);
        }
      }),
    );
  });
});
