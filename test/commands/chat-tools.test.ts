import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serveMcp, type McpHttp } from '../support/mcp-http.js';
import { lines, run, schemaErrors, type Ran } from '../support/run.js';

let sandbox: Sandbox;
let mcp: McpHttp;
let cwd: string;
beforeAll(async () => {
  sandbox = await startSandbox({
    installed: ['qwen3:8b', 'gemma3:1b'],
    tokensPerSecond: Infinity,
    loadMs: 0,
  });
  mcp = await serveMcp();
  cwd = mkdtempSync(path.join(tmpdir(), 'chat-tools-'));
  const folder = path.join(cwd, '.config/ollama-cli');
  mkdirSync(folder, { recursive: true });
  const servers = { web: { url: mcp.url }, gone: { url: 'http://127.0.0.1:1/mcp' } };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ mcp: servers }));
});
afterAll(async () => {
  await sandbox.close();
  await mcp.close();
  rmSync(cwd, { recursive: true, force: true });
});

interface Sent {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
}

let before = 0;
beforeEach(() => {
  before = sandbox.requests.length;
});
const sent = (): Sent[] =>
  sandbox.requests
    .slice(before)
    .filter((request) => request.path === '/api/chat')
    .map(({ body }) => body as Sent);

async function chat(...argv: string[]): Promise<Ran> {
  return await run(['chat', 'qwen3:8b', 'What is the time?', '--no-think', ...argv], sandbox.url, { cwd });
}

describe('chat --mcp', () => {
  it('calls what --allow-tool names, and answers with what came of it', async () => {
    const ran = await chat('--mcp', 'web', '--allow-tool', 'get_*');
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/^The tool said: 13:00 in /);
    expect(ran.stderr).toMatch(/calls get_time \{"city": .*\}\n/);
    expect(ran.stderr).toMatch(/get_time: 13:00 in /);
    const [first, second] = sent();
    expect(first?.tools?.map((tool) => tool.function.name)).toEqual(['get_time']);
    expect(second?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
    expect((await chat('--mcp', 'web', '--allow-tool', 'get_*', '-q')).stderr).toBe('');
  });

  it('calls nothing that nobody allowed; the model is told, and so is the person', async () => {
    const ran = await chat('--mcp', 'web', '--allow-tool', 'other');
    expect(ran.code).toBe(0);
    expect(sent()[1]?.messages.at(-1)).toMatchObject({
      role: 'tool',
      content: expect.stringContaining('--allow-tool') as unknown,
    });
    expect(ran.stderr).toMatch(/get_time failed: .*--allow-tool/);
    expect((await chat('--mcp', 'web')).stderr).toMatch(/get_time failed/);
  });

  it.each([
    ['o', /^The tool said: 13:00 in /],
    ['always', /^The tool said: 13:00 in /],
    ['n', /^The tool said: Not called: the person refused/],
    ['', /^The tool said: Not called: the person refused/],
  ])('asks a person at a terminal, who types "%s"', async (typed, said) => {
    const options = { cwd, tty: 'stderr', stdinTty: true, stdin: `${typed}\n` } as const;
    const argv = ['chat', 'qwen3:8b', 'What is the time?', '--no-think', '--mcp', 'web'];
    const ran = await run(argv, sandbox.url, options);
    expect(ran.stderr).toMatch(
      /Call get_time of web\?\nThe time\.\ncity: .*\no: once, a: always for this function, n: no:/,
    );
    expect(ran.stdout).toMatch(said);
  });

  it('streams calls and results with --json', async () => {
    const ran = await chat('--mcp', 'web', '--allow-tool', 'get_time', '--json');
    const events = lines(ran.stdout);
    for (const event of events) expect(schemaErrors('chat-event', event)).toBe('');
    const types = events.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1]);
    expect(types).toEqual(['start', 'tool_call', 'tool_result', 'token', 'result']);
    expect(events.find(({ type }) => type === 'tool_result')).toMatchObject({
      name: 'get_time',
      is_error: false,
    });
    const { content } = events.at(-1)?.['message'] as { content: string };
    expect(content).toMatch(/^The tool said: /);
  });

  it('keeps calls and results in the conversation', async () => {
    await chat('--mcp', 'web', '--allow-tool', 'get_time');
    await run(['chat', '--continue', 'thanks', '--no-think'], sandbox.url, { cwd });
    const roles = sent()
      .at(-1)
      ?.messages.map(({ role }) => role);
    expect(roles).toEqual(['user', 'assistant', 'tool', 'assistant', 'user']);
  });

  it.each([
    [['--mcp', 'wob'], 2, 'web'],
    [['--mcp', 'gone'], 1, 'gone'],
  ])('fails for %j with exit %i, before the model is asked', async (flags, exit, words) => {
    const ran = await chat(...flags, '--json');
    expect(ran.code).toBe(exit);
    expect(ran.stderr).toContain(words);
    expect(lines(ran.stdout).at(-1)).toMatchObject({ type: 'error' });
    expect(sent()).toEqual([]);
  });

  it('is refused for a model that can call nothing', async () => {
    const ran = await run(['chat', 'gemma3:1b', 'x', '--mcp', 'web'], sandbox.url, { cwd });
    expect(ran.code).toBe(7);
    expect(sent()).toEqual([]);
  });
});
