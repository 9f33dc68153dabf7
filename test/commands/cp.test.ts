import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve } from '../support/fault-server.js';
import { ESCAPES, run, schemaErrors, TERMINAL } from '../support/run.js';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: ['qwen3:0.6b', 'gemma3:1b'] });
});
afterEach(async () => await sandbox.close());

async function installed(): Promise<string> {
  return (await run(['list', '-q', '--sort', 'name'], sandbox.url)).stdout.trim().replaceAll('\n', ' ');
}

function copies(): number {
  return sandbox.requests.filter(({ path }) => path === '/api/copy').length;
}

describe('cp', () => {
  it('gives a model one more name', async () => {
    const ran = await run(['cp', 'gemma3:1b', 'mine'], sandbox.url);
    expect(ran).toEqual({ code: 0, stdout: 'copied gemma3:1b to mine\n', stderr: '' });
    expect(await installed()).toBe('gemma3:1b mine:latest qwen3:0.6b');
  });

  it('tells it as JSON, and nothing with --quiet', async () => {
    const { code, stdout } = await run(['cp', 'gemma3:1b', 'mine', '--json'], sandbox.url);
    const document: unknown = JSON.parse(stdout);
    expect(schemaErrors('cp', document)).toBe('');
    expect([code, document]).toEqual([
      0,
      { schema_version: 1, host: sandbox.url, source: 'gemma3:1b', destination: 'mine' },
    ]);
    const fields = await run(['cp', 'gemma3:1b', 'a', '--json', '--fields', 'destination'], sandbox.url);
    expect(JSON.parse(fields.stdout)).toEqual({ schema_version: 1, destination: 'a' });
    expect(await run(['cp', 'gemma3:1b', 'b', '-q'], sandbox.url)).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });

  it('says with --dry-run what it would do, and does nothing', async () => {
    const plain = await run(['cp', 'gemma3:1b', 'mine', '--dry-run'], sandbox.url);
    expect(plain.stdout).toBe('gemma3:1b would be copied to mine\n');
    const json = await run(['cp', 'gemma3:1b', 'qwen3:0.6b', '-n', '--json'], sandbox.url);
    expect(schemaErrors('cp', JSON.parse(json.stdout))).toBe('');
    expect(JSON.parse(json.stdout)).toMatchObject({ dry_run: true, replaces: 'qwen3:0.6b' });
    expect([await installed(), copies()]).toEqual(['gemma3:1b qwen3:0.6b', 0]);
    const none = await run(['cp', 'absent', 'mine', '--dry-run'], sandbox.url);
    expect([none.code, none.stdout]).toEqual([3, '']);
  });

  it('takes no name from another model without a yes', async () => {
    const ran = await run(['cp', 'gemma3:1b', 'qwen3:0.6b'], sandbox.url);
    expect([ran.code, ran.stdout, copies()]).toEqual([7, '', 0]);
    expect(ran.stderr).toContain('--yes');
    const json = await run(['cp', 'gemma3:1b', 'qwen3:0.6b', '--json'], sandbox.url, {
      ...TERMINAL,
      stdinTty: true,
    });
    expect([json.code, copies()]).toEqual([7, 0]);
    const yes = await run(['cp', 'gemma3:1b', 'qwen3:0.6b', '--yes', '--json'], sandbox.url);
    expect(JSON.parse(yes.stdout)).toMatchObject({ replaces: 'qwen3:0.6b' });
    expect([yes.code, copies()]).toEqual([0, 1]);
  });

  it.each([
    ['y\n', 0],
    ['n\n', 7],
    ['\n', 7],
  ])('asks in a terminal and takes %j', async (stdin, code) => {
    const ran = await run(['cp', 'gemma3:1b', 'QWEN3:0.6b'], sandbox.url, {
      ...TERMINAL,
      stdinTty: true,
      stdin,
    });
    expect(ran.code).toBe(code);
    expect(ran.stderr).toMatch(/Replace qwen3:0\.6b \(.*\) on .* with gemma3:1b\? \[y\/N\]/);
    expect(copies()).toBe(code === 0 ? 1 : 0);
  });

  it('does not ask where the name means the same model already', async () => {
    await run(['cp', 'gemma3:1b', 'mine'], sandbox.url);
    expect((await run(['cp', 'gemma3:1b', 'mine'], sandbox.url)).code).toBe(0);
  });

  it.each([
    ['a model that is not there', ['absent', 'mine'], 3, 'ollama-cli list'],
    ['a misspelt one', ['gema3:1b', 'mine'], 3, 'gemma3:1b'],
    ['one that is not there, before it asks to replace', ['absent', 'qwen3:0.6b'], 3, 'absent'],
    ['the same name', ['gemma3:1b', 'GEMMA3:1b'], 2, 'the same name'],
    ['a name outside the grammar', ['gemma3:1b', 'a@b'], 2, '"a@b" is no model name'],
    ['an unknown field', ['gemma3:1b', 'mine', '--fields', 'x'], 2, 'The fields are'],
  ])('refuses %s', async (_, names, code, words) => {
    const ran = await run(['cp', ...names], sandbox.url);
    expect([ran.code, ran.stdout, copies()]).toEqual([code, '', 0]);
    expect(ran.stderr).toContain(words);
  });

  it('cleans what a server calls its models', async () => {
    const name = 'mine:latest';
    const models = [
      { name, size: 5, digest: 'a' },
      { name: 'b:1', size: 5, digest: 'b' },
    ];
    const server = await serve((request) => ({
      headers: { 'content-type': 'application/json' },
      status: request.url === '/api/tags' ? 200 : 500,
      body: [JSON.stringify(request.url === '/api/tags' ? { models } : { error: 'on \u001b[31mfire' })],
    }));
    const ran = await run(['cp', 'b:1', 'mine', '--yes'], server.url);
    await server.close();
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('fire');
    expect(ran.stderr).not.toMatch(ESCAPES);
  });
});
