import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isOllamaError } from '../../src/core/errors.js';
import type { Fault, FaultName } from '../../src/sandbox/faults.js';
import { FAULTS, parseFault, planFaults } from '../../src/sandbox/faults.js';

describe('parseFault', () => {
  test.each<[string, Fault]>([
    ['cut', { name: 'cut' }],
    ['cut@50%', { name: 'cut', percent: 50 }],
    ['cut@12.5', { name: 'cut', percent: 12.5 }],
    ['stall@0%', { name: 'stall', percent: 0 }],
    ['slow', { name: 'slow', amount: 50_000 }],
    ['slow=50kB', { name: 'slow', amount: 50_000 }],
    ['slow=1.5MB', { name: 'slow', amount: 1_500_000 }],
    ['slow=300', { name: 'slow', amount: 300 }],
    ['frozen=250ms@10%', { name: 'frozen', amount: 250, percent: 10 }],
    ['linger=2s', { name: 'linger', amount: 2000 }],
    ['delay=300ms:path=/v2/', { name: 'delay', amount: 300, path: '/v2/' }],
    ['verifying', { name: 'verifying', amount: 5000 }],
    ['oom', { name: 'oom', amount: 0 }],
    ['oom=2k', { name: 'oom', amount: 2048 }],
    ['slow-load=3s', { name: 'slow-load', amount: 3000 }],
    ['retry-after=30s:times=2', { name: 'retry-after', amount: 30_000, times: 2 }],
    ['lost-partials:times=1', { name: 'lost-partials', times: 1 }],
    ['401', { name: '401' }],
    ['503:times=2', { name: '503', times: 2 }],
    ['500:path=/api/tags', { name: '500', path: '/api/tags' }],
    ['html:times=1:path=/v2/', { name: 'html', times: 1, path: '/v2/' }],
  ])('reads %s', (text, fault) => {
    expect(parseFault(text)).toEqual(fault);
  });

  test.each([
    '',
    'cuts',
    'cut=5',
    'cut@',
    'cut@101%',
    'cut@-1%',
    'slow=fast',
    'slow=5xB',
    'cut:times=0',
    'cut:times=x',
    'cut:path=api',
    'cut:when=now',
    'constructor',
  ])('refuses %j with the names that there are', (text) => {
    const error = thrown(() => parseFault(text));
    expect(isOllamaError(error) && error.code).toBe('usage');
  });

  test('names every fault when it does not know one', () => {
    const error = thrown(() => parseFault('nonsense'));
    for (const name of Object.keys(FAULTS)) expect(String(error)).toContain(name);
  });

  test('never throws anything but usage', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const error = thrown(() => parseFault(text));
        return error === undefined || (isOllamaError(error) && error.code === 'usage');
      }),
    );
  });
});

test('a limited fault is shown as often as it says, a path chooses its requests', () => {
  const plan = planFaults([
    parseFault('503:times=2'),
    parseFault('500:path=/api/tags'),
    parseFault('401:path=/v2/'),
  ]);
  const shown = (name: FaultName, path: string): boolean => plan(path).fire(name) !== undefined;
  expect([1, 2, 3].map(() => shown('503', '/api/chat'))).toEqual([true, true, false]);
  expect(shown('500', '/api/tags')).toBe(true);
  expect(shown('500', '/api/pull')).toBe(false);
  expect(shown('401', '/v2/library/x/manifests/y')).toBe(true);
});

test('a fault happens once a request, and is counted as it happens', () => {
  const fired = {};
  const plan = planFaults([parseFault('cut:times=2')], fired);
  const [first, second] = [plan('/api/pull'), plan('/api/pull')];
  expect(first('cut')).toBeDefined();
  expect(fired).toEqual({});
  expect(first.fire('cut')).toBe(first.fire('cut'));
  expect(fired).toEqual({ cut: 1 });
  second.fire('cut');
  const third = plan('/api/pull');
  expect([first('cut'), second('cut')]).not.toContain(undefined);
  expect([third('cut'), third.fire('cut')]).toEqual([undefined, undefined]);
  expect(fired).toEqual({ cut: 2 });
});

test.each(Object.keys(FAULTS) as FaultName[])('%s may be limited and has a place', (name) => {
  const plan = planFaults([parseFault(`${name}:times=1:path=/x`)]);
  expect([plan('/x').fire(name)?.name, plan('/x').fire(name)]).toEqual([name, undefined]);
  const places = ['/api/pull', '/api/tags', '/api/chat', '/v2/a/b/manifests/c'];
  expect(places.some((path) => planFaults([parseFault(name)])(path)(name) !== undefined)).toBe(true);
});

function thrown(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}
