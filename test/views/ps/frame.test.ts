import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth } from '../../../src/format/width.js';
import { createStyles } from '../../../src/output/styles.js';
import { symbols } from '../../../src/output/symbols.js';
import type { LoadedModel } from '../../../src/output/running-columns.js';
import { drawPsFrame, type PsState } from '../../../src/views/ps/frame.js';

const NOW = Date.UTC(2026, 10, 21, 12);

function loaded(name: string, more: Partial<LoadedModel> = {}): LoadedModel {
  const sizes = { size: 5_200_000_000, size_vram: 5_200_000_000, context_length: 8192 };
  const expires_at = new Date(NOW + 252_000).toISOString();
  return { name, model: name, digest: 'ab', expires_at, details: {}, ...sizes, ...more };
}

function draw(
  state: PsState,
  columns = 80,
  rows = 24,
  more: { unicode?: boolean; color?: 0 | 1; keys?: boolean } = {},
): string[] {
  const { unicode = true, color = 0, keys = true } = more;
  const look = { styles: createStyles(color), symbols: symbols(unicode) };
  const place = { columns, rows, host: '127.0.0.1:11434', everyMs: 2000, hasKeys: keys };
  return [...drawPsFrame({ state, now: NOW, look, ...place })];
}

describe('the live list of loaded models', () => {
  it('has a bar, the split, the context, the speed where it is known, and the time that is left', () => {
    const models = [
      loaded('qwen3:8b', { size_vram: 3_224_000_000, tokens_per_second: 48.4 }),
      loaded('llama3.2:1b', { size: 1.8e9, size_vram: 1.8e9, expires_at: '2318-01-01T00:00:00Z' }),
    ];
    expect(draw({ models }, 92)).toEqual([
      ` 2 loaded on 127.0.0.1:11434${' '.repeat(55)}every 2s`,
      '',
      ' NAME           SIZE  GPU           PROCESSOR        CONTEXT  TOK/S  UNTIL',
      ' qwen3:8b     5.2 GB  ━━━━━━━─────  38%/62% CPU/GPU       8k     48  4m 12s',
      ' llama3.2:1b  1.8 GB  ━━━━━━━━━━━━  100% GPU              8k      —  forever',
      '',
      ' q ends',
    ]);
  });

  it('says that nothing is loaded, and how it ends without a keyboard', () => {
    expect(draw({ models: [] }, 40, 24, { keys: false })).toEqual([
      ' 0 loaded on 127.0.0.1:11434   every 2s',
      '',
      ' nothing is loaded',
      '',
      ' Ctrl-C ends',
    ]);
  });

  it('says since when there is no answer, and keeps what it saw', () => {
    const gone = { message: 'No Ollama server: the connection was refused.\nmore', since: NOW - 12_000 };
    const lines = draw({ models: [loaded('a:1')], gone });
    expect(lines.at(-3)).toBe(
      ' ! no answer for 12s, trying on: No Ollama server: the connection was refused.',
    );
    expect(lines.join('\n')).toContain('a:1');
  });

  it('draws no part of a memory away while there is some of it', () => {
    const bar = (size_vram: number): string | undefined =>
      /[━─]{12}/.exec(draw({ models: [loaded('a:1', { size: 1000, size_vram })] }, 100).join('\n'))?.[0];
    expect(bar(1)).toBe('─'.repeat(12));
    expect(bar(10)).toBe(`━${'─'.repeat(11)}`);
    expect(bar(990)).toBe(`${'━'.repeat(11)}─`);
    expect(bar(1000)).toBe('━'.repeat(12));
    expect(bar(1001)).toBeUndefined();
  });

  it('colours the bars, and nothing where colour is off', () => {
    const models = [loaded('a:1', { size_vram: 2_600_000_000 })];
    expect(draw({ models }, 100, 24, { color: 1 }).join('\n')).toContain(
      '\u001b[36m━━━━━━\u001b[39m\u001b[2m──────',
    );
    expect(draw({ models }, 100).join('\n')).not.toContain('\u001b');
    expect(draw({ models }, 100, 24, { unicode: false }).join('\n')).toContain('######------');
  });

  it('fits every terminal, whatever the names are', () => {
    const model = fc.record({
      name: fc.string({ unit: 'grapheme', maxLength: 60 }),
      size: fc.nat(1e12),
      size_vram: fc.nat(1e12),
      digest: fc.constant(''),
      model: fc.constant(''),
      details: fc.constant({}),
      expires_at: fc.oneof(fc.constant('2318-01-01T00:00:00Z'), fc.string()),
    });
    const gone = fc.option(fc.record({ message: fc.string(), since: fc.nat() }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.array(model, { maxLength: 30 }),
        gone,
        fc.integer({ min: 20, max: 200 }),
        fc.integer({ min: 2, max: 40 }),
        (models, outage, columns, rows) => {
          const lines = draw({ models, gone: outage }, columns, rows);
          expect(lines.length).toBeLessThan(rows);
          for (const line of lines) {
            expect(displayWidth(line)).toBeLessThan(columns);
            expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
          }
        },
      ),
    );
  });
});
