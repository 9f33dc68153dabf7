import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { testIo } from '../support/io.js';
import { ESCAPES, lines, run, schemaErrors, TERMINAL } from '../support/run.js';

const QUICK = { OLLAMA_CLI_RETRY__DELAY: '1ms' };

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: [], scale: 0.001 });
});
afterEach(async () => await sandbox.close());

type Event = Record<string, unknown>;

async function pullJson(argv: string[], stdin?: string): Promise<{ code: number; events: Event[] }> {
  const { code, stdout } = await run(['pull', '--json', ...argv], sandbox.url, {
    env: QUICK,
    ...(stdin === undefined ? {} : { stdin }),
  });
  const events = lines(stdout);
  for (const event of events) expect(schemaErrors('pull-event', event)).toBe('');
  return { code, events };
}

const ofType = (events: Event[], type: string): Event[] => events.filter((event) => event['type'] === type);

async function installed(): Promise<string[]> {
  const { stdout } = await run(['list', '-q'], sandbox.url);
  return stdout
    .split('\n')
    .filter((name) => name !== '')
    .sort();
}

describe('pull of several models', () => {
  it('waits for a server that is away when the turn of the next one comes', async () => {
    const pulls: (() => void)[] = [];
    const answer: RequestListener = (request, response) => {
      if (request.url !== '/api/pull') return void response.writeHead(404).end('{}');
      response.end('{"status":"pulling manifest"}\n{"status":"success"}\n', pulls.shift());
    };
    const first = createServer(answer).listen(0, '127.0.0.1');
    await once(first, 'listening');
    const { port } = first.address() as AddressInfo;
    const second = createServer(answer);
    pulls.push(() => {
      first.close();
      first.closeAllConnections();
      setTimeout(() => second.listen(port, '127.0.0.1'), 200);
    });
    const { code, stdout } = await run(
      ['pull', '--json', '--yes', '-j', '1', 'a', 'b'],
      `http://127.0.0.1:${port}`,
      {
        env: { OLLAMA_CLI_RETRY__DELAY: '40ms', OLLAMA_CLI_REGISTRY: 'http://127.0.0.1:9' },
      },
    );
    second.close();
    second.closeAllConnections();
    const events = lines(stdout);
    expect([code, ofType(events, 'retry').map(({ model }) => model)[0]]).toEqual([0, 'b']);
    expect(events.at(-1)).toMatchObject({ type: 'result', succeeded: ['a', 'b'] });
  });

  it('runs two side by side, each event with its model, and one result at the end', async () => {
    sandbox.setFaults([parseFault('linger=100ms')]);
    const names = ['smollm2:135m', 'qwen3:0.6b', 'tinyllama:1.1b'];
    const { code, events } = await pullJson(names);
    expect(code).toBe(0);
    expect(events.at(-1)).toEqual({ type: 'result', succeeded: names, failed: [] });
    expect(ofType(events, 'model_result').map(({ model }) => model)).toHaveLength(3);
    const about = (name: string, type: string): number =>
      events.findIndex((event) => event['model'] === name && event['type'] === type);
    // The second began before the first had ended, the third only after one of both.
    expect(about('qwen3:0.6b', 'status')).toBeLessThan(about('smollm2:135m', 'model_result'));
    const firstEnd = events.findIndex(({ type }) => type === 'model_result');
    expect(about('tinyllama:1.1b', 'status')).toBeGreaterThan(firstEnd);
    expect(await installed()).toEqual([...names].sort());
  });

  it('runs one after another with -j 1', async () => {
    const { events } = await pullJson(['smollm2:135m', 'qwen3:0.6b', '-j', '1']);
    const second = events.findIndex(({ model, type }) => model === 'qwen3:0.6b' && type === 'status');
    const firstEnd = events.findIndex(({ type }) => type === 'model_result');
    expect(second).toBeGreaterThan(firstEnd);
  });

  it('knows the total of all from the manifests, also of those that wait', async () => {
    sandbox.setFaults([parseFault('linger=150ms')]);
    const { events } = await pullJson(['smollm2:135m', 'qwen3:0.6b', 'tinyllama:1.1b', '-j', '1']);
    const manifests = ofType(events, 'manifest') as unknown as {
      layers: { digest: string; size: number }[];
    }[];
    expect(manifests).toHaveLength(3);
    // Licences and parameters are shared: each digest counts once.
    const sizes = new Map(
      manifests.flatMap(({ layers }) => layers).map(({ digest, size }) => [digest, size]),
    );
    const all = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    type Overall = { total: number; total_known: boolean; completed: number };
    const overall = ofType(events, 'progress').map((event) => event['overall'] as Overall);
    expect(overall.some(({ total, completed }) => total === all && completed < all / 2)).toBe(true);
    expect(overall.at(-1)).toMatchObject({ total: all, total_known: true, completed: all });
    const completed = overall.map((one) => one.completed);
    expect(completed).toEqual([...completed].sort((a, b) => a - b));
  });

  it('counts a layer that two models share once', async () => {
    sandbox.setFaults([parseFault('slow=200kB')]);
    const { events } = await pullJson(['all-minilm:22m', 'all-minilm']);
    const results = ofType(events, 'model_result') as unknown as Record<string, number>[];
    const sum = (field: string): number => results.reduce((all, one) => all + (one[field] ?? 0), 0);
    const { stdout } = await run(['list', '--json'], sandbox.url);
    const size = (JSON.parse(stdout) as { models: { size: number }[] }).models[0]?.size;
    expect([sum('bytes_downloaded'), sum('bytes_reused')]).toEqual([size, size]);
    const totals = ofType(events, 'progress').map((event) => (event['overall'] as { total: number }).total);
    expect(Math.max(...totals)).toBe(size);
  });

  it('pulls two names of one model once, and reports both', async () => {
    const { code, events } = await pullJson(['smollm2:135m', 'library/smollm2:135m', 'smollm2:135m']);
    expect(code).toBe(0);
    expect(events[0]).toMatchObject({ models: ['smollm2:135m', 'library/smollm2:135m'] });
    expect(events.at(-1)).toMatchObject({ succeeded: ['smollm2:135m', 'library/smollm2:135m'] });
    const results = ofType(events, 'model_result');
    expect(results.map(({ model }) => model)).toEqual(['smollm2:135m', 'library/smollm2:135m']);
    expect(results[1]).toMatchObject({ bytes_downloaded: 0, bytes_reused: results[0]?.['bytes_downloaded'] });
    expect(sandbox.requests.filter(({ path: asked }) => asked === '/api/pull')).toHaveLength(1);
    const failed = await pullJson(['absent', 'absent:latest']);
    expect(failed.code).toBe(3);
    expect(failed.events.at(-1)).toMatchObject({ failed: [{ model: 'absent' }, { model: 'absent:latest' }] });
  });

  it('lets those that run finish when one fails, and begins no other', async () => {
    sandbox.setFaults([parseFault('linger=200ms')]);
    const { code, events } = await pullJson(['absent', 'smollm2:135m', 'all-minilm']);
    expect(code).toBe(8);
    expect(events.at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'partial' },
      succeeded: ['smollm2:135m'],
      failed: [{ model: 'absent', error: { code: 'model_not_found' } }],
      skipped: ['all-minilm'],
    });
    expect(await installed()).toEqual(['smollm2:135m']);
  });

  it('goes on with --keep-going, and ends a pipe with what became of each', async () => {
    const ran = await run(['pull', 'absent', 'smollm2:135m', 'all-minilm', '--keep-going'], sandbox.url);
    expect(ran.code).toBe(8);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).toMatch(/There is no model "absent" in the registry/);
    expect(ran.stderr).toMatch(/2 of 3 done, 1 failed/);
    expect(ran.stderr).not.toMatch(ESCAPES);
  });

  it('tells each failure once with its remedy, and what a first failure made it skip', async () => {
    sandbox.setFaults([parseFault('linger=200ms')]);
    const argv = ['pull', 'absent', 'smollm2:135m', 'all-minilm'];
    const { code, stderr } = await run(argv, sandbox.url);
    expect(code).toBe(8);
    expect(stderr).toContain(
      'failed: absent: There is no model "absent" in the registry.\n' +
        '  look it up        https://ollama.com/library  (which names and tags there are)\n',
    );
    expect(stderr.split('There is no model')).toHaveLength(2);
    expect(stderr.split('look it up')).toHaveLength(2);
    expect(stderr).not.toContain('file does not exist');
    expect(stderr).toMatch(
      /\n1 of 3 done, 1 failed, 1 skipped; \S+ kB fetched\n✗ 1 of 3 models could not be pulled: absent; skipped: all-minilm \(--keep-going goes on\)\.\n$/,
    );
    const live = (await run(['pull', 'absent', 'tinyllama', 'qwen3:0.6b'], sandbox.url, TERMINAL)).stderr;
    expect(live).toContain('1 failed, 1 skipped');
    expect(live).toContain('1 skipped: qwen3:0.6b');
    expect(live.lastIndexOf('1 skipped: qwen3:0.6b')).toBeGreaterThan(live.lastIndexOf('more waiting'));
    const quiet = await run(['pull', 'absent', 'absent:2', '--keep-going', '-q'], sandbox.url);
    expect(quiet.stderr.split('\n').filter((line) => line.includes('look it up'))).toHaveLength(1);
    expect(quiet.stderr).toContain('✗ absent:2: There is no model');
  });

  it('gives no remedy with the sum that is of none of them', async () => {
    sandbox.setFaults([parseFault('401')]);
    const { code, stderr } = await run(['pull', 'absent', 'smollm2:135m', '--keep-going'], sandbox.url);
    expect(code).toBe(4);
    expect(stderr.split('with a password')).toHaveLength(2);
    expect(stderr).toMatch(/\n✗ 2 of 2 models could not be pulled: absent, smollm2:135m\.\n$/);
    const one = await run(['pull', 'absent', 'absent:latest'], sandbox.url);
    expect(one.stderr).toContain('refused this (401)');
    expect(one.stderr).not.toContain('could not be pulled');
  });

  it('ends a terminal with a table and a shown cursor', async () => {
    const ran = await run(['pull', 'smollm2:135m', 'all-minilm'], sandbox.url, TERMINAL);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(/MODEL +OUTCOME/);
    expect(ran.stderr).toContain('2 of 2 done');
    expect(ran.stderr.lastIndexOf('\x1b[?25h')).toBeGreaterThan(ran.stderr.lastIndexOf('\x1b[?25l'));
    const quiet = await run(['pull', 'qwen3:0.6b', 'all-minilm', '-q'], sandbox.url, TERMINAL);
    expect(quiet).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('takes names from a file and from stdin, each once, and says where one is wrong', async () => {
    const cwd = await mkdtemp(path.join(tmpdir(), 'from-'));
    const file = path.join(cwd, 'models.txt');
    await writeFile(file, '# small ones\nsmollm2:135m\n\nall-minilm # for search\nsmollm2:135m\n');
    const { code, events } = await pullJson(['all-minilm', '--from', file, '--from', '-'], 'qwen3:0.6b\n');
    expect(code).toBe(0);
    expect(events[0]).toMatchObject({ models: ['all-minilm', 'smollm2:135m', 'qwen3:0.6b'] });
    await writeFile(file, 'smollm2:135m\na@b\n');
    const wrong = await pullJson(['tinyllama', '--from', file]);
    expect(wrong.code).toBe(2);
    expect(wrong.events).toMatchObject([
      { type: 'start', models: ['tinyllama'] },
      { type: 'error', error: { code: 'invalid_name' }, skipped: ['tinyllama'] },
    ]);
    expect((wrong.events[1]?.['error'] as { message: string }).message).toContain(`${file}:2: "a@b"`);
    expect((await run(['pull', '--from', 'absent.txt'], sandbox.url)).stderr).toContain(
      'there is no such file',
    );
    expect((await run(['pull', '--from', 'absent.txt'], sandbox.url)).code).toBe(2);
    expect((await run(['pull'], sandbox.url)).code).toBe(2);
  });

  it('gives the model one more name with --as, and keeps its own', async () => {
    const { code, events } = await pullJson(['smollm2:135m', '--as', 'tiny']);
    expect(code).toBe(0);
    expect(ofType(events, 'model_result')).toMatchObject([{ model: 'smollm2:135m', as: 'tiny' }]);
    expect(await installed()).toEqual(['smollm2:135m', 'tiny:latest']);
    const said = await run(['pull', 'smollm2:135m', '--as', 'small:1'], sandbox.url);
    expect(said.stderr).toContain('smollm2:135m is small:1 too');
    for (const argv of [
      ['smollm2:135m', '--as', 'a@b'],
      ['a', 'b', '--as', 'c'],
    ]) {
      expect((await pullJson(argv)).code).toBe(2);
    }
  });

  it('calls a pull failed whose other name could not be given', async () => {
    sandbox.setFaults([parseFault('500:path=/api/copy')]);
    const { code, events } = await pullJson(['smollm2:135m', '--as', 'tiny']);
    expect(code).toBe(1);
    expect(ofType(events, 'model_result')).toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: 'error', failed: [{ model: 'smollm2:135m' }] });
    const said = await run(['pull', 'smollm2:135m', '--as', 'tiny'], sandbox.url);
    expect(said.code).toBe(1);
    expect(said.stderr).not.toMatch(/done:|is tiny too/);
  });

  it('waits with --at, says until when, and ends with Ctrl-C before anything was sent', async () => {
    const at = new Date(Date.now() + 400).toISOString();
    const { code, events } = await pullJson(['smollm2:135m', '--at', at]);
    expect(code).toBe(0);
    expect(events[1]).toEqual({ type: 'status', model: 'smollm2:135m', status: `waiting until ${at}` });
    const before = sandbox.requests.length;
    for (const argv of [[], ['--json']]) {
      const test = testIo({ env: { OLLAMA_HOST: sandbox.url } });
      const later = new Date(Date.now() + 3_600_000).toISOString();
      const ran = main(['pull', 'qwen3:0.6b', '--at', later, ...argv], test.io);
      await expect.poll(() => test.stderr() + test.stdout()).toContain('waiting until');
      test.abort();
      expect(await ran).toBe(130);
      if (argv.length > 0) expect(lines(test.stdout()).at(-1)).toMatchObject({ type: 'error' });
    }
    expect(sandbox.requests.length).toBe(before);
  });

  it('counts down in one line of a narrow terminal', async () => {
    const test = testIo({ tty: true, columns: 30, env: { OLLAMA_HOST: sandbox.url } });
    const later = new Date(Date.now() + 3_600_000).toISOString();
    const ran = main(['pull', 'qwen3:0.6b', '--at', later], test.io);
    await expect.poll(() => test.stderr()).toMatch(/waiting until .*…/);
    test.abort();
    expect(await ran).toBe(130);
    const shown = /\x1b\[2K(waiting until [^\r\n]*)/.exec(test.stderr())?.[1];
    expect(shown).toHaveLength(29);
  });

  it('says after Ctrl-C what of each is kept, and goes on with all that are not done', async () => {
    await sandbox.close();
    sandbox = await startSandbox({ installed: [], rate: 1_500_000 });
    const test = testIo({ env: { OLLAMA_HOST: sandbox.url } });
    const ran = main(['pull', 'llama3.2:1b', 'qwen3:0.6b', 'tinyllama'], test.io);
    await expect.poll(() => test.stderr(), { timeout: 10_000 }).toMatch(/\nllama3\.2:1b: 1\d%/);
    test.abort();
    expect(await ran).toBe(130);
    expect(test.stderr()).toMatch(
      /\nStopped; \S+ [kM]B of llama3\.2:1b and \S+ [kM]B of qwen3:0\.6b are kept/,
    );
    expect(test.stderr()).toContain('Go on with: ollama-cli pull llama3.2:1b qwen3:0.6b tinyllama\n');
  });

  it('asks again after --stall, at most --retries times', async () => {
    sandbox.setFaults([parseFault('stall@50%')]);
    const { code, events } = await pullJson(['smollm2:135m', '--stall', '300ms', '--retries', '1']);
    expect(code).toBe(6);
    expect(ofType(events, 'retry')).toMatchObject([{ kind: 'stall', attempt: 2 }]);
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'stalled' } });
    sandbox.setFaults([parseFault('stall@50%:times=1')]);
    expect((await pullJson(['smollm2:135m', '--stall', '300ms'])).code).toBe(0);
  });
});
