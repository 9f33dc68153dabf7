import { mkdtemp, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { ESCAPES, lines, run, schemaErrors } from '../support/run.js';

/** Nothing waits longer than it must: what is tested is that it tries again, not how long it waits. */
const QUICK = { OLLAMA_CLI_RETRY__DELAY: '1ms' };
/** Where no registry is: a server that is no sandbox has no other on this machine, and none outside is asked. */
const NO_REGISTRY = { OLLAMA_CLI_REGISTRY: 'http://127.0.0.1:9' };

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: [] });
});
afterEach(async () => await sandbox.close());

async function pullJson(
  argv: string[],
  url = sandbox.url,
): Promise<{ code: number; stderr: string; events: Record<string, unknown>[] }> {
  const { code, stdout, stderr } = await run(['pull', '--json', ...argv], url, {
    env: url === sandbox.url ? QUICK : { ...QUICK, ...NO_REGISTRY },
  });
  const events = lines(stdout);
  for (const event of events) expect(schemaErrors('pull-event', event)).toBe('');
  return { code, stderr, events };
}

describe('pull', () => {
  it('streams JSON events from start to result', async () => {
    const { code, stderr, events } = await pullJson(['llama3.2:1b']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(events[0]).toEqual({
      type: 'start',
      schema_version: 1,
      host: sandbox.url,
      models: ['llama3.2:1b'],
    });
    expect(events.at(-1)).toEqual({ type: 'result', succeeded: ['llama3.2:1b'], failed: [] });
    const result = events.find(({ type }) => type === 'model_result') as {
      bytes_downloaded: number;
      bytes_reused: number;
      digest: string;
    };
    const listed = JSON.parse((await run(['list', '--json'], sandbox.url)).stdout) as {
      total_size: number;
      models: { digest: string }[];
    };
    expect(result).toMatchObject({
      bytes_downloaded: listed.total_size,
      bytes_reused: 0,
      digest: listed.models[0]?.digest,
    });
    const progress = events.filter(({ type }) => type === 'progress') as {
      digest: string;
      completed: number;
      layer_done?: true;
    }[];
    for (const digest of new Set(progress.map((event) => event.digest))) {
      const own = progress.filter((event) => event.digest === digest);
      expect(own.map(({ completed }) => completed)).toEqual(
        own.map(({ completed }) => completed).sort((a, b) => a - b),
      );
      expect(own.filter(({ layer_done: done }) => done === true)).toHaveLength(1);
    }
  });

  it('says a second time that all was there already', async () => {
    await run(['pull', 'smollm2:135m'], sandbox.url);
    const { events } = await pullJson(['smollm2:135m']);
    const result = events.find(({ type }) => type === 'model_result') as { bytes_downloaded: number };
    expect(result.bytes_downloaded).toBe(0);
  });

  it('writes plain lines without escape codes into a pipe, on stderr alone', async () => {
    const { code, stdout, stderr } = await run(['pull', 'smollm2:135m'], sandbox.url);
    expect(code).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^pulling smollm2:135m from 127\.0\.0\.1:\d+\n/);
    expect(stderr).toMatch(/\ndone: smollm2:135m, [^\n]*\n$/);
    expect(stderr).not.toMatch(ESCAPES);
  });

  it('draws in a terminal, and leaves one line and a shown cursor', async () => {
    for (const how of ['ink', 'bar']) {
      const { code, stdout, stderr } = await run(['pull', 'smollm2:135m', '--progress', how], sandbox.url, {
        tty: true,
      });
      expect(code).toBe(0);
      expect(stdout).toBe('');
      expect(stderr).toContain('✓');
      expect(stderr.lastIndexOf('\x1b[?25h')).toBeGreaterThan(stderr.lastIndexOf('\x1b[?25l'));
    }
  });

  it('prints nothing with --quiet', async () => {
    const ran = await run(['pull', 'smollm2:135m', '-q'], sandbox.url, { tty: true });
    expect(ran).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('goes on by itself after one cut connection, and says so', async () => {
    sandbox.setFaults([parseFault('cut@50%:times=1')]);
    const { code, events } = await pullJson(['llama3.2:1b']);
    expect(code).toBe(0);
    expect(events.filter(({ type }) => type === 'retry')).toMatchObject([
      { attempt: 2, model: 'llama3.2:1b' },
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'result' });
  });

  it('ends with 6 when the connection is cut each time, and the next pull resumes', async () => {
    sandbox.setFaults([parseFault('cut@50%')]);
    const { code, events, stderr } = await pullJson(['llama3.2:1b']);
    expect(code).toBe(6);
    // Three tries in a row that bring nothing are enough.
    expect(events.filter(({ type }) => type === 'retry').length).toBeGreaterThan(1);
    expect(events.at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'stream_cut', model: 'llama3.2:1b' },
      succeeded: [],
      failed: [{ model: 'llama3.2:1b' }],
    });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'stream_cut' } });
    // Slow enough for the server to tell of the layer more than its end.
    sandbox.setFaults([parseFault('slow=20MB')]);
    const again = await pullJson(['llama3.2:1b']);
    const result = again.events.find(({ type }) => type === 'model_result') as { bytes_reused: number };
    expect(result.bytes_reused).toBeGreaterThan(1_000_000);
  });

  it.each([
    ['no-done', 6, 'stream_cut'],
    ['corrupt', 6, 'digest_mismatch'],
    ['offline', 6, 'registry_unreachable'],
    ['max-retries', 6, 'registry_unreachable'],
    ['404', 3, 'model_not_found'],
    ['401', 4, 'unauthorized'],
    ['412', 1, 'server_error'],
    ['500', 1, 'server_error'],
    ['503', 1, 'server_error'],
    ['no-space', 7, 'no_space'],
    ['html', 1, 'protocol'],
    ['html-200', 1, 'protocol'],
    ['error-line', 6, 'registry_unreachable'],
  ])('never calls a pull with the fault %s done: exit %i', async (fault, exit, error) => {
    sandbox.setFaults([parseFault(fault)]);
    const { code, events } = await pullJson(['smollm2:135m']);
    expect([events.at(-1)?.['type'], (events.at(-1)?.['error'] as { code: string }).code, code]).toEqual([
      'error',
      error,
      exit,
    ]);
    expect(events.some(({ type }) => type === 'model_result')).toBe(false);
    const plain = await run(['pull', 'all-minilm'], sandbox.url, { env: QUICK });
    expect(plain.code).toBe(exit);
    expect(plain.stderr).not.toContain('done:');
    expect(plain.stderr).not.toMatch(ESCAPES);
  });

  it.each(['half-lines', 'slow=2MB', 'rolled-back@50%', 'no-final', 'frozen=300ms@50%'])(
    'comes through %s, and tells what came',
    async (fault) => {
      sandbox.setFaults([parseFault(fault)]);
      const { code, events } = await pullJson(['smollm2:135m']);
      expect(code).toBe(0);
      const { total_size: size } = JSON.parse((await run(['list', '--json'], sandbox.url)).stdout) as {
        total_size: number;
      };
      expect(events.find(({ type }) => type === 'model_result')).toMatchObject({
        bytes_downloaded: size,
        bytes_reused: 0,
      });
      expect(events.at(-1)).toMatchObject({ type: 'result' });
    },
  );

  it('stops after the first that fails, and skips the rest; --keep-going goes on', async () => {
    const stop = await pullJson(['smollm2:135m', 'absent', 'all-minilm']);
    expect(stop.code).toBe(8);
    expect(stop.events.at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'partial' },
      succeeded: ['smollm2:135m'],
      failed: [{ model: 'absent', error: { code: 'model_not_found' } }],
      skipped: ['all-minilm'],
    });
    const on = await pullJson(['absent', 'all-minilm', '--keep-going']);
    expect(on.code).toBe(8);
    expect(on.events.at(-1)).toMatchObject({ succeeded: ['all-minilm'] });
    expect(on.events.at(-1)).not.toHaveProperty('skipped');
    const all = await pullJson(['absent', 'absent2', '--keep-going']);
    expect(all.code).toBe(3);
  });

  it('exits 5 for a closed port, with start and error as its first and last line', async () => {
    const { code, events } = await pullJson(['smollm2:135m'], `http://127.0.0.1:${await closedPort()}`);
    expect(code).toBe(5);
    expect(events.map(({ type }) => type)).toEqual(['start', 'model_error', 'error']);
  });

  it('checks names and the allowed models before anything is sent', async () => {
    const named = await run(['pull', 'smollm2:135m', 'a@b', '--json'], sandbox.url);
    expect(named.code).toBe(2);
    expect(JSON.parse(named.stderr)).toMatchObject({ error: { code: 'invalid_name', model: 'a@b' } });
    const env = { OLLAMA_CLI_ALLOWED_MODELS: 'qwen*,hf.co/*' };
    const refused = await run(['pull', 'smollm2:135m'], sandbox.url, { env });
    expect(refused.code).toBe(7);
    expect(sandbox.requests).toEqual([]);
    expect((await run(['pull', 'qwen3:0.6b'], sandbox.url, { env })).code).toBe(0);
  });

  it('begins and ends a JSON stream also for a model that is not allowed', async () => {
    const env = { OLLAMA_CLI_ALLOWED_MODELS: 'qwen*' };
    const ran = await run(['pull', 'smollm2:135m', '--json'], sandbox.url, { env });
    expect(ran.code).toBe(7);
    expect(lines(ran.stdout)).toMatchObject([
      { type: 'start', models: ['smollm2:135m'] },
      { type: 'error', error: { code: 'not_allowed' }, succeeded: [], failed: [], skipped: ['smollm2:135m'] },
    ]);
  });

  it('tells a status once, however often the server repeats it', async () => {
    const line = (completed: number): string =>
      `${JSON.stringify({ status: 'pulling aaa', digest: 'sha256:aaa', total: 9, completed })}\n`;
    const server = await serve({
      body: ['{"status":"pulling manifest"}\n', line(1), line(2), line(3), '{"status":"success"}\n'],
    });
    const { events } = await pullJson(['m'], server.url);
    const told = events.filter(({ type }) => type === 'status').map(({ status }) => status);
    expect(told).toEqual(['pulling manifest', 'pulling aaa', 'success']);
    await server.close();
  });

  it('goes on with a project’s host though the yes cannot be kept', async () => {
    const cwd = await mkdtemp(path.join(tmpdir(), 'project-'));
    await mkdir(path.join(cwd, '.git'));
    await writeFile(path.join(cwd, '.ollamarc'), 'host: http://localtest.invalid:9\n');
    const ran = await run(['pull', 'm', '--yes'], undefined, {
      cwd,
      env: { XDG_STATE_HOME: '/dev/null/nowhere', ...NO_REGISTRY },
    });
    expect(ran.code).toBe(5);
    expect(ran.stderr).toContain('could not be kept');
  });

  it('says after Ctrl-C how much is kept and how to go on, and hangs up', async () => {
    const slow = await startSandbox({ installed: [], rate: 3_000_000 });
    try {
      const test = testIo({ env: { OLLAMA_HOST: slow.url } });
      const ran = main(['pull', 'llama3.2:1b'], test.io);
      await expect.poll(() => test.stderr(), { timeout: 10_000 }).toMatch(/\n2\d%/);
      test.abort();
      expect(await ran).toBe(130);
      expect(test.stderr()).toMatch(
        /\nStopped; [\d.]+ [kM]B of llama3\.2:1b are kept on the server\.\nGo on with: ollama-cli pull llama3\.2:1b\nRestarting Ollama more than an hour from now deletes what is kept\.\n$/,
      );
    } finally {
      await slow.close();
    }
  });

  it('ends a JSON stream with an error event when interrupted', async () => {
    const slow = await startSandbox({ installed: [], rate: 3_000_000 });
    try {
      const test = testIo({ env: { OLLAMA_HOST: slow.url } });
      const ran = main(['pull', 'llama3.2:1b', '--json'], test.io);
      await expect.poll(() => test.stdout(), { timeout: 10_000 }).toContain('"progress"');
      test.abort();
      expect(await ran).toBe(130);
      expect(lines(test.stdout()).at(-1)).toMatchObject({ type: 'error', error: { code: 'interrupted' } });
    } finally {
      await slow.close();
    }
  });

  it('asks before the first pull with a host that a project file chose', async () => {
    const cwd = await mkdtemp(path.join(tmpdir(), 'project-'));
    await mkdir(path.join(cwd, '.git'));
    await writeFile(path.join(cwd, '.ollamarc'), 'host: gpu.invalid:1\n');
    // The proxy is what answers: the name is never looked up.
    const proxy = await serve({ body: ['{"status":"success"}\n'] });
    const env = { HTTP_PROXY: proxy.url, ...NO_REGISTRY };
    const refused = await run(['pull', 'smollm2:135m', '--json'], undefined, { cwd, env });
    expect(refused.code).toBe(7);
    expect(lines(refused.stdout).at(-1)).toMatchObject({ type: 'error', error: { code: 'declined' } });
    expect(refused.stderr).toContain('gpu.invalid:1');
    expect(proxy.requests).toHaveLength(0);
    const agreed = await run(['pull', 'smollm2:135m', '--yes'], undefined, { cwd, env });
    expect(agreed.code).toBe(0);
    // Once agreed it is remembered.
    expect((await run(['pull', 'smollm2:135m'], undefined, { cwd, env })).code).toBe(0);
    const pulls = proxy.requests.filter(({ method }) => method === 'POST').map(({ url }) => url);
    expect(pulls).toEqual(Array(2).fill('http://gpu.invalid:1/api/pull'));
    await proxy.close();
  });

  it('begins and ends its JSON stream also where a name or the configuration is wrong', async () => {
    const named = await run(['pull', 'a@b', '--json'], sandbox.url);
    expect(named.code).toBe(2);
    expect(lines(named.stdout)).toMatchObject([
      { type: 'start', models: ['a@b'] },
      { type: 'error', error: { code: 'invalid_name' }, succeeded: [], failed: [], skipped: ['a@b'] },
    ]);
    const configured = await run(['pull', 'a', '--json'], sandbox.url, {
      env: { OLLAMA_CLI_AUTO_PULL: 'maybe' },
    });
    expect(configured.code).toBe(2);
    const events = lines(configured.stdout);
    expect(events).toMatchObject([
      { type: 'start', models: ['a'] },
      { type: 'error', error: { code: 'config' } },
    ]);
    for (const event of events) expect(schemaErrors('pull-event', event)).toBe('');
    expect(JSON.parse(configured.stderr)).toMatchObject({ error: { code: 'config' } });
  });

  it('lets no escape sequence of a server through in an error or a status', async () => {
    const evil = await serve({
      body: [
        '{"status":"pulling \\u001b]0;x\\u0007manifest"}\n{"status":"\\u001b[2Jverifying"}\n{"error":"\\u001b[31mboo\\u202e"}\n',
      ],
    });
    const { stderr, code } = await run(['pull', 'm'], evil.url, { env: NO_REGISTRY });
    expect(code).toBe(1);
    expect(stderr).toContain('boo<U+202E>');
    expect(stderr).not.toMatch(ESCAPES);
    await evil.close();
  });
});
