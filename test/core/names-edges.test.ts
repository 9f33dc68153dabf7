import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { displayName, parseModelName, sameModel } from '../../src/core/model-name.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { run } from '../support/run.js';

/**
 * The grammar of names, written once more from its description alone: `[scheme://][host/][namespace/]model[:tag]`, each
 * part beginning with a letter, a digit or `_`; `.` not in a namespace, `:` in a host only; 350 and 80 characters.
 */
const HOST = '[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}';
const NAMESPACE = '[A-Za-z0-9_][A-Za-z0-9_-]{0,79}';
const MODEL = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}';
const GRAMMAR = new RegExp(
  `^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:(?:${HOST}/)?${NAMESPACE}/)?${MODEL}(?::${MODEL})?$`,
);
/** A marker at the end: `:cloud`, `:local`, or a tag that ends in `-cloud`. */
const MARKER = /(?::(?:cloud|local)|(?<=:[^:/]*)-cloud)$/i;

function isName(text: string): boolean {
  const rest = text.replace(MARKER, '');
  return GRAMMAR.test(rest) && (rest === text || !MARKER.test(rest));
}

const SCHEMES = ['', 'http://', 'https://', '://', 'h!://', '1x://'];
const FIRST = ['a', 'Z', '7', '_', '-', '.', ':', '@', ' ', 'é', '\u212a', '\uff41', '٣', '\u200b', '~', '/'];
const INSIDE = [
  'a',
  '_',
  '-',
  '.',
  ':',
  '@',
  '+',
  '%',
  ' ',
  '\n',
  '\t',
  '\u0000',
  '\u001b',
  'ü',
  '😀',
  '\\',
  '"',
];
const ENDS = ['', 'a', '-', '.', '_', ':', '\n', '/', '@sha256:ab', '#x', '?x'];
const TAGS = [
  ...['', ':', ':1b', ':_', ':-x', ':.x', ':a.b-c_d', ':a:b', ':é', ':a/b', ':latest', ':LATEST'],
  ...[
    ':cloud',
    ':Cloud',
    ':local',
    ':LOCAL',
    ':8b-cloud',
    ':8b-CLOUD',
    ':-cloud',
    ':cloud-cloud',
    ':x:cloud',
  ],
  ...[
    ':cloud:local',
    ':local:cloud',
    ':cloud:cloud',
    ':x-cloud:local',
    ':x:local',
    ':cloudy',
    ':x-local',
    '-cloud',
  ],
];
const sized = (length: number): string => 'n'.repeat(length);

/** The grammar's edges, one at a time and in each place. */
function edges(): string[] {
  const inPlaces = (part: string): string[] => [
    part,
    `m:${part}`,
    `${part}/m`,
    `${part}/n/m`,
    `h/${part}/m`,
    `h/n/${part}`,
    `h/n/m:${part}`,
  ];
  return [
    ...FIRST.flatMap((first) => inPlaces(first)),
    ...FIRST.flatMap((first) => inPlaces(`${first}x`)),
    ...INSIDE.flatMap((inside) => inPlaces(`x${inside}x`)),
    ...[0, 1, 79, 80, 81, 349, 350, 351].flatMap((length) => inPlaces(sized(length))),
    ...ENDS.flatMap((end) => [`m${end}`, `n/m${end}`, `h:5000/n/m${end}`, `m:t${end}`]),
    ...TAGS.flatMap((tag) => [`m${tag}`, `n/m${tag}`, `h:5000/n/m${tag}`, `${sized(80)}${tag}`]),
    ...SCHEMES.flatMap((scheme) =>
      ['m', 'm:t', 'n/m', 'h/n/m', 'h:5000/n/m:t', ''].map((rest) => scheme + rest),
    ),
    ...[
      'h:5000/m',
      'h.x/m',
      'a//m',
      '//m',
      'a/b/c/d',
      'h/n/',
      'h//m',
      '/n/m',
      'h:/n/m',
      'h:x:y/n/m',
      '../m',
      './m',
    ],
    ...[
      `${sized(80)}-cloud`,
      `m:${sized(80)}-cloud`,
      `m:${sized(81)}-cloud`,
      `m:${sized(80)}:cloud`,
      '.',
      '..',
      '~',
    ],
  ];
}

const NAMES = [...new Set(edges())];
const BAD = NAMES.filter((name) => !isName(name));

test('there are five hundred names and more, of both kinds', () => {
  expect(NAMES.length).toBeGreaterThanOrEqual(500);
  expect(BAD.length).toBeGreaterThan(150);
  expect(NAMES.length - BAD.length).toBeGreaterThan(150);
});

test('each is a name exactly where the grammar says so', () => {
  const wrong = NAMES.filter((name) => (parseModelName(name) !== undefined) !== isName(name));
  expect(wrong).toEqual([]);
});

test('each that is one is shown as a name of the same model', () => {
  const wrong = NAMES.filter((name) => {
    const parts = parseModelName(name);
    return parts !== undefined && !sameModel(displayName(parts), name);
  });
  expect(wrong).toEqual([]);
});

describe('the program', () => {
  let server: FaultServer;
  let requests = 0;
  beforeAll(async () => {
    server = await serve(() => {
      requests += 1;
      return { body: ['{}'] };
    });
  });
  afterAll(() => server.close());

  async function expectRefusals(words: readonly string[], names: readonly string[]): Promise<void> {
    requests = 0;
    const wrong: string[] = [];
    for (const name of names) {
      const { code, stderr } = await run([...words, '--json', '--', name], server.url);
      const { error } = JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}') as { error?: { code?: string } };
      const isRefused = code === 2 && (error?.code === 'invalid_name' || error?.code === 'usage');
      if (!isRefused) wrong.push(`${JSON.stringify(name)}: ${code}, ${String(error?.code)}`);
    }
    expect(wrong).toEqual([]);
    expect(requests).toBe(0);
  }

  test('pull refuses each that is none with exit 2, and asks nobody', async () => {
    await expectRefusals(['pull'], BAD);
  });

  test.each([
    ['pull, as the second of two', ['pull', 'llama3.2:1b']],
    ['pull --dry-run', ['pull', '--dry-run']],
    ['pull --as', ['pull', 'llama3.2:1b', '--as']],
    ['push', ['push']],
    ['cp', ['cp', 'llama3.2:1b']],
    ['fit', ['fit']],
  ])('%s does as pull does', async (_what, words) => {
    await expectRefusals(
      words,
      BAD.filter((_name, index) => index % 5 === 0),
    );
  });
});
