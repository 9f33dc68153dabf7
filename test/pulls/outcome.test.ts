import { describe, expect, it } from 'vitest';
import { OllamaError, type ErrorCode } from '../../src/core/errors.js';
import { startPull } from '../../src/core/pull.js';
import { sumUp, type EndedPull } from '../../src/pulls/outcome.js';
import { sumLayers } from '../../src/pulls/plan.js';

function end(model: string, code?: ErrorCode, alsoAs: string[] = []): EndedPull {
  return {
    ...{ model, alsoAs, state: startPull(model, 0), digest: undefined, as: undefined },
    ...{ downloaded: 0, reused: 0, ms: 1 },
    error: code && new OllamaError(code, `${model} failed`),
  };
}

describe('sumUp', () => {
  it.each<[string, string[], EndedPull[], string[], string[], string[], ErrorCode | undefined]>([
    ['all went well', ['a', 'b'], [end('b'), end('a')], ['a', 'b'], [], [], undefined],
    ['the only one failed', ['a'], [end('a', 'stalled')], [], ['a'], [], 'stalled'],
    ['one of two failed', ['a', 'b'], [end('a', 'stalled'), end('b')], ['b'], ['a'], [], 'partial'],
    [
      'both failed alike',
      ['a', 'b'],
      [end('a', 'stalled'), end('b', 'stream_cut')],
      [],
      ['a', 'b'],
      [],
      'stalled',
    ],
    ['both failed unlike', ['a', 'b'], [end('a', 'stalled'), end('b', 'tls')], [], ['a', 'b'], [], 'partial'],
    ['the second was not tried', ['a', 'b'], [end('a', 'stalled')], [], ['a'], ['b'], 'stalled'],
    ['Ctrl-C', ['a', 'b'], [end('a', 'stalled'), end('b', 'interrupted')], [], ['a', 'b'], [], 'interrupted'],
    [
      'two names',
      ['a', 'a:latest'],
      [end('a', undefined, ['a:latest'])],
      ['a', 'a:latest'],
      [],
      [],
      undefined,
    ],
  ])('%s', (_title, models, ended, succeeded, failed, skipped, code) => {
    const outcome = sumUp(models, ended, 'http://h');
    expect(outcome.succeeded).toEqual(succeeded);
    expect(outcome.failed.map(({ model }) => model)).toEqual(failed);
    expect(outcome.skipped).toEqual(skipped);
    expect(outcome.error?.code).toBe(code);
  });

  it('tells what stood before all of them, and which were skipped', () => {
    const before = new OllamaError('declined', 'no');
    expect(sumUp(['a'], [], 'http://h', before)).toMatchObject({ skipped: ['a'], error: before });
    expect(sumUp(['a', 'b', 'c'], [end('a', 'stalled')], 'http://h').error?.message).toBe(
      '1 of 3 models could not be pulled: a; skipped: b, c (--keep-going goes on).',
    );
  });
});

describe('sumLayers', () => {
  const layer = (digest: string, size: number, present: boolean) => ({ digest, size, present });
  it.each([
    [[], 0, 0],
    [[layer('a', 5, true), layer('b', 7, false)], 7, 5],
    [[layer('a', 5, false), layer('b', 7, true), layer('a', 5, false), layer('b', 7, true)], 5, 7],
  ])('counts each digest once: %j', (layers, bytesToFetch, bytesPresent) => {
    expect(sumLayers(layers)).toEqual({ bytesToFetch, bytesPresent });
  });
});
