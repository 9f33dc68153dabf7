import { afterEach, describe, expect, it, test } from 'vitest';
import { isBuffered, processorSpeed, type Probe } from '../../src/health/probe.js';
import { judgeRoom } from '../../src/health/examine.js';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/server.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { openLibrary } from '../models/library.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { run, schemaErrors, TERMINAL } from '../support/run.js';

interface Document {
  status: string;
  model_available?: boolean;
  model_loaded?: boolean;
  probe?: { model: string; tokens: number; tokens_per_second: number; chunks: number };
  system: { client_version: string; server_version?: string; platform: string; vram_used_bytes?: number };
  checks: { name: string; status: string; detail: string; hint?: string }[];
}

let server: Sandbox | FaultServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function probe(argv: string[] = []): Promise<Document & { code: number; stderr: string }> {
  const ran = await run(['health', '--json', '--probe', ...argv], server?.url);
  const document = JSON.parse(ran.stdout) as Document;
  expect(schemaErrors('health', document)).toBe('');
  return { ...document, code: ran.code, stderr: ran.stderr };
}
const named = ({ checks }: Document, name: string) => checks.find((check) => check.name === name);
const quick: SandboxOptions = { installed: ['llama3.2:1b'], loadMs: 0, tokensPerSecond: Infinity };

describe('health --probe', () => {
  it('says beforehand what it does, and measures the model that is named', async () => {
    server = await startSandbox(quick);
    const told = await probe(['--model', 'llama3.2:1b']);
    expect(told.stderr).toContain('may unload others');
    expect(told).toMatchObject({ code: 0, status: 'healthy', model_available: true, model_loaded: true });
    expect(told.probe?.model).toBe('llama3.2:1b');
    expect(told.probe?.tokens).toBeGreaterThan(3);
    expect(named(told, 'probe')).toMatchObject({ status: 'pass' });
    expect(named(told, 'model')?.detail).toContain('not loaded');
  });

  it('takes the smallest model where none is named, and none where there is none', async () => {
    server = await startSandbox({ ...quick, installed: ['llama3.2:1b', 'gemma3:1b'] });
    const told = await probe();
    expect(['llama3.2:1b', 'gemma3:1b']).toContain(told.probe?.model);
    await server.close();
    server = await startSandbox({ ...quick, installed: [] });
    const none = await probe();
    expect(named(none, 'probe')).toMatchObject({ status: 'skip' });
    expect(none.code).toBe(0);
  });

  it.each([
    ['takes the next one where the smallest makes no text', ['embed', 'talk'], 'pass', 'talk'],
    ['says so where none makes any', ['embed'], 'skip', undefined],
  ])('%s, and the list does not tell', async (_, names, status, probed) => {
    const talk = JSON.stringify({ model: 'talk:1', created_at: 'x', response: 'one', done: true });
    server = await serve(({ url, body }) => {
      if (url === '/api/generate' && body.includes('embed')) {
        return { status: 400, body: ['{"error":"\\"embed:1\\" does not support generate"}'] };
      }
      if (url === '/api/generate') return { body: [`${talk}\n`] };
      const models = names.map((name, at) => ({ name: `${name}:1`, model: `${name}:1`, size: at + 1 }));
      return {
        headers: { 'content-type': 'application/json' },
        body: [JSON.stringify(url === '/api/tags' ? { models } : { version: '0.24.0', models: [] })],
      };
    });
    const told = await probe();
    expect(told.code).toBe(0);
    expect(told.checks.filter(({ name }) => name === 'probe')).toMatchObject([{ status }]);
    expect(told.probe?.model).toBe(probed && `${probed}:1`);
  });

  it('tells a model that finds no memory, with its remedies', async () => {
    server = await startSandbox({ ...quick, faults: [parseFault('oom')] });
    const told = await probe(['--model', 'llama3.2:1b']);
    expect(told).toMatchObject({ code: 5, status: 'degraded' });
    const check = named(told, 'probe');
    expect(check?.status).toBe('fail');
    expect(check?.detail).toContain('does not fit the memory');
    expect(check?.hint).toContain('--num-ctx');
    expect(check?.hint).toContain('ollama-cli stop --all');
    expect(JSON.parse(told.stderr.slice(told.stderr.indexOf('{')))).toMatchObject({
      error: { model: 'llama3.2:1b' },
    });
  });

  it('probes no model that is absent', async () => {
    server = await startSandbox(quick);
    const told = await probe(['--model', 'absent']);
    expect(told).toMatchObject({ code: 3, model_available: false });
    expect(told.probe).toBeUndefined();
  });

  const line = (more: object): string => `${JSON.stringify({ model: 'big:1', created_at: 'x', ...more })}\n`;
  const pieces = Array.from({ length: 20 }, (_, at) => line({ response: `t${at} `, done: false }));
  const done = (seconds: number): string =>
    line({
      ...{ response: '', done: true, done_reason: 'stop', prompt_eval_count: 5, prompt_eval_duration: 1e6 },
      ...{ eval_count: 20, eval_duration: seconds * 1e9, load_duration: 1e6, total_duration: seconds * 1e9 },
    });
  const pretend = (vram: number, body: (string | { wait: number })[]): Promise<FaultServer> =>
    serve(({ url }) => {
      if (url === '/api/generate') return { body };
      const model = { name: 'big:1', model: 'big:1', digest: 'a', size: 10e9 };
      const answers: Record<string, object> = {
        '/api/version': { version: '0.24.0' },
        '/api/tags': { models: [model] },
        '/api/ps': { models: [{ ...model, size_vram: vram, expires_at: '2026-11-21T10:00:00Z' }] },
      };
      return { headers: { 'content-type': 'application/json' }, body: [JSON.stringify(answers[url] ?? {})] };
    });

  it('doubts a claim of a GPU where the answer comes at the speed of a processor', async () => {
    server = await pretend(10e9, [...pieces, done(10)]);
    const told = await probe();
    expect(named(told, 'gpu')).toMatchObject({ status: 'warn' });
    expect(named(told, 'gpu')?.detail).toContain('claims 100% GPU for big:1');
    expect(named(told, 'gpu')?.detail).toContain('2 tokens a second');
    expect(told).toMatchObject({ code: 0, status: 'healthy', system: { vram_used_bytes: 10e9 } });
  });

  it('believes it where it is quick, and says nothing of one that claims none', async () => {
    server = await pretend(10e9, [...pieces, done(0.5)]);
    expect(named(await probe(), 'gpu')).toBeUndefined();
    await server.close();
    server = await pretend(0, [...pieces, done(10)]);
    expect(named(await probe(), 'gpu')).toBeUndefined();
  });

  it('finds a proxy that keeps a stream back until its end', async () => {
    server = await pretend(10e9, [{ wait: 700 }, [...pieces, done(0.7)].join('')]);
    const told = await probe();
    expect(named(told, 'stream')).toMatchObject({ status: 'warn' });
    expect(named(told, 'stream')?.hint).toContain('proxy_buffering off');
    await server.close();
    server = await pretend(10e9, [...pieces.flatMap((piece) => [piece, { wait: 30 }]), done(0.6)]);
    expect(named(await probe(), 'stream')).toBeUndefined();
  });
});

