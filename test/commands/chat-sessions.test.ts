import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve } from '../support/fault-server.js';
import { lines, run, type Ran } from '../support/run.js';

let sandbox: Sandbox;
let cwd: string;
beforeEach(async () => {
  cwd = mkdtempSync(path.join(tmpdir(), 'chat-sessions-'));
  sandbox = await startSandbox({
    installed: ['gemma3:1b', 'llava:7b'],
    tokensPerSecond: Infinity,
    loadMs: 0,
  });
});
afterEach(async () => {
  await sandbox.close();
  rmSync(cwd, { recursive: true, force: true });
});

const folder = (): string => path.join(cwd, '.local/state/ollama-cli/sessions');

function files(): string[] {
  try {
    return readdirSync(folder());
  } catch {
    return [];
  }
}

async function chat(argv: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<Ran> {
  return await run(['chat', ...argv], sandbox.url, { cwd, ...options });
}

interface Sent {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly [field: string]: unknown;
}

function last(): Sent {
  return sandbox.requests.filter((request) => request.path === '/api/chat').at(-1)?.body as Sent;
}

const said = (): string[] =>
  last().messages.map(({ role, content }) => (role === 'assistant' ? 'A' : content));

describe('a one-shot answer', () => {
  it('is kept as a conversation that goes on by --continue and --resume', async () => {
    const first = await chat(['gemma3:1b', 'my name is Ada', '--json', '--system', 'S', '--seed', '7']);
    const { session } = lines(first.stdout)[0] as { session: string };
    expect(files()).toEqual([`${session}.jsonl`]);
    expect(statSync(path.join(folder(), `${session}.jsonl`)).mode & 0o777).toBe(0o600);

    expect((await chat(['--continue', 'what is', 'it?'])).code).toBe(0);
    expect(said()).toEqual(['S', 'my name is Ada', 'A', 'what is it?']);
    expect(last()).toMatchObject({ model: 'gemma3:1b', options: { seed: 7 } });

    const third = await chat(['--resume', session, 'llava:7b', 'and now?', '--seed', '8', '--json']);
    expect(lines(third.stdout)[0]).toMatchObject({ type: 'start', session, model: 'llava:7b' });
    expect(said()).toEqual(['S', 'my name is Ada', 'A', 'what is it?', 'A', 'and now?']);
    expect(last()).toMatchObject({ model: 'llava:7b', options: { seed: 8 } });
    expect(files()).toHaveLength(1);

    await chat(['-c', 'again']);
    expect(last()).toMatchObject({ model: 'llava:7b', options: { seed: 8 } });
  });

  it('goes on with a pipe', async () => {
    await chat(['gemma3:1b', 'one']);
    await chat(['--continue'], { stdin: 'two' });
    expect(said()).toEqual(['one', 'A', 'two']);
  });

  it.each([
    [['--ephemeral'], {}],
    [['--no-history'], {}],
    [[], { OLLAMA_NOHISTORY: '1' }],
    [[], { OLLAMA_CLI_SESSIONS: 'false' }],
    [['--raw'], {}],
  ])('is not kept with %j and %j', async (flags, env) => {
    const ran = await chat(['gemma3:1b', 'x', ...flags, '--json'], { env });
    expect(ran.code).toBe(0);
    expect(lines(ran.stdout)[0]).not.toHaveProperty('session');
    await chat(['gemma3:1b', 'x', ...flags], { env });
    expect(files()).toEqual([]);
  });

  it('goes on with a kept one without keeping more', async () => {
    await chat(['gemma3:1b', 'one']);
    const [file = ''] = files();
    const before = readFileSync(path.join(folder(), file), 'utf8');
    await chat(['--continue', 'two', '--ephemeral']);
    expect(said()).toEqual(['one', 'A', 'two']);
    expect(readFileSync(path.join(folder(), file), 'utf8')).toBe(before);
  });

  it('is kept as far as it came', async () => {
    const server = await serve({ body: ['{"message":{"content":"half of"}}\n'], then: 'reset' });
    await run(['chat', 'gemma3:1b', 'one'], server.url, { cwd });
    await server.close();
    await chat(['--continue', 'two']);
    expect(last().messages.map(({ content }) => content)).toEqual(['one', 'half of', 'two']);
  });

  it('says where it is kept when another program goes on with the same one', async () => {
    await chat(['gemma3:1b', 'one']);
    const [file = ''] = files();
    const server = await serve(() => {
      appendFileSync(path.join(folder(), file), '{"type":"delta"}\n');
      return { body: ['{"message":{"content":"two"},"done":true}\n'] };
    });
    const ran = await run(['chat', '-c', '-m', 'gemma3:1b', 'more'], server.url, { cwd });
    await server.close();
    const [copy = ''] = files().filter((name) => name !== file);
    expect(ran.stderr).toBe(
      `warning: this conversation is open elsewhere too, or its file is gone: it is kept as ${copy.replace('.jsonl', '')}.\n`,
    );
    expect(readFileSync(path.join(folder(), copy), 'utf8')).toMatch(/one[^]*more[^]*two/);
  });

  it('leaves no file where nothing came', async () => {
    expect((await chat(['none:1b', 'x'])).code).toBe(3);
    expect(files()).toEqual([]);
  });

  it('warns, and answers all the same, where it can not be kept', async () => {
    writeFileSync(path.join(cwd, 'file'), '');
    const ran = await chat(['gemma3:1b', 'x'], { env: { XDG_STATE_HOME: path.join(cwd, 'file') } });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('sandbox');
    expect(ran.stderr).toMatch(/^warning: this conversation is not kept: /);
  });
});

describe('--continue and --resume', () => {
  it.each([
    [['--continue', 'x'], 3],
    [['--resume', 'nothing', 'x'], 3],
  ])('%j exits %i where none is kept', async (argv, exit) => {
    expect((await chat(argv)).code).toBe(exit);
    const json = await chat([...argv, '--json']);
    expect(json.code).toBe(exit);
    expect(lines(json.stdout).map(({ type }) => type)).toEqual(['start', 'error']);
    expect(lines(json.stdout).at(-1)).toMatchObject({ error: { code: 'session_not_found' } });
  });
});
