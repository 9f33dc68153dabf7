import { describe, expect, test } from 'vitest';
import type { FaultName } from '../../src/sandbox/faults.js';
import { askChain, chatsOf, openServer, providerAt } from './chain.js';

/** Whom a fault of the first leaves to answer: the next one, the first itself, or nobody, as words had come. */
type Outcome = 'next' | 'first' | 'broken';
type Row = readonly [fault: string, outcome: Outcome, reason?: RegExp];

/** The longest to a first token in these tests, in milliseconds; the slow ones are far slower. */
const FIRST_TOKEN_MS = 1_000;
const LATE = /^first: It gave no token within 1 s$/;

/** Every fault of the sandbox: one that is new has to be given its row. */
const FAULTS: Readonly<Record<FaultName, readonly Row[] | 'not in a chat'>> = {
  cut: [
    ['cut@0', 'broken'],
    ['cut@50%', 'broken'],
  ],
  // The first word comes before the silence.
  stall: [['stall@0', 'broken']],
  slow: [['slow=100kB', 'first']],
  'half-lines': [['half-lines', 'first']],
  delay: [
    ['delay=50ms', 'first'],
    ['delay=60s', 'next', LATE],
  ],
  'slow-load': [
    ['slow-load=50ms', 'first'],
    ['slow-load=60s', 'next', LATE],
  ],
  'count-new': [['count-new', 'first']],
  escapes: [['escapes', 'first']],
  'cut-window': [['cut-window', 'first']],
  'escape-names': [['escape-names', 'first']],
  '401': [['401', 'next', /^first: http:\S+ refused this \(401\)/]],
  '404': [['404', 'next', /^first: it has no model "llama3\.2:1b"$/]],
  '500': [['500', 'next', /^first: .*was told to fail/]],
  '503': [['503', 'next', /^first: server busy/]],
  html: [['html', 'next', /^first: .*is not Ollama \(502/]],
  'html-200': [['html-200', 'next', /^first: .*is not Ollama/]],
  'error-line': [
    ['error-line@0', 'next', /^first: .*unexpected EOF/],
    ['error-line@50%', 'broken'],
  ],
  'no-done': [['no-done', 'broken']],
  oom: [['oom=1', 'next', /^first: .*memory/]],
  killed: [
    ['killed@0', 'next', /^first: .*killed/],
    ['killed@50%', 'broken'],
  ],
  'bad-image': [['bad-image', 'first']],
  frozen: 'not in a chat',
  linger: 'not in a chat',
  corrupt: 'not in a chat',
  'rolled-back': 'not in a chat',
  'missing-completed': 'not in a chat',
  'max-retries': 'not in a chat',
  'no-final': 'not in a chat',
  'no-space': 'not in a chat',
  offline: 'not in a chat',
  newer: 'not in a chat',
  '412': 'not in a chat',
  verifying: 'not in a chat',
  'lost-partials': 'not in a chat',
  'registry-500': 'not in a chat',
  'registry-401': 'not in a chat',
  'registry-garbage': 'not in a chat',
  'registry-huge': 'not in a chat',
  'retry-after': 'not in a chat',
};
const ROWS = Object.values(FAULTS).flatMap((rows) => (rows === 'not in a chat' ? [] : rows));
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
