import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve } from '../support/fault-server.js';
import { openHosts, type HostsHome } from '../support/hosts.js';
import { testIo } from '../support/io.js';
import { lines, run, schemaErrors, TERMINAL, type Ran } from '../support/run.js';

let gpu: Sandbox;
let cpu: Sandbox;
let home: HostsHome;
beforeEach(async () => {
  gpu = await startSandbox({ installed: ['qwen3:8b', 'gemma3:1b'] });
  cpu = await startSandbox({ installed: ['gemma3:1b'] });
  home = openHosts({ gpu: gpu.url, cpu: cpu.url, gone: 'http://127.0.0.1:1' });
});
afterEach(async () => {
  home.close();
  await Promise.all([gpu.close(), cpu.close()]);
});

async function on(argv: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<Ran> {
  return await run(argv, undefined, { ...options, env: { ...home.env, ...options.env } });
}

/** What a server has by now, as `gemma3:1b qwen3:8b`. */
async function installed({ url }: Sandbox): Promise<string> {
  return (await run(['list', '-q', '--sort', 'name'], url)).stdout.trim().replaceAll('\n', ' ');
}

function checkEvents(schema: string, events: readonly Record<string, unknown>[]): void {
  for (const event of events) expect(schemaErrors(schema, event)).toBe('');
}

describe('pull --on', () => {
  it('pulls on each host and tells each event with its host, start first and result last', async () => {
    const ran = await on(['pull', 'smollm2:135m', '--on', 'gpu,cpu', '--json']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const events = lines(ran.stdout);
    checkEvents('pull-event', events);
    expect(events[0]).toMatchObject({ type: 'start', hosts: ['gpu', 'cpu'], models: ['smollm2:135m'] });
    for (const event of events.slice(1, -1)) expect(['gpu', 'cpu']).toContain(event['host']);
    const results = events.filter(({ type }) => type === 'model_result');
    expect(results.map(({ host }) => host).sort()).toEqual(['cpu', 'gpu']);
    expect(events.at(-1)).toEqual({
      type: 'result',
      succeeded: ['smollm2:135m'],
      failed: [],
      hosts: [
        { host: 'gpu', ok: true, succeeded: ['smollm2:135m'], failed: [] },
        { host: 'cpu', ok: true, succeeded: ['smollm2:135m'], failed: [] },
      ],
    });
    expect(await installed(gpu)).toContain('smollm2:135m');
    expect(await installed(cpu)).toContain('smollm2:135m');
  });

  it('goes on where another host is gone or lacks the model, and says of each how it ended', async () => {
    const ran = await on(['pull', 'smollm2:135m', 'absent', '--on', 'gone,cpu', '--keep-going', '--json']);
    expect(ran.code).toBe(8);
    const events = lines(ran.stdout);
    checkEvents('pull-event', events);
    expect(events.at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'partial' },
      succeeded: [],
      hosts: [
        { host: 'gone', ok: false, succeeded: [] },
        { host: 'cpu', ok: false, succeeded: ['smollm2:135m'], failed: [{ model: 'absent' }] },
      ],
    });
    expect(await installed(cpu)).toContain('smollm2:135m');
  });

  it('exits with the code that all hosts share, or the only one’s', async () => {
    expect((await on(['pull', 'absent', '--on', 'gpu,cpu'])).code).toBe(3);
    expect((await on(['pull', 'smollm2:135m', '--on', 'gone'])).code).toBe(5);
  });

  it('names host and model in each line of a log, and counts what both fetched', async () => {
    const ran = await on(['pull', 'smollm2:135m', '--on', 'gpu,cpu']);
    expect(ran).toMatchObject({ code: 0, stdout: '' });
    for (const host of ['gpu', 'cpu']) {
      expect(ran.stderr).toContain(`pulling ${host}: smollm2:135m\n`);
      expect(ran.stderr).toMatch(new RegExp(`^done: ${host}: smollm2:135m, 2\\.7 MB in `, 'm'));
    }
    // The same layers on two servers are fetched twice.
    expect(ran.stderr).toContain('2 of 2 done; 5.4 MB fetched');
  });

  it('shows rows of several hosts in one view on a terminal', async () => {
    const ran = await on(['pull', 'smollm2:135m', '--on', 'gpu,cpu,gone', '--color', 'never'], TERMINAL);
    expect(ran.code).toBe(8);
    expect(ran.stderr).toContain('from gpu, cpu, gone');
    expect(ran.stderr).toMatch(/✓ gpu: smollm2:135m/);
    expect(ran.stderr).toMatch(/✓ cpu: smollm2:135m/);
    expect(ran.stderr).toMatch(/✗ gone: /);
    expect(ran.stderr).toContain('1 of 3 hosts failed: gone.');
  });

  it('says in one line why a host could not even begin', async () => {
    const own = openHosts({ gpu: gpu.url }, `  locked: {url: "${cpu.url}", token_env: NOT_SET_HERE}\n`);
    const ran = await on(['pull', 'smollm2:135m', '--on', 'locked,gpu'], { env: own.env });
    expect(ran.code).toBe(8);
    expect(ran.stderr).toMatch(/^failed: locked: .*NOT_SET_HERE/m);
    expect(await installed(gpu)).toContain('smollm2:135m');
    // Also where not one of them begins.
    const none = await on(['pull', 'smollm2:135m', '--on', 'locked,other'], {
      env: {
        ...own.env,
        OLLAMA_CLI_HOSTS__OTHER__URL: gpu.url,
        OLLAMA_CLI_HOSTS__OTHER__TOKEN_ENV: 'NOR_THIS',
      },
    });
    expect(none.code).toBe(2);
    expect(none.stderr).toMatch(/^failed: locked: .*NOT_SET_HERE/m);
    expect(none.stderr).toMatch(/^failed: other: .*NOR_THIS/m);
    own.close();
  });

  it('tells first what each would fetch with --dry-run', async () => {
    const ran = await on(['pull', 'qwen3:8b', '--on', 'gpu,cpu', '--dry-run', '--json']);
    expect(ran.code).toBe(0);
    const plan = JSON.parse(ran.stdout) as { models: Record<string, unknown>[] };
    expect(schemaErrors('pull-plan', plan)).toBe('');
    expect(plan.models).toMatchObject([
      { host: 'gpu', model: 'qwen3:8b', bytes_to_fetch: 0 },
      { host: 'cpu', model: 'qwen3:8b', bytes_present: 0 },
    ]);
    const text = await on(['pull', 'qwen3:8b', '--on', 'gpu,cpu', '--dry-run']);
    expect(text.stdout.split('\n')[0]).toBe('host\tmodel\tbytes_to_fetch\tbytes_present');
    expect(await installed(cpu)).toBe('gemma3:1b');
  });

  it('has its first and its last line also where a host is unknown or a name is none', async () => {
    for (const [argv, code] of [
      [['pull', 'smollm2:135m', '--on', 'nowhere'], 3],
      [['pull', 'a@b', '--on', 'gpu'], 2],
    ] as const) {
      const ran = await on([...argv, '--json']);
      expect(ran.code).toBe(code);
      const events = lines(ran.stdout);
      checkEvents('pull-event', events);
      expect(events.map(({ type }) => type)).toEqual(['start', 'error']);
    }
  });

  it('says after Ctrl-C how to go on with all of them', async () => {
    const test = testIo({ env: home.env });
    const stuck = await serve(({ url }) => {
      if (url === '/api/pull') test.abort();
      return { headers: {}, then: 'stall' as const };
    });
    const address = stuck.url.slice('http://'.length);
    expect(await main(['pull', 'smollm2:135m', '--on', address], test.io)).toBe(130);
    expect(test.stderr()).toContain(`ollama-cli pull --on ${address} smollm2:135m`);
    await stuck.close();
  });

  it('is not asked about by a project that names another host', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'project-'));
    writeFileSync(path.join(folder, '.ollamarc'), 'host: http://elsewhere.example:11434\n');
    const ran = await on(['pull', 'smollm2:135m', '--on', 'cpu', '--no-input'], { cwd: folder });
    expect(ran.code).toBe(0);
    rmSync(folder, { recursive: true });
  });
});

