import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { run } from '../support/run.js';

let sandbox: Sandbox;
let cwd: string;
beforeEach(async () => {
  cwd = mkdtempSync(path.join(tmpdir(), 'chat-talk-'));
  sandbox = await startSandbox({
    ...{ installed: ['gemma3:1b', 'llava:7b'], tokensPerSecond: Infinity, loadMs: 0, scale: 0.0001 },
  });
});
afterEach(async () => {
  await sandbox.close();
  rmSync(cwd, { recursive: true, force: true });
});

/** Types lines into a chat without redraws, each once it is asked for, and leaves. */
async function talk(argv: readonly string[], ...typed: readonly string[]) {
  const stdin = new PassThrough();
  const env = { OLLAMA_HOST: sandbox.url, TERM: 'dumb' };
  const test = testIo({ cwd, stdin, stdinTty: true, tty: true, env });
  const ran = main(['chat', ...argv], test.io);
  for (const [index, line] of [...typed, '/bye'].entries()) {
    await expect.poll(() => test.stdout().split('\u001b[0J> ').length, { timeout: 8_000 }).toBe(index + 2);
    stdin.write(`${line}\n`);
  }
  return { code: await ran, stdout: test.stdout(), stderr: test.stderr() };
}

interface Sent {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

const chats = (): Sent[] =>
  sandbox.requests
    .filter(({ path: route, body }) => route === '/api/chat' && ((body as Sent).messages ?? []).length > 0)
    .map(({ body }) => body as Sent);
const sessions = (): string[] => {
  try {
    return readdirSync(path.join(cwd, '.local/state/ollama-cli/sessions'));
  } catch {
    return [];
  }
};

describe('chat without a prompt', () => {
  it('talks until the person leaves, and keeps the conversation', async () => {
    const ran = await talk(['gemma3:1b', '--system', 'Be brief.'], 'hello');
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('sandbox');
    expect(chats()).toMatchObject([
      { model: 'gemma3:1b', messages: [{ content: 'Be brief.' }, { content: 'hello' }] },
    ]);
    expect(sessions()).toHaveLength(1);
    await talk(['--continue'], 'and?');
    expect(
      chats()
        .at(-1)
        ?.messages.map(({ role }) => role),
    ).toEqual(['system', 'user', 'assistant', 'user']);
    expect(sessions()).toHaveLength(1);
  });

  it('shows nothing of what a model thinks with --hide-thinking, also of a conversation that goes on', async () => {
    await sandbox.close();
    sandbox = await startSandbox({
      ...{ installed: ['qwen3:8b'], tokensPerSecond: Infinity, loadMs: 0, scale: 0.0001 },
    });
    const seen = await talk(['qwen3:8b', '--think'], 'hello');
    expect(seen.stdout.toLowerCase()).toContain('thought for');
    const hidden = await talk(['qwen3:8b', '--think', '--hide-thinking'], 'hello');
    const again = await talk(['--continue', '--hide-thinking'], 'and?');
    for (const ran of [hidden, again]) {
      expect(ran.code).toBe(0);
      expect(ran.stdout.toLowerCase()).not.toMatch(/thought|thinking/);
    }
    expect(chats().at(-1)).toMatchObject({ think: true });
  });

  it('keeps nothing with --ephemeral, nor what was typed', async () => {
    const history = path.join(cwd, '.local/state/ollama-cli/history');
    await talk(['gemma3:1b', '--ephemeral'], 'hello');
    expect(sessions()).toEqual([]);
    expect(existsSync(history)).toBe(false);
    await talk(['gemma3:1b'], 'hello');
    expect(readFileSync(history, 'utf8')).toContain('hello');
  });

  it('says at once that a server is down, or a model absent', async () => {
    const options = { cwd, tty: true, stdinTty: true } as const;
    const down = await run(['chat', 'gemma3:1b'], `127.0.0.1:${await closedPort()}`, options);
    expect(down.code).toBe(5);
    expect(down.stderr).toContain('ollama serve');
    const env = { OLLAMA_CLI_AUTO_PULL: 'never' };
    const absent = await run(['chat', 'smollm2:135m'], sandbox.url, { ...options, env });
    expect(absent.code).toBe(3);
    expect(absent.stderr).toContain('auto_pull is "never"');
  });

  it('pulls a missing model where that is wanted, and goes on', async () => {
    const ran = await talk(['smollm2:135m', '-y'], 'hello');
    expect(ran.code).toBe(0);
    expect(chats().at(-1)?.model).toBe('smollm2:135m');
  });

  it.each([['--raw'], ['--output', 'a'], ['--extract'], ['--suffix', 'a']])(
    'exits 2 with %s',
    async (...flags) => {
      const ran = await run(['chat', 'gemma3:1b', ...flags], sandbox.url, { cwd, tty: true, stdinTty: true });
      expect(ran.code).toBe(2);
      expect(ran.stderr).toContain('needs a prompt');
    },
  );
});
