import { describe, expect, test } from 'vitest';
import { askChain, chatsOf, openServer, providerAt } from './chain.js';
import { FIRST_TOKEN_MS, LATE, ROWS } from './fault-outcomes.js';

const WHOLE = /39 40$/;
const OPTIONS = { firstTokenMs: FIRST_TOKEN_MS };

describe.each(ROWS.map((row) => [row[0], row] as const))('a first one that meets %s', (_, row) => {
  const [fault, outcome, reason] = row;

  test(`leaves the answer to ${outcome}`, async () => {
    const [one, two] = [await openServer([fault]), await openServer()];
    const chain = [providerAt('first', one.url), providerAt('second', two.url)];
    const came = await askChain(chain, OPTIONS);
    expect(chatsOf(one)).toBe(1);
    expect(chatsOf(two)).toBe(outcome === 'next' ? 1 : 0);
    expect(came.steps.map(({ name }) => name)).toEqual(outcome === 'next' ? ['second'] : []);
    for (const step of came.steps) expect(step.reason).toMatch(reason ?? /^$/);
    expect(came.end.type).toBe(outcome === 'broken' ? 'error' : 'done');
    if (outcome === 'next') expect(came.text).toMatch(WHOLE);
    // Words of two must never stand in one answer.
    if (outcome !== 'first') expect(came.text.match(/\b1 2 3\b/g)?.length ?? 0).toBeLessThan(2);
  });

  test('that the second meets too leaves it to the third, each with its own reason', async () => {
    const [one, two, three] = [await openServer([fault]), await openServer([fault]), await openServer()];
    const chain = [one, two, three].map(({ url }, at) =>
      providerAt(['first', 'second', 'third'][at] ?? '', url),
    );
    const came = await askChain(chain, OPTIONS);
    const falls = outcome === 'next';
    expect(came.steps.map(({ name }) => name)).toEqual(falls ? ['second', 'third'] : []);
    expect(came.steps.map((step) => step.reason.split(':')[0])).toEqual(falls ? ['first', 'second'] : []);
    expect([one, two, three].map(chatsOf)).toEqual(falls ? [1, 1, 1] : [1, 0, 0]);
    expect(came.end.type).toBe(outcome === 'broken' ? 'error' : 'done');
  });
});

// Those that only let wait are no failure of the last one: it is waited for.
const FAILING = ROWS.filter(([, outcome, reason]) => outcome === 'next' && reason !== LATE);

describe.each(FAILING.map(([fault]) => [fault]))('where all meet %s', (fault) => {
  test('each one is told of, under the code that they share', async () => {
    const servers = [await openServer([fault]), await openServer([fault])];
    const chain = servers.map(({ url }, at) => providerAt(['first', 'second'][at] ?? '', url));
    const { end, steps } = await askChain(chain, OPTIONS);
    expect(steps.map(({ name }) => name)).toEqual(['second']);
    if (end.type !== 'error') throw new Error('It has to fail.');
    const lines = end.error.message.split('\n');
    expect(lines[0]).toBe('None of the providers answers:');
    expect(lines.slice(1).map((line) => line.split(':')[0])).toEqual(['first', 'second']);
    expect(end.error.errors?.map(({ code }) => code)).toEqual([end.error.code, end.error.code]);
  });
});
