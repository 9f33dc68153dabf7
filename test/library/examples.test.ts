import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort } from '../support/fault-server.js';
import { ROOT, runProgram, type ProgramRun } from './built.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({
    installed: ['llama3.2:1b', 'gemma3:1b'],
    scale: 0.001,
    tokensPerSecond: Infinity,
    loadMs: 1,
  });
});
afterAll(() => sandbox.close());

async function runExample(name: string, args: readonly string[] = []): Promise<ProgramRun> {
  const source = readFileSync(path.join(ROOT, 'examples', `${name}.ts`), 'utf8');
  const { code } = await transform(source, { loader: 'ts', format: 'esm' });
  return await runProgram(code, { args, env: { OLLAMA_HOST: sandbox.url } });
}

test('the examples have the right types, by the types of the built package', async () => {
  const compiler = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const compiling = promisify(execFile)(process.execPath, [compiler, '-p', path.join(ROOT, 'examples')]);
  await expect(
    compiling.catch((error: { stdout: string }) => Promise.reject(new Error(error.stdout))),
  ).resolves.toBeDefined();
}, 120_000);

test('connect says which server answers', async () => {
  expect(await runExample('connect', [sandbox.url])).toEqual({
    code: 0,
    stdout: `Ollama 0.24.0-sandbox at ${sandbox.url}\n`,
    stderr: '',
  });
});

test('connect says that none does, and what to do', async () => {
  const ran = await runExample('connect', [`127.0.0.1:${await closedPort()}`]);
  expect(ran).toMatchObject({ code: 1, stdout: '' });
  expect(ran.stderr).toMatch(/^No running Ollama server detected at .*ollama serve/);
});

test('list prints names, sizes and quantizations', async () => {
  const ran = await runExample('list');
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toMatch(/^llama3\.2:1b \d+ Q\w+$/m);
});

test('pull prints its progress and ends in success', async () => {
  const ran = await runExample('pull');
  expect(ran.code).toBe(0);
  expect(ran.stdout).toMatch(/^\d+ of \d+ bytes$/m);
  expect(ran.stdout).toMatch(/^success$/m);
  expect(ran.stderr).toContain('qwen3:0.6b');
});

test('chat prints the answer and what it took', async () => {
  const ran = await runExample('chat');
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toMatch(/\S[^]*\n\d+ tokens, stop\n$/);
});

test('errors prints the codes', async () => {
  const ran = await runExample('errors');
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toMatch(/^model_not_found: .+\ninterrupted\n$/);
});

test('every example has a test here', () => {
  const names = readdirSync(path.join(ROOT, 'examples')).filter((name) => name.endsWith('.ts'));
  expect(names.sort()).toEqual(['chat.ts', 'connect.ts', 'errors.ts', 'list.ts', 'pull.ts']);
});
