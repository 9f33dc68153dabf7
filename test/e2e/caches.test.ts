import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { openFolder, runProgram } from './program.js';

const ROOT = path.resolve(import.meta.dirname, '../..');

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(async () => await sandbox.close());

/** A copy of the built program whose code caches `spoil` may change. */
function copyProgram(spoil: (cache: string) => void): string {
  const folder = openFolder();
  for (const part of ['bin', 'dist', 'package.json'])
    cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true });
  const cli = path.join(folder, 'dist', 'cli');
  const caches = readdirSync(cli).filter((name) => name.endsWith('.cache'));
  expect(caches.length).toBeGreaterThan(0);
  for (const cache of caches) spoil(path.join(cli, cache));
  return path.join(folder, 'bin', 'ollama-cli.js');
}

test.each([
  ['gone', (cache: string) => rmSync(cache)],
  ['damaged', (cache: string) => writeFileSync(cache, 'not a cache')],
])('runs just as well where its code caches are %s', async (_how, spoil) => {
  const usual = await runProgram(['list', '--json'], sandbox.url);
  const copy = copyProgram(spoil);
  const without = await runProgram(['list', '--json'], sandbox.url, { command: [process.execPath, copy] });
  expect(without).toEqual(usual);
  expect(without.code).toBe(0);
});
