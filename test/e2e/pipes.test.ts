import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox } from '../../src/sandbox/server.js';
import type { Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve } from '../support/fault-server.js';
import { runProgram, runShell } from './program.js';

/** Every control character but newline and tab. */
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
/** What makes programs believe in a terminal with colours. */
const COLOURFUL = {
  TERM: 'xterm-256color',
  COLORTERM: 'truecolor',
  TERM_PROGRAM: 'vscode',
  COLUMNS: '60',
  LANG: 'C.UTF-8',
};
/** What is tested is that it tries again, not how long it waits. */
const QUICK = { OLLAMA_CLI_RETRY__DELAY: '1ms' };

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ tokensPerSecond: Infinity, loadMs: 0 });
});
afterAll(() => sandbox.close());
afterEach(() => sandbox.setFaults([]));

describe('no control character reaches a pipe', () => {
  test.each<[string[], number?]>([
    [['--help']],
    [['pull', '--help']],
    [['help', 'exit-codes']],
    [['list']],
    [['list', '-q']],
    [['list', '--json']],
    [['show', 'qwen3:8b']],
    [['show', 'qwen3:8b', '--modelfile']],
    [['show', 'qwen3:8b', '--json']],
    [['health']],
    [['health', '--json']],
    [['config', 'list', '--show-origin']],
    [['config', 'list', '--json']],
    [['chat', 'gemma3:1b', 'a table, please']],
    [['chat', 'qwen3:8b', 'hello', '--think']],
    [['chat', 'qwen3:8b', 'hello', '--json']],
    [['pull', 'all-minilm:22m', 'smollm2:135m']],
    [['pull', 'all-minilm:22m', '--progress', 'ink']],
    [['pull', 'all-minilm:22m', '--progress', 'bar']],
    [['pull', 'smollm2:135m', '--json']],
    [['rm', 'all-minilm:22m', '--dry-run']],
    [['rm', 'all-minilm:22m', '--yes']],
    [['rm', 'smollm2:135m', '--yes', '--json']],
    [['rm', 'gemma3:1b'], 7],
    [['show', 'qwen3:8c'], 3],
    [['show', 'qwen3:8c', '--json'], 3],
    [['chat', 'gemma3:1b'], 2],
    [['lisst'], 2],
    [['list', '--nonsense'], 2],
    [['show', 'evil\x1b[2J\x1b]0;owned\x07'], 2],
  ])('by %j', async (args, code = 0) => {
    const ran = await runProgram(args, sandbox.url, { env: COLOURFUL });
    expect(ran.stderr).not.toMatch(CONTROLS);
    expect(ran.stdout).not.toMatch(CONTROLS);
    expect(ran).toMatchObject({ code });
    expect((code === 0 && args[0] !== 'pull' ? ran.stdout : ran.stdout + ran.stderr).trim()).not.toBe('');
  });

  test('by a model named with an escape sequence, which is listed as text', async () => {
    sandbox.setFaults([parseFault('escape-names')]);
    const plain = await runProgram(['list'], sandbox.url, { env: COLOURFUL });
    expect(plain).toMatchObject({ code: 0, stderr: '' });
    expect(plain.stdout).not.toMatch(CONTROLS);
    expect(plain.stdout).toMatch(/^evil\]0;owned\[2J\[31mred<U\+202E>:latest\t/m);
    const json = await runProgram(['list', '--json'], sandbox.url);
    const { models } = JSON.parse(json.stdout) as { models: { name: string }[] };
    expect(models.map(({ name }) => name)).toContainEqual(expect.stringContaining('\x1b[2J'));
    expect(json.stdout).not.toMatch(CONTROLS);
  });

  test('but those of an answer, which goes into a file as the model wrote it', async () => {
    const content = 'a\x1b[1mb\r\n\u009bc';
    const server = await serve({
      body: [`${JSON.stringify({ message: { role: 'assistant', content }, done: true })}\n`],
    });
    onTestFinished(() => server.close());
    expect(await runProgram(['chat', 'm', 'hi'], server.url)).toEqual({
      code: 0,
      stdout: content,
      stderr: '',
    });
  });
});

describe('in a shell', () => {
  test('`list | head -1` gets its line, and the list ends quietly with 141', async () => {
    const models = Array.from({ length: 5_000 }, (_, index) => ({
      name: `model-${String(index)}:latest`,
      model: `model-${String(index)}:latest`,
      size: 1e9,
      digest: 'a'.repeat(64),
      modified_at: '2026-01-01T00:00:00Z',
      details: {},
    }));
    const server = await serve({ body: [JSON.stringify({ models })] });
    onTestFinished(() => server.close());
    for (const flags of ['', '-q', '--json', '--columns name']) {
      const line = `{ $CLI list ${flags}; echo "code $?" >&2; } | head -c 5`;
      const ran = await runShell(line, server.url);
      expect(ran).toMatchObject({ code: 0, stderr: 'code 141\n' });
      expect(ran.stdout).toHaveLength(5);
    }
  });

  test('a pull whose reader goes away ends, and the server sees it hang up', async () => {
    const progress = `${JSON.stringify({ status: 'pulling aa', digest: 'sha256:aa', total: 1e9, completed: 1 })}\n`;
    const server = await serve({ body: Array.from({ length: 400 }, () => [progress, { wait: 25 }]).flat() });
    onTestFinished(() => server.close());
    const ran = await runShell('{ $CLI pull --json m; echo "code $?" >&2; } | head -1', server.url);
    expect(ran).toMatchObject({ code: 0, stderr: 'code 141\n' });
    expect(JSON.parse(ran.stdout)).toMatchObject({ type: 'start', models: ['m'] });
    expect(await server.requests[0]?.finished).toBe(false);
  });

  test.each([
    ['stderr', '$CLI list -q 2>&-', /^qwen3:8b$/m, 0],
    ['stderr, with an error to tell,', '$CLI show absent 2>&-', /^$/, 3],
    ['stdin', '$CLI list -q <&-', /^qwen3:8b$/m, 0],
    ['stdin', '$CLI chat gemma3:1b hello <&-', /sandbox/, 0],
    ['stdout', '$CLI list -q >&-', /^$/, 0],
    ['every stream', '$CLI list -q <&- >&- 2>&-', /^$/, 0],
  ])('a closed %s does no harm: %s', async (_, line, stdout, code) => {
    const ran = await runShell(line, sandbox.url);
    expect(ran).toMatchObject({ code, stderr: '' });
    expect(ran.stdout).toMatch(stdout);
  });

  test('a prompt and a pipe are one question', async () => {
    const ran = await runShell('echo "from the pipe" | $CLI chat gemma3:1b "from the line"', sandbox.url);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const chat = sandbox.requests.filter((request) => request.path === '/api/chat').at(-1);
    expect(chat?.body).toMatchObject({ messages: [{ content: 'from the line\n\nfrom the pipe\n' }] });
  });

  test('Ctrl-C of a one-shot answer keeps what came, and dies of the signal', async () => {
    const slow = await startSandbox({ tokensPerSecond: 20, loadMs: 0 });
    onTestFinished(() => slow.close());
    const line = 'trap : INT; $CLI chat gemma3:1b "count to 900" > out & child=$!;';
    const wait =
      'until grep -q "1 2 3" out; do sleep 0.1; done; kill -INT $child; wait $child; echo $?; cat out';
    // A shell has what it starts in the background ignore SIGINT: the program listens all the same.
    const ran = await runShell(`${line} ${wait}`, slow.url);
    expect(ran.stdout).toMatch(/^130\n[^]* 1 2 3/);
    expect(ran.stderr).not.toMatch(CONTROLS);
  });
});

describe('how it ends', () => {
  test('with 5 where nobody listens, and says how to go on', async () => {
    const host = `127.0.0.1:${String(await closedPort())}`;
    const ran = await runProgram(['list'], host);
    expect(ran).toMatchObject({ code: 5, stdout: '' });
    expect(ran.stderr).toContain(`No Ollama server at http://${host}`);
    for (const step of ['ollama serve', 'https://ollama.com/download', 'ollama-cli sandbox'])
      expect(ran.stderr).toContain(step);
    expect(Math.max(...ran.stderr.split('\n').map((row) => row.length))).toBeLessThan(80);
  });

  test.each([['show'], ['chat']])(
    'with 3 for %s of a name with capitals, and says the right one',
    async (command) => {
      const ran = await runProgram(
        [command, 'SmolLM2:135M', ...(command === 'chat' ? ['hi'] : [])],
        sandbox.url,
      );
      expect(ran).toMatchObject({ code: 3, stdout: '' });
      expect(ran.stderr).toMatch(/"SmolLM2:135M" is not installed/);
      expect(ran.stderr).toMatch(/did you mean +smollm2:135m\n/);
      expect(ran.stderr).toContain('ollama-cli pull smollm2:135m\n');
    },
  );

  test.each([[200], [502]])(
    'with 1 where a proxy answers with an HTML page and status %i',
    async (status) => {
      const body = ['<!doctype html><title>Sign in</title><script>alert(1)</script>'];
      const server = await serve({ status, headers: { 'content-type': 'text/html' }, body });
      onTestFinished(() => server.close());
      const ran = await runProgram(['list'], server.url, { env: QUICK });
      expect(ran).toMatchObject({ code: 1, stdout: '' });
      expect(ran.stderr).toMatch(/is not Ollama \(.*"Sign in"\)/);
      expect(ran.stderr).not.toContain('<script>');
    },
  );

  test('with 6 for a pull that is cut half-way each time, and says how to go on', async () => {
    sandbox.setFaults([parseFault('cut@50%')]);
    const ran = await runProgram(['pull', 'tinyllama:1.1b'], sandbox.url, { env: QUICK });
    expect(ran).toMatchObject({ code: 6, stdout: '' });
    expect(ran.stderr).not.toMatch(/^done/m);
    expect(ran.stderr).toContain('ollama-cli pull tinyllama:1.1b');
    sandbox.setFaults([]);
    expect(await runProgram(['pull', 'tinyllama:1.1b'], sandbox.url)).toMatchObject({ code: 0 });
    await runProgram(['rm', '--yes', 'tinyllama:1.1b'], sandbox.url);
  });

  test('with 6 for a pull that ends without success', async () => {
    sandbox.setFaults([parseFault('no-done')]);
    const ran = await runProgram(['pull', 'all-minilm:22m'], sandbox.url, { env: QUICK });
    expect(ran).toMatchObject({ code: 6, stdout: '' });
    expect(ran.stderr).not.toMatch(/^done/m);
  });
});