const probed: Probe = {
  ...{ model: 'm', tokens: 20, tokensPerSecond: 10, firstTokenMs: 2000, spanMs: 5 },
  ...{ chunks: 20, loadMs: 0, answerMs: 2000 },
};
test.each([
  ['all at once after a long wait', {}, true],
  ['piece by piece', { spanMs: 1800, firstTokenMs: 200 }, false],
  ['a wait that was for loading', { loadMs: 1900 }, false],
  ['too few pieces to tell', { chunks: 3 }, false],
  ['an answer that was quick to make', { answerMs: 100, firstTokenMs: 120 }, false],
  ['all at once, of a server that tells no times', { answerMs: undefined }, true],
])('a stream that comes %s is buffered: %3$s', (_what, more, buffered) => {
  expect(isBuffered({ ...probed, ...more })).toBe(buffered);
});

test('the speed that is expected follows from the size, and small models are never blamed', () => {
  expect(processorSpeed(5e9)).toBe(10);
  expect(processorSpeed(50e9)).toBe(1);
  expect(processorSpeed(1e6)).toBe(30);
  expect(processorSpeed(0)).toBe(30);
});

test('little room is a warning', () => {
  expect(judgeRoom(4e9, '/m')).toMatchObject({ name: 'disk', status: 'warn' });
  expect(judgeRoom(4e9, '/m').hint).toContain('prune');
  expect(judgeRoom(6e9, '/m')).toEqual({ name: 'disk', status: 'pass', detail: '6.0 GB free in /m' });
});

test('the disk of a server on this machine is looked at, where its models folder is proved to be that', async () => {
  const library = await openLibrary();
  const told = JSON.parse((await library.run(['health', '--json'])).stdout) as Document;
  expect(named(told, 'disk')?.detail).toContain(' free in ');
  const other = await library.run(['health', '--json'], { env: { OLLAMA_MODELS: undefined } });
  expect(named(JSON.parse(other.stdout) as Document, 'disk')).toBeUndefined();
  await library.close();
});

test('the system is told to people and to scripts', async () => {
  server = await startSandbox(quick);
  const { stdout } = await run(['health'], server.url, TERMINAL);
  expect(stdout).toMatch(/ system +ollama-cli \d.*, server 0\.24\.0-sandbox, on linux/);
  const document = JSON.parse((await run(['health', '--json'], server.url)).stdout) as Document;
  expect(document.system).toMatchObject({ server_version: '0.24.0-sandbox', platform: 'linux' });
});
