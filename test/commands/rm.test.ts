import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { openLibrary } from '../models/library.js';
import { ESCAPES, run, schemaErrors, TERMINAL } from '../support/run.js';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: ['qwen3:8b', 'qwen3:0.6b', 'gemma3:1b'] });
});
afterEach(async () => await sandbox.close());

async function installed(): Promise<string> {
  return (await run(['list', '-q', '--sort', 'name'], sandbox.url)).stdout.trim().replaceAll('\n', ' ');
}

function deletions(): number {
  return sandbox.requests.filter(({ method }) => method === 'DELETE').length;
}

describe('rm', () => {
  it('removes with --yes or --force, and tells what and how large', async () => {
    const ran = await run(['rm', 'gemma3:1b', '--yes'], sandbox.url);
    expect(ran).toMatchObject({ code: 0, stdout: 'removed gemma3:1b, 8.2 MB\n', stderr: '' });
    expect((await run(['rm', '-f', 'qwen3:8b'], sandbox.url)).code).toBe(0);
    expect(await installed()).toBe('qwen3:0.6b');
  });

  it('removes nothing without a terminal and without a yes, and says which flag to give', async () => {
    const ran = await run(['rm', 'gemma3:1b'], sandbox.url, { stdin: 'y\n' });
    expect(ran.code).toBe(7);
    expect(ran.stderr).toContain('--yes');
    const json = await run(['rm', 'gemma3:1b', '--json'], sandbox.url, {
      tty: true,
      stdinTty: true,
      stdin: 'y\n',
    });
    expect(json.code).toBe(7);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'declined' } });
    const noInput = await run(['rm', 'gemma3:1b', '--no-input'], sandbox.url, {
      tty: true,
      stdinTty: true,
      stdin: 'y\n',
    });
    expect(noInput.code).toBe(7);
    expect(deletions()).toBe(0);
  });

  it.each([
    ['y\n', 0],
    ['YES\n', 0],
    ['n\n', 7],
    ['\n', 7],
    ['yellow\n', 7],
  ])('asks in a terminal and takes %j', async (answer, code) => {
    const ran = await run(['rm', 'gemma3:1b'], sandbox.url, { ...TERMINAL, stdinTty: true, stdin: answer });
    expect(ran.stderr).toContain('gemma3:1b  8.2 MB');
    expect(ran.stderr).toContain('[y/N]');
    expect(ran.code).toBe(code);
    expect(deletions()).toBe(code === 0 ? 1 : 0);
  });

  it('takes globs over several names, and shows them first with --dry-run', async () => {
    const dry = await run(['rm', 'qwen*', '--dry-run', '--json'], sandbox.url);
    expect(dry.code).toBe(0);
    const plan = JSON.parse(dry.stdout) as { removed: { name: string }[] };
    expect(schemaErrors('rm', plan)).toBe('');
    expect(plan).toMatchObject({ dry_run: true, missing: [], failed: [] });
    expect(plan.removed.map(({ name }) => name).sort()).toEqual(['qwen3:0.6b', 'qwen3:8b']);
    expect(deletions()).toBe(0);
    const ran = await run(['rm', 'qwen*', '--yes', '--json'], sandbox.url);
    expect(schemaErrors('rm', JSON.parse(ran.stdout))).toBe('');
    expect(await installed()).toBe('gemma3:1b');
  });

  it('exits 3 for one that is not there, 8 where some were, 0 with --ignore-missing', async () => {
    const none = await run(['rm', 'absent', '--yes'], sandbox.url);
    expect(none.code).toBe(3);
    expect(none.stderr).toContain('ollama-cli list');
    expect(none.stderr).not.toContain('pull');
    const some = await run(['rm', 'absent', 'gemma3:1b', '--yes', '--json'], sandbox.url);
    expect(some.code).toBe(8);
    expect(JSON.parse(some.stdout)).toMatchObject({ removed: [{ name: 'gemma3:1b' }], missing: ['absent'] });
    expect(JSON.parse(some.stderr)).toMatchObject({ error: { code: 'partial' } });
    expect((await run(['rm', 'absent', '--yes', '--ignore-missing'], sandbox.url)).code).toBe(0);
    expect((await run(['rm', 'none*', '--yes'], sandbox.url)).code).toBe(3);
  });

  it('says of a glob that nothing matches it, and not to pull it', async () => {
    const ran = await run(['rm', 'none*', '--yes'], sandbox.url);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain('No installed model matches "none*"');
    expect(ran.stderr).not.toContain('pull');
  });

  it('tells what is gone when it is stopped between two', async () => {
    const models = ['a:1', 'b:1'].map((name) => ({ name, size: 5 }));
    const server = await serve((request) => {
      if (request.method === 'GET')
        return { headers: { 'content-type': 'application/json' }, body: [JSON.stringify({ models })] };
      if (request.body.includes('a:1')) return { headers: {}, body: [] };
      test.abort();
      return { headers: {}, then: 'stall' as const };
    });
    const test = testIo({ env: { OLLAMA_HOST: server.url } });
    expect(await main(['rm', 'a:1', 'b:1', '--yes', '--json'], test.io)).toBe(130);
    expect(JSON.parse(test.stdout())).toMatchObject({ removed: [{ name: 'a:1' }] });
    expect(JSON.parse(test.stderr())).toMatchObject({ error: { code: 'interrupted' } });
    await server.close();
  });

  it('refuses a name outside the grammar before anything is asked', async () => {
    const ran = await run(['rm', 'a@b', '--yes'], sandbox.url);
    expect(ran.code).toBe(2);
    expect(sandbox.requests).toEqual([]);
  });

  it('tells a failure of the server with what was removed before', async () => {
    const models = ['a:1', 'b:1'].map((name) => ({ name, size: 5 }));
    const server = await serve((request) => {
      if (request.method === 'GET')
        return { headers: { 'content-type': 'application/json' }, body: [JSON.stringify({ models })] };
      return request.body.includes('a:1')
        ? {
            status: 500,
            headers: { 'content-type': 'application/json' },
            body: ['{"error":"disk \\u001b[31mon fire"}'],
          }
        : { headers: {}, body: [] };
    });
    try {
      const ran = await run(['rm', 'a:1', 'b:1', '--yes', '--json'], server.url);
      expect(ran.code).toBe(8);
      expect(JSON.parse(ran.stdout)).toMatchObject({
        removed: [{ name: 'b:1' }],
        failed: [{ name: 'a:1', error: { code: 'server_error', status: 500 } }],
      });
      expect((await run(['rm', 'a:1', '--yes'], server.url)).stderr).not.toMatch(ESCAPES);
      const words = await run(['rm', 'a:1', 'b:1', 'c:1', '--yes'], server.url);
      expect(words.stderr).toMatch(/1 of 3 could not be removed: a:1 \(disk .*on fire\)/);
      expect(words.stderr).not.toMatch(ESCAPES);
    } finally {
      await server.close();
    }
  });
});