describe('rm --on', () => {
  it('asks one question for all, after it has said what goes where', async () => {
    const ran = await on(['rm', 'gemma3:1b', '--on', 'gpu,cpu'], {
      ...TERMINAL,
      stdinTty: true,
      stdin: 'y\n',
    });
    expect(ran.code).toBe(0);
    expect(ran.stderr.match(/\[y\/N\]/g)).toHaveLength(1);
    expect(ran.stderr).toMatch(/gpu: 8\.2 MB would be freed\.\n {2}gemma3:1b {2}8\.2 MB\ncpu: /);
    expect(ran.stdout.trim().split('\n').sort()).toEqual([
      'cpu: removed gemma3:1b, 8.2 MB',
      'gpu: removed gemma3:1b, 8.2 MB',
    ]);
    expect([await installed(gpu), await installed(cpu)]).toEqual(['qwen3:8b', '']);
  });

  it('removes nothing anywhere after a no, or where nobody can be asked', async () => {
    const no = await on(['rm', 'gemma3:1b', '--on', 'gpu,cpu'], {
      ...TERMINAL,
      stdinTty: true,
      stdin: 'n\n',
    });
    const nobody = await on(['rm', 'gemma3:1b', '--on', 'gpu,cpu']);
    expect([no.code, nobody.code]).toEqual([7, 7]);
    expect([await installed(gpu), await installed(cpu)]).toEqual(['gemma3:1b qwen3:8b', 'gemma3:1b']);
  });

  it('only says it with --dry-run', async () => {
    const ran = await on(['rm', 'gemma*', 'qwen*', '--on', 'gpu,cpu', '--dry-run', '--json']);
    const plan = JSON.parse(ran.stdout) as { removed: Record<string, unknown>[] };
    expect(schemaErrors('rm', plan)).toBe('');
    expect(plan).toMatchObject({ dry_run: true, missing: ['qwen*'] });
    expect(plan.removed.map(({ host, name }) => `${host as string} ${name as string}`).sort()).toEqual([
      'cpu gemma3:1b',
      'gpu gemma3:1b',
      'gpu qwen3:8b',
    ]);
    expect(await installed(cpu)).toBe('gemma3:1b');
  });

  it('counts a host that lacks the model as failed unless told otherwise, and goes on', async () => {
    const ran = await on(['rm', 'qwen3:8b', '--on', 'gpu,cpu,gone', '--yes', '--json']);
    expect(ran.code).toBe(8);
    const document = JSON.parse(ran.stdout) as object;
    expect(schemaErrors('rm', document)).toBe('');
    expect(document).toMatchObject({
      hosts: [
        { host: 'gpu', ok: true },
        { host: 'cpu', ok: false, missing: ['qwen3:8b'] },
        { host: 'gone', ok: false, error: { code: 'unreachable' } },
      ],
      removed: [{ host: 'gpu', name: 'qwen3:8b' }],
    });
    const fine = await on(['rm', 'qwen3:8b', '--on', 'gpu,cpu', '--yes', '--ignore-missing']);
    expect(fine.code).toBe(0);
  });

  it('tells what is gone when it is interrupted', async () => {
    const test = testIo({ env: home.env });
    const models = ['a:1', 'b:1'].map((name) => ({ name, size: 5 }));
    const server = await serve((request) => {
      if (request.method === 'GET')
        return { headers: { 'content-type': 'application/json' }, body: [JSON.stringify({ models })] };
      if (request.body.includes('a:1')) return { headers: {}, body: [] };
      test.abort();
      return { headers: {}, then: 'stall' as const };
    });
    expect(await main(['rm', 'a:1', 'b:1', '--yes', '--json', '--on', server.url], test.io)).toBe(130);
    expect(JSON.parse(test.stdout())).toMatchObject({ removed: [{ host: server.url, name: 'a:1' }] });
    await server.close();
  });
});

