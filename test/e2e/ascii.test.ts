import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const PROGRAM = new URL('../../dist/cli/', import.meta.url);

it('the built program is ASCII: it is read as latin1, which would turn a µ into two letters', () => {
  const files = readdirSync(PROGRAM).filter((name) => name.endsWith('.js'));
  expect(files).toContain('program.js');
  const others = files.filter((name) => /[^\0-\x7f]/.test(readFileSync(new URL(name, PROGRAM), 'utf8')));
  expect(others).toEqual([]);
});
