import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { displayWidth } from '../../src/format/width.js';
import { openLook } from '../../src/output/look.js';
import { renderSummary, type SummaryRow } from '../../src/output/pull-summary.js';
import { openScreen } from '../views/screen.js';

const ROWS: readonly SummaryRow[] = [
  { model: 'llama3.2:1b', outcome: 'done', downloaded: 1.3e9, reused: 1400, ms: 27_000 },
  { model: 'no-such-model', outcome: 'failed', downloaded: 0, reused: 0, ms: 800 },
  { model: 'qwen3:8b', outcome: 'skipped', downloaded: 0, reused: 0, ms: 0 },
];

async function render(rows: readonly SummaryRow[], columns: number): Promise<string[]> {
  const io = { env: { LANG: 'C.UTF-8' }, platform: 'linux' } as const;
  return renderSummary(rows, await openLook(io, openScreen(columns).stream, { color: 'never' }));
}

test('a terminal gets a table', async () => {
  expect((await render(ROWS, 120)).join('\n')).toBe(`
MODEL          OUTCOME    FETCHED  HERE ALREADY    TIME     RATE
llama3.2:1b    ✓ done      1.3 GB        1.4 kB     27s  48 MB/s
no-such-model  ✗ failed       0 B                800 ms
qwen3:8b       — skipped

1 of 3 done, 1 failed, 1 skipped; 1.3 GB fetched`);
});

test('a narrow one keeps the names and the outcomes', async () => {
  expect((await render(ROWS, 40)).join('\n')).toBe(`
MODEL          OUTCOME    FETCHED
llama3.2:1b    ✓ done      1.3 GB
no-such-model  ✗ failed       0 B
qwen3:8b       — skipped

1 of 3 done, 1 failed, 1 skipped; 1.3
GB fetched`);
});

test('a log, which has a line of each already, gets one that counts them', async () => {
  const io = { env: {}, platform: 'linux' } as const;
  const look = await openLook(io, new PassThrough(), { color: 'never' });
  expect(renderSummary(ROWS, look)).toEqual(['1 of 3 done, 1 failed, 1 skipped; 1.3 GB fetched']);
  expect(renderSummary(ROWS.slice(0, 1), look)).toEqual(['1 of 1 done; 1.3 GB fetched']);
});

test('no line of the table is wider than the terminal, and nothing of a server reaches it uncleaned', async () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 80 });
  const anyRow: fc.Arbitrary<SummaryRow> = fc.record({
    model: anyText,
    outcome: fc.constantFrom('done', 'failed', 'skipped'),
    downloaded: fc.nat(),
    reused: fc.nat(),
    ms: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRow, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 10, max: 200 }),
      async (rows, columns) => {
        const table = (await render(rows, columns)).slice(0, rows.length + 2);
        for (const line of table) {
          expect(displayWidth(line)).toBeLessThan(columns);
          expect(line).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
        }
      },
    ),
    { numRuns: 50 },
  );
});
