import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './built.js';

test('the programs that the README shows are the examples, word for word, and all of them', () => {
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8').replaceAll('\r\n', '\n');
  const shown = new Map(
    [...readme.matchAll(/<!-- example: (examples\/[\w-]+\.ts) -->\n+```ts\n([^]*?)```/g)].map(
      ([, name = '', block = '']) => [name, block] as const,
    ),
  );
  const files = readdirSync(path.join(ROOT, 'examples')).filter((name) => name.endsWith('.ts'));
  const examples = new Map(
    files.map((name) => [
      `examples/${name}`,
      readFileSync(path.join(ROOT, 'examples', name), 'utf8').replaceAll('\r\n', '\n'),
    ]),
  );
  expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(examples));
});
