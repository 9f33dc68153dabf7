import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OllamaPullEvent } from '../../src/core/pull-events.js';
import { createStatusLog } from '../../src/gateway/status-log.js';

const status = (text: string): OllamaPullEvent => ({ type: 'Status', status: text });
const progress = (digest: string, completed: number, total = 100): OllamaPullEvent => ({
  type: 'ChunkProgress',
  digest,
  total,
  completed,
});

function logOf(events: readonly OllamaPullEvent[]) {
  const log = createStatusLog();
  events.forEach((event) => log.take(event));
  return log.lines;
}

describe('the log of a pull', () => {
  it('has each status once, and of a layer its first line, its tenths and its last', () => {
    const layer = Array.from({ length: 101 }, (_, at) => [status('pulling aaa'), progress('sha256:aaa', at)]);
    const lines = logOf([
      status('pulling manifest'),
      ...layer.flat(),
      status('verifying sha256 digest'),
      status('pulling manifest'),
      status('success'),
    ]);
    expect(lines.map((line) => line.completed ?? line.status)).toEqual([
      'pulling manifest',
      ...[0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100],
      'verifying sha256 digest',
      'success',
    ]);
    expect(lines[1]).toEqual({ status: 'pulling aaa', digest: 'sha256:aaa', total: 100, completed: 0 });
  });

  it('leaves out what the server left out', () => {
    const lines = logOf([status('pulling aaa'), { type: 'ChunkProgress', digest: 'sha256:aaa' }]);
    expect(lines).toEqual([{ status: 'pulling aaa', digest: 'sha256:aaa' }]);
  });

  it('stays small whatever the server says, and ends with the success', () => {
    const event = fc.oneof(
      fc.string({ maxLength: 2_000 }).map(status),
      fc.tuple(fc.string(), fc.nat(), fc.nat()).map(([digest, done, all]) => progress(digest, done, all)),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 2_000, size: 'max' }), (events) => {
        const lines = logOf([...events, status('success')]);
        expect(lines.length).toBeLessThanOrEqual(501);
        expect(lines.filter((line) => line.status === 'success')).toHaveLength(1);
        expect(Math.max(...lines.map((line) => line.status.length))).toBeLessThanOrEqual(500);
      }),
      { numRuns: 30 },
    );
    const many = Array.from({ length: 5_000 }, (_, at) => [status(`what ${at}`), progress(`d${at}`, at)]);
    const lines = logOf([...many.flat(), status('success')]);
    expect(lines.length).toBeLessThanOrEqual(501);
    expect(lines.at(-1)).toEqual({ status: 'success' });
  });
});
