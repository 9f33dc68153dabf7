import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { ESCAPES, lines, run, schemaErrors } from '../support/run.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({
    installed: ['qwen3:8b', 'gemma3:1b', 'llama3.2:1b'],
    tokensPerSecond: Infinity,
    loadMs: 0,
  });
});
beforeEach(() => sandbox.setFaults([]));
afterAll(async () => await sandbox.close());

function lastChat(): Record<string, unknown> {
  return sandbox.requests.filter((request) => request.path === '/api/chat').at(-1)?.body as Record<
    string,
    unknown
  >;
}

describe('chat with a prompt', () => {
  it('writes the answer to stdout and nothing to stderr', async () => {
    const ran = await run(['chat', 'gemma3:1b', 'Why', 'is', 'it?'], sandbox.url);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toBe('');
    expect(ran.stdout).toContain('sandbox');
    expect(lastChat()).toMatchObject({
      model: 'gemma3:1b',
      truncate: false,
      shift: false,
      messages: [{ role: 'user', content: 'Why is it?' }],
    });
    expect((await run(['run', 'gemma3:1b', 'Why is it?'], sandbox.url)).stdout).toBe(ran.stdout);
  });

  it('reads a prompt from stdin, and puts one beside it first', async () => {
    await run(['chat', 'gemma3:1b'], sandbox.url, { stdin: 'from a pipe\n' });
    expect(lastChat()['messages']).toEqual([{ role: 'user', content: 'from a pipe\n' }]);
    await run(['chat', 'gemma3:1b', 'explain'], sandbox.url, { stdin: '\ufeffline 1\nline 2' });
    expect(lastChat()['messages']).toEqual([{ role: 'user', content: 'explain\n\nline 1\nline 2' }]);
    await run(['chat', 'gemma3:1b', 'explain', '--no-stdin'], sandbox.url, { stdin: 'unread' });
    expect(lastChat()['messages']).toEqual([{ role: 'user', content: 'explain' }]);
  });

  it('streams JSON events whose text is the message of the result', async () => {
    const { stdout, code } = await run(['chat', 'qwen3:8b', 'Think', '--json'], sandbox.url);
    const events = lines(stdout);
    for (const event of events) expect(schemaErrors('chat-event', event)).toBe('');
    expect(code).toBe(0);
    const session = expect.stringMatching(/^\d{8}-\d{4}-\w{4}$/) as unknown;
    const host = sandbox.url;
    expect(events[0]).toEqual({ type: 'start', schema_version: 1, host, model: 'qwen3:8b', session });
    const text = (type: string): string =>
      events
        .filter((event) => event['type'] === type)
        .map((event) => String(event['text']))
        .join('');
    const result = events.at(-1) as {
      type: string;
      message: { content: string; thinking: string };
      metrics: Record<string, number>;
      context: { used: number };
    };
    expect(result).toMatchObject({ type: 'result', done_reason: 'stop', message: { role: 'assistant' } });
    expect(result.message).toMatchObject({ content: text('token'), thinking: text('thinking') });
    expect(result.metrics['total_tokens']).toBe(
      (result.metrics['prompt_tokens'] ?? 0) + (result.metrics['completion_tokens'] ?? 0),
    );
    expect(result.context.used).toBe(result.metrics['total_tokens']);
  });

  it('keeps thinking out of stdout', async () => {
    const loud = await run(['chat', 'qwen3:8b', 'Hello'], sandbox.url);
    const silent = await run(['chat', 'qwen3:8b', 'Hello', '--no-think'], sandbox.url);
    expect(loud.stderr).toMatch(/\nthought for /);
    expect(silent.stderr).toBe('');
    expect(lastChat()['think']).toBe(false);
    expect((await run(['chat', 'qwen3:8b', 'Hello', '-q'], sandbox.url)).stderr).toBe('');
  });

  it.each([
    [['--think', 'x'], true, 'x'],
    [['--think=high', 'x'], 'high', 'x'],
    [['--think=max', 'x'], 'max', 'x'],
    [['--no-think', 'x'], false, 'x'],
    [['x'], undefined, 'x'],
  ] as const)('takes %j as think %j', async (argv, think, prompt) => {
    await run(['chat', 'qwen3:8b', ...argv], sandbox.url);
    expect(lastChat()['think']).toBe(think);
    expect(lastChat()['messages']).toEqual([{ role: 'user', content: prompt }]);
  });

  it('sends system prompt, options, format and keep-alive', async () => {
    await run(
      [
        'chat',
        'gemma3:1b',
        'x',
        '--system',
        'Be brief.',
        '--option',
        'temperature=0.5',
        '--option',
        'stop=a',
        '--option',
        'stop=b',
        '--option',
        'num_ctx=2048',
        '--format',
        'json',
        '--keep-alive',
        '10m',
      ],
      sandbox.url,
    );
    expect(lastChat()).toMatchObject({
      messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user' }],
      options: { temperature: 0.5, stop: ['a', 'b'], num_ctx: 2048 },
      format: 'json',
      keep_alive: '10m',
    });
  });

  it.each([
    [['chat', 'gemma3:1b', 'x', '--option', 'temperature=warm'], 'temperature'],
    [['chat', 'gemma3:1b', 'x', '--option', 'temprature=1'], 'temprature'],
    [['chat', 'gemma3:1b', 'x', '--option', 'temperature'], 'NAME=VALUE'],
    [['chat', 'gemma3:1b', 'x', '--think=enormous'], 'enormous'],
    [['chat', 'gemma3:1b', 'x', '--format', '{"type":'], '--format'],
    [['chat', 'gemma3:1b', '--json'], 'prompt'],
    [['chat', 'gemma3:1b'], 'prompt'],
    [['chat'], 'default_model'],
    [['chat', 'a@b', 'x'], 'a@b'],
  ])('exits 2 for %j', async (argv, word) => {
    const ran = await run(argv, sandbox.url);
    expect(ran.code).toBe(2);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).toContain(word);
  });

  it('takes the default model and options of the configuration', async () => {
    const env = {
      OLLAMA_CLI_DEFAULT_MODEL: 'gemma3:1b',
      OLLAMA_CLI_OPTIONS__SEED: '7',
      OLLAMA_CLI_SYSTEM: 'S',
    };
    await run(['chat'], sandbox.url, { stdin: 'hi', env });
    expect(lastChat()).toMatchObject({ model: 'gemma3:1b', options: { seed: 7 } });
    await run(['chat', 'Why is the sky blue?'], sandbox.url, { env });
    expect(lastChat()).toMatchObject({
      model: 'gemma3:1b',
      messages: [{}, { content: 'Why is the sky blue?' }],
    });
    const none = await run(['chat'], sandbox.url, { stdin: 'hi' });
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('default_model');
  });

  it('writes byte for byte into a pipe, and cleaned on a terminal', async () => {
    const content = 'a\x1b[31mb\r\n\x07c\u202e';
    const server = await serve({
      body: [
        `${JSON.stringify({ message: { role: 'assistant', content } })}\n`,
        '{"message":{"content":""},"done":true,"done_reason":"stop"}\n',
      ],
    });
    expect((await run(['chat', 'm', 'x'], server.url)).stdout).toBe(content);
    const dumb = await run(['chat', 'm', 'x'], server.url, { tty: true, env: { TERM: 'dumb' } });
    expect(dumb.stdout).toBe('a[31mb\nc<U+202E>\n');
    for (const flags of [[], ['--no-markdown']]) {
      const drawn = await run(['chat', 'm', 'x', '--color', 'never', ...flags], server.url, { tty: true });
      expect(drawn.stdout.replace(/\x1b\[(?:\?2026[hl]|J)|\r/g, '')).toBe('a[31mb\nc<U+202E>\n');
    }
    const json = await run(['chat', 'm', 'x', '--json'], server.url, { tty: true });
    expect(json.stdout).not.toMatch(ESCAPES);
    await server.close();
  });

  it.each([
    ['error-line', 1, 'server_error'],
    ['no-done', 6, 'stream_cut'],
    ['cut@50%', 6, 'stream_cut'],
    ['500', 1, 'server_error'],
    ['503', 1, 'server_error'],
    ['html', 1, 'protocol'],
    ['html-200', 1, 'protocol'],
    ['401', 4, 'unauthorized'],
  ])('fails by %s with exit %i, keeping what came', async (fault, exit, error) => {
    sandbox.setFaults([parseFault(fault)]);
    const json = await run(['chat', 'gemma3:1b', 'Tell me', '--json'], sandbox.url);
    expect([json.code, lines(json.stdout).at(-1)]).toMatchObject([
      exit,
      { type: 'error', error: { code: error } },
    ]);
    const plain = await run(['chat', 'gemma3:1b', 'Tell me'], sandbox.url);
    expect(plain.code).toBe(exit);
    if (['error-line', 'no-done', 'cut@50%'].includes(fault)) {
      expect(plain.stdout).not.toBe('');
      expect(plain.stderr).toContain('not complete');
    }
    expect(plain.stderr).not.toMatch(ESCAPES);
  });

  it('exits 9 for a prompt beyond the window', async () => {
    const ran = await run(
      ['chat', 'gemma3:1b', '--option', 'num_ctx=64', 'word '.repeat(500), '--json'],
      sandbox.url,
    );
    expect(ran.code).toBe(9);
    expect(lines(ran.stdout).at(-1)).toMatchObject({ type: 'error', error: { code: 'context_overflow' } });
    const other = await serve({
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: [
        '{"error":"the prompt is longer than the context length currently available to the model; shorten it"}',
      ],
    });
    expect((await run(['chat', 'm', 'x'], other.url)).code).toBe(9);
    await other.close();
  });

  it('says that an answer was cut by its limit', async () => {
    const ran = await run(['chat', 'gemma3:1b', 'Tell me', '--option', 'num_predict=3'], sandbox.url);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain('length limit');
  });

  it('exits 3 for a missing model, unless auto_pull says always', async () => {
    const missing = await run(['chat', 'smollm2:135m', 'x'], sandbox.url);
    expect(missing.code).toBe(3);
    expect(missing.stderr).toContain('ollama-cli pull smollm2:135m');
    const never = await run(['chat', 'smollm2:135m', 'x', '--yes'], sandbox.url, {
      env: { OLLAMA_CLI_AUTO_PULL: 'never' },
    });
    expect(never.code).toBe(3);
    expect(never.stderr).toContain('auto_pull is "never"');
    expect(never.stderr).toContain('ollama-cli pull smollm2:135m');
    const always = await run(['chat', 'smollm2:135m', 'x'], sandbox.url, {
      env: { OLLAMA_CLI_AUTO_PULL_MODEL: 'true' },
    });
    expect(always.code).toBe(0);
    expect(always.stdout).toContain('smollm2');
    expect(always.stderr).toContain('done: smollm2:135m');
  });

  it('refuses a model that is not allowed before anything is sent', async () => {
    const before = sandbox.requests.length;
    const ran = await run(['chat', 'gemma3:1b', 'x', '--json'], sandbox.url, {
      env: { OLLAMA_CLI_ALLOWED_MODELS: 'qwen*' },
    });
    expect(ran.code).toBe(7);
    expect(sandbox.requests.length).toBe(before);
  });

  it('begins and ends a JSON stream also for a model that is not allowed', async () => {
    const env = { OLLAMA_CLI_ALLOWED_MODELS: 'qwen*' };
    const ran = await run(['chat', 'gemma3:1b', 'x', '--json'], sandbox.url, { env });
    expect(lines(ran.stdout)).toMatchObject([
      { type: 'start', schema_version: 1 },
      { type: 'error', error: { code: 'not_allowed' } },
    ]);
  });

  it('names the option that a model does not have, and the nearest that it has', async () => {
    const ran = await run(['chat', 'gemma3:1b', 'x', '--option', 'temprature=1'], sandbox.url);
    expect(ran.stderr).toContain('--option');
    expect(ran.stderr).toContain('Did you mean temperature?');
  });

  it('ends the line of its thinking where no answer follows', async () => {
    const server = await serve({
      body: ['{"message":{"content":"","thinking":"hm"}}\n', '{"error":"out of memory"}\n'],
    });
    const ran = await run(['chat', 'm', 'x'], server.url);
    expect(ran.stderr).toMatch(/^hm\n/);
    await server.close();
  });

  it('exits 5 for a closed port', async () => {
    const ran = await run(['chat', 'm', 'x', '--json'], `127.0.0.1:${await closedPort()}`);
    expect(ran.code).toBe(5);
    expect(lines(ran.stdout).map(({ type }) => type)).toEqual(['start', 'error']);
  });

  it('stops at Ctrl-C, keeps what came, and ends the request on the server', async () => {
    let hungUp: Promise<boolean> | undefined;
    const server = await serve((request) => {
      hungUp = request.finished;
      return { body: ['{"message":{"content":"one "}}\n'], then: 'stall' as const };
    });
    const test = testIo({ env: { OLLAMA_HOST: server.url } });
    const ran = main(['chat', 'm', 'x'], test.io);
    await expect.poll(() => test.stdout()).toBe('one ');
    test.abort();
    expect(await ran).toBe(130);
    expect(await hungUp).toBe(false);
    expect(test.stdout()).toBe('one ');
    await server.close();
  });

  it('gives up on silence only when --timeout says so', async () => {
    const server = await serve({ body: ['{"message":{"content":"one "}}\n'], then: 'stall' });
    const ran = await run(['chat', 'm', 'x', '--timeout', '200ms', '--json'], server.url);
    expect(ran.code).toBe(5);
    expect(lines(ran.stdout).at(-1)).toMatchObject({ type: 'error', error: { code: 'timeout' } });
    await server.close();
  });

  it('counts the wait for the head of an answer as silence too, and hangs up', async () => {
    let hungUp: Promise<boolean> | undefined;
    const server = await serve((request) => {
      hungUp = request.finished;
      return undefined;
    });
    const ran = await run(['chat', 'm', 'x', '--timeout', '200ms', '--json'], server.url);
    expect(ran.code).toBe(5);
    expect(lines(ran.stdout).at(-1)).toMatchObject({ type: 'error', error: { code: 'timeout' } });
    expect(await hungUp).toBe(false);
    await server.close();
  });

  it('says that it waits for a stdin that stays open', async () => {
    const open = new Readable({ read: () => undefined });
    const test = testIo({ env: { OLLAMA_HOST: sandbox.url }, stdin: open });
    const ran = main(['chat', 'gemma3:1b'], test.io);
    await expect.poll(() => test.stderr(), { timeout: 6_000 }).toContain('--no-stdin');
    open.push('late');
    open.push(null);
    expect(await ran).toBe(0);
    expect(lastChat()['messages']).toEqual([{ role: 'user', content: 'late' }]);
  });
});