describe('rm of models that share layers', () => {
  it.each([
    ['the folder', false],
    ['what the server tells', true],
  ])('tells what it really frees, by %s', async (_, away) => {
    const library = await openLibrary();
    const more = away ? { env: { OLLAMA_MODELS: undefined } } : {};
    await library.lab.events('/api/create', { model: 'mine', from: 'gemma3:1b', system: 'Be brief.' });
    const weights = library.blobsOf('gemma3:1b')[0]?.size ?? 0;
    const dry = await library.run(['rm', 'gemma*', '--dry-run'], more);
    expect(dry.stdout).toMatch(
      /^ {2}gemma3:1b {2}816 kB\n[\d.]+ k?B would be freed: 8\d\d kB are shared with mine:latest\.\n$/,
    );
    const ran = await library.run(['rm', 'gemma*', '--yes', '--json'], more);
    expect(schemaErrors('rm', JSON.parse(ran.stdout))).toBe('');
    const { freed_bytes: freed } = JSON.parse(ran.stdout) as { freed_bytes: number };
    expect(freed).toBeLessThan(weights / 2);
    // The last that has it takes it along.
    const last = await library.run(['rm', 'mine', '--yes', '--json'], more);
    expect((JSON.parse(last.stdout) as { freed_bytes: number }).freed_bytes).toBeGreaterThanOrEqual(weights);
    await library.close();
  });

  it('tells of names of one model that all go how much that is once', async () => {
    const library = await openLibrary();
    await library.lab.send('POST', '/api/copy', { source: 'gemma3:1b', destination: 'gemma-twin' });
    const dry = await library.run(['rm', 'gemma*', '--dry-run']);
    expect(dry.stdout).toMatch(/\n816 kB would be freed: they share layers\.\n$/);
    expect((await library.run(['rm', 'qwen*', '--dry-run'])).stdout).toMatch(/\n523 kB would be freed\.\n$/);
    await library.close();
  });

  it('says so in the question and after it', async () => {
    const library = await openLibrary();
    await library.lab.send('POST', '/api/copy', { source: 'gemma3:1b', destination: 'twin' });
    const asked = { ...TERMINAL, stdinTty: true, stdin: 'y\n' };
    const ran = await library.run(['rm', 'twin'], asked);
    expect(ran.stderr).toMatch(/which frees 0 B \(816 kB are shared with\sgemma3:1b\)\? \[y\/N\]/);
    expect(ran.stdout).toBe('removed twin:latest\n0 B freed: 816 kB are shared with gemma3:1b.\n');
    await library.close();
  });

  it('does not tell what it does not know', async () => {
    const details = { family: 'x', parameter_size: '1B', quantization_level: 'Q4_0' };
    const models = ['a:1', 'b:1'].map((name, index) => {
      return { name, size: 5, digest: String(index).repeat(64), details };
    });
    const server = await serve((request) => {
      const headers = { 'content-type': 'application/json' };
      if (request.url === '/api/tags') return { headers, body: [JSON.stringify({ models })] };
      if (request.method === 'DELETE') return { headers, body: [] };
      return { status: 404, headers, body: ['{"error":"not found"}'] };
    });
    const ran = await run(['rm', 'a:1', '--yes', '--json'], server.url);
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).not.toHaveProperty('freed_bytes');
    await server.close();
  });
});

describe('rm of a loaded model', () => {
  it('takes it out of memory first', async () => {
    await fetch(`${sandbox.url}/api/generate`, {
      method: 'POST',
      body: JSON.stringify({ model: 'gemma3:1b', stream: false }),
    });
    await run(['rm', 'gemma3:1b', 'qwen3:8b', '--yes'], sandbox.url);
    const asked = sandbox.requests.filter(
      ({ path, method }) => method === 'DELETE' || path === '/api/generate',
    );
    expect(asked.map(({ method, body }) => `${method} ${(body as { model: string }).model}`)).toEqual([
      'POST gemma3:1b',
      'POST gemma3:1b',
      'DELETE gemma3:1b',
      'DELETE qwen3:8b',
    ]);
    expect(asked[1]?.body).toMatchObject({ keep_alive: 0 });
  });
});