describe('sync --on', () => {
  const DECLARED = 'gemma3:1b\nsmollm2:135m\n';

  it('brings each host to what is declared, by its own plan', async () => {
    const ran = await on(['sync', '-', '--on', 'gpu,cpu', '--prune', '--yes', '--json'], { stdin: DECLARED });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const events = lines(ran.stdout);
    checkEvents('sync-event', events);
    expect(events[0]).toMatchObject({ type: 'start', hosts: ['gpu', 'cpu'] });
    const plans = events.filter(({ type }) => type === 'plan');
    expect(plans.find(({ host }) => host === 'gpu')).toMatchObject({ remove: [{ name: 'qwen3:8b' }] });
    expect(plans.find(({ host }) => host === 'cpu')).toMatchObject({ remove: [] });
    expect(events.at(-1)).toMatchObject({
      type: 'result',
      succeeded: ['smollm2:135m'],
      removed: ['qwen3:8b'],
      hosts: [
        { host: 'gpu', ok: true, removed: ['qwen3:8b'] },
        { host: 'cpu', ok: true, removed: [] },
      ],
    });
    const both = [await installed(gpu), await installed(cpu)];
    expect(both).toEqual(['gemma3:1b smollm2:135m', 'gemma3:1b smollm2:135m']);
  });

  it('asks once, and changes nothing after a no', async () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'sync-')), 'models.txt');
    writeFileSync(file, DECLARED);
    const argv = ['sync', file, '--on', 'gpu,cpu', '--prune'];
    const no = await on(argv, { ...TERMINAL, stdinTty: true, stdin: 'n\n' });
    expect(no.code).toBe(7);
    expect(no.stderr).toContain('For gpu to have what');
    expect(no.stderr.replace(/\s+/g, ' ')).toContain('On gpu, cpu: pull 2, remove 1 (52 MB)? [y/N]');
    expect(await installed(gpu)).toBe('gemma3:1b qwen3:8b');
  });

  it('goes on where a host is gone, and copies by each host’s own', async () => {
    const declared = 'models:\n  - gemma3:1b\n  - {name: mine, from: gemma3:1b}\n';
    const ran = await on(['sync', '-', '--on', 'gone,cpu', '--yes', '--json'], { stdin: declared });
    expect(ran.code).toBe(8);
    const events = lines(ran.stdout);
    checkEvents('sync-event', events);
    expect(events).toContainEqual({ type: 'copied', name: 'mine:latest', from: 'gemma3:1b', host: 'cpu' });
    expect(events.at(-1)).toMatchObject({
      type: 'error',
      hosts: [
        { host: 'gone', ok: false },
        { host: 'cpu', ok: true, copied: ['mine:latest'] },
      ],
    });
  });

  it('only plans with --dry-run, and keeps what would be removed where a pull failed', async () => {
    const dry = await on(['sync', '-', '--on', 'gpu,cpu', '--dry-run'], { stdin: DECLARED });
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain('For cpu to have what stdin declares:\n  pull    smollm2:135m');
    const failing = await on(['sync', '-', '--on', 'gpu,cpu', '--prune', '--yes'], { stdin: 'absent\n' });
    expect(failing.code).toBe(3);
    expect([await installed(gpu), await installed(cpu)]).toEqual(['gemma3:1b qwen3:8b', 'gemma3:1b']);
  });
});
