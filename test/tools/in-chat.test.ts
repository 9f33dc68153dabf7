import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { ESCAPES, lines, run, type Ran } from '../support/run.js';

const FIXTURES = path.join(import.meta.dirname, '..', 'fixtures', 'mcp');

let home: string;
let sandbox: Sandbox;
beforeEach(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'in-chat-'));
  const folder = path.join(home, '.config', 'ollama-cli');
  mkdirSync(folder, { recursive: true });
  const server = (...args: string[]) => ({
    command: process.execPath,
    args: args.map((word, at) => (at === 0 ? path.join(FIXTURES, word) : word)),
  });
  const mcp = {
    clock: { ...server('stdio-server.js'), env: { SECRET_TOKEN: 'hush-hush' } },
    hostile: server('odd-server.js', 'hostile'),
    broken: { ...server('odd-server.js', 'dies'), env: { SECRET_TOKEN: 'hush-hush' } },
  };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ mcp }));
  sandbox = await startSandbox({
    installed: ['llama3.2:1b', 'gemma3:4b'],
    tokensPerSecond: Infinity,
    loadMs: 1,
  });
});
afterEach(async () => {
  await sandbox.close();
  rmSync(home, { recursive: true, force: true });
});

async function chat(...argv: string[]): Promise<Ran> {
  return await run(['chat', ...argv], sandbox.url, {
    env: { HOME: home, XDG_CONFIG_HOME: undefined, PATH: process.env['PATH'] },
  });
}

interface ChatBody {
  readonly messages: readonly {
    readonly role: string;
    readonly content: string;
    readonly tool_name?: string;
  }[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
}

function asked(): ChatBody[] {
  return sandbox.requests
    .filter(({ path: where }) => where === '/api/chat')
    .map(({ body }) => body as ChatBody);
}

const QUESTION = 'What time is it in Rome? get_time';

describe('chat --mcp', () => {
  it('calls what --allow-tool names, and answers with what came of it', async () => {
    const ran = await chat('llama3.2:1b', QUESTION, '--mcp', 'clock', '--allow-tool', 'get_*');
    expect(ran.code).toBe(0);
    expect(asked()).toHaveLength(2);
    expect(asked()[0]?.tools?.map((tool) => tool.function.name)).toContain('get_time');
    expect(asked()[1]?.messages.at(-1)).toMatchObject({ role: 'tool', tool_name: 'get_time' });
    expect(ran.stdout).toContain('12:00 in');
  });

  it('calls nothing that is not allowed, and tells the model so', async () => {
    const ran = await chat('llama3.2:1b', QUESTION, '--mcp', 'clock');
    expect(ran.code).toBe(0);
    expect(asked()[1]?.messages.at(-1)?.content).toMatch(/^Not called: .*--allow-tool/);
  });

  it('tells each call in the JSON stream, which ends with a result', async () => {
    const ran = await chat('llama3.2:1b', QUESTION, '--mcp', 'clock', '--allow-tool', 'get_time', '--json');
    const events = lines(ran.stdout);
    expect(events[0]).toMatchObject({ type: 'start' });
    expect(events).toContainEqual(expect.objectContaining({ type: 'tool_call', name: 'get_time' }));
    expect(events.at(-1)).toMatchObject({ type: 'result' });
  });

  it('offers no function to a model that can call none', async () => {
    const ran = await chat('gemma3:4b', QUESTION, '--mcp', 'clock');
    expect(ran.code).toBe(7);
    expect(ran.stderr).toContain("gemma3:4b can't call functions");
    expect(asked()).toEqual([]);
  });

  it.each([
    ['clok', 2, 'clock'],
    ['broken', 1, 'could not be used'],
  ])('fails for a server that can not be used: %s', async (name, code, words) => {
    const ran = await chat('llama3.2:1b', QUESTION, '--mcp', name, '--debug');
    expect(ran.code).toBe(code);
    expect(ran.stderr).toContain(words);
    expect(ran.stderr + ran.stdout).not.toContain('hush-hush');
    expect(asked()).toEqual([]);
  });

  it('shows no escape sequence of a server', async () => {
    const ran = await chat('llama3.2:1b', QUESTION, '--mcp', 'hostile', '--allow-tool', '*');
    expect(ran.stderr).not.toMatch(ESCAPES);
  });
});
