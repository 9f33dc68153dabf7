import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.js';
import type { Sandbox } from '../../src/sandbox/server.js';
import { runProgram } from './program.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ tokensPerSecond: Infinity, loadMs: 0 });
});
afterAll(() => sandbox.close());

let root: string;
let checkout: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'hostile-'));
  checkout = path.join(root, 'checkout');
  for (const folder of ['.git', '.config', 'node_modules/cosmiconfig', 'node_modules/commander'])
    mkdirSync(path.join(checkout, folder), { recursive: true });
  mkdirSync(path.join(root, 'ran'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (name: string, content: string) => writeFileSync(path.join(checkout, name), content);

/** Code that leaves a mark when it is run. */
function plant(name: string): void {
  const mark = JSON.stringify(path.join(root, 'ran', name.replaceAll('/', '_')));
  const isModule = /\.(?:mjs|ts)$/.test(name);
  write(
    name,
    isModule
      ? `import { writeFileSync } from 'node:fs';\nwriteFileSync(${mark}, '');\nexport default {};\n`
      : `require('node:fs').writeFileSync(${mark}, '');\nmodule.exports = {};\n`,
  );
}

test('no code of a hostile checkout runs, whatever it is called', async () => {
  for (const kind of ['js', 'cjs', 'mjs', 'ts'])
    for (const name of [
      '.ollamarc',
      'ollama.config',
      '.config/config',
      '.config/ollamarc',
      'cosmiconfig.config',
    ])
      plant(`${name}.${kind}`);
  plant('evil.cjs');
  plant('node_modules/cosmiconfig/index.js');
  plant('node_modules/commander/index.js');
  write('.config/config.json', '{"cosmiconfig": {"searchPlaces": ["evil.cjs"]}}');
  write('package.json', '{"cosmiconfig": {"searchPlaces": ["evil.cjs"], "$import": "./evil.cjs"}}');
  write('.ollamarc', 'default_model: gemma3:1b\n');
  write('ollama', '#!/bin/sh\nexit 1\n');
  chmodSync(path.join(checkout, 'ollama'), 0o755);

  for (const [args, stdin] of [
    [['list', '-q'], ''],
    [['chat'], 'hello'],
    [['health'], ''],
    [['config', 'list'], ''],
  ] as const) {
    expect(await runProgram(args, sandbox.url, { cwd: checkout, stdin })).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(readdirSync(path.join(root, 'ran'))).toEqual([]);
  }
  // The mark would have been left: the code is right.
  expect(
    await runProgram(['evil.cjs'], undefined, { cwd: checkout, command: [process.execPath] }),
  ).toMatchObject({
    code: 0,
  });
  expect(readdirSync(path.join(root, 'ran'))).toEqual(['evil.cjs']);
});

test.each(['.ollamarc', '.ollamarc.json', '.config/ollamarc.yaml'])(
  '%s of a hostile checkout imports nothing',
  async (name) => {
    plant('evil.cjs');
    plant('.config/evil.cjs');
    write(name, '{"$import": ["./evil.cjs"]}');
    const ran = await runProgram(['list'], sandbox.url, { cwd: checkout });
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain(`${name}:1: unknown key "$import"`);
    expect(readdirSync(path.join(root, 'ran'))).toEqual([]);
  },
);

test('the host of a hostile checkout is named, and nothing is sent there unasked', async () => {
  write('.ollamarc', 'host: http://ollama.invalid:11434\n');
  const ran = await runProgram(['chat', 'gemma3:1b', 'a secret'], undefined, { cwd: checkout });
  expect(ran).toMatchObject({ code: 7, stdout: '' });
  expect(ran.stderr).toContain('ollama.invalid');
});
