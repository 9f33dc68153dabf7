import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort } from '../support/fault-server.js';
import { lines, run, schemaErrors, TERMINAL } from '../support/run.js';

let sandbox: Sandbox;
let clock: number;
beforeEach(async () => {
  clock = Date.UTC(2026, 0, 1);
  sandbox = await startSandbox({ installed: ['qwen3:8b', 'gemma3:1b'], now: () => clock });
});
afterEach(async () => await sandbox.close());

function makeNewer(): void {
  clock += 3_600_000;
  sandbox.setFaults([parseFault('newer')]);
}

async function copy(source: string, destination: string): Promise<void> {
  await fetch(`${sandbox.url}/api/copy`, { method: 'POST', body: JSON.stringify({ source, destination }) });
}

function pulled(): unknown[] {
  return sandbox.requests
    .filter(({ path }) => path === '/api/pull')
    .map(({ body }) => (body as { model: string }).model)
    .sort();
}

async function stale(): Promise<string[]> {
  return (await run(['outdated', '-q'], sandbox.url)).stdout.split('\n').filter(Boolean).sort();
}

function streamed(stdout: string): Record<string, unknown>[] {
  const events = lines(stdout);
  for (const event of events) expect(schemaErrors('pull-event', event)).toBe('');
  return events;
}

describe('update', () => {
  it('pulls with --all what is outdated, and nothing else', async () => {
    await copy('gemma3:1b', 'mine:latest');
    makeNewer();
    expect(await stale()).toEqual(['gemma3:1b', 'qwen3:8b']);
    const ran = await run(['update', '--all'], sandbox.url);
    expect(ran).toMatchObject({ code: 0, stdout: '' });
    expect(ran.stderr).toContain('2 outdated: ');
    expect(pulled()).toEqual(['gemma3:1b', 'qwen3:8b']);
    expect(await stale()).toEqual([]);
  });

  it('pulls of named models and globs those that are outdated', async () => {
    makeNewer();
    expect((await run(['update', 'qwen*'], sandbox.url)).code).toBe(0);
    expect(pulled()).toEqual(['qwen3:8b']);
    // What is current now is not pulled again.
    expect(await run(['update', 'qwen3:8b', 'gemma3:1b', '--quiet'], sandbox.url)).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(pulled()).toEqual(['gemma3:1b', 'qwen3:8b']);
  });

  it('streams the events of a pull', async () => {
    makeNewer();
    const ran = await run(['update', '--all', '--json'], sandbox.url);
    const events = streamed(ran.stdout);
    expect(ran.code).toBe(0);
    expect(events[0]).toMatchObject({ type: 'start', schema_version: 1 });
    expect(events.filter(({ type }) => type === 'start')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'model_result')).toHaveLength(2);
    const last = events.at(-1);
    expect(last).toMatchObject({ type: 'result', failed: [] });
    expect((last?.['succeeded'] as string[]).sort()).toEqual(['gemma3:1b', 'qwen3:8b']);
    expect(events.filter(({ type }) => type === 'result')).toHaveLength(1);
  });

  it('tells a model by the name that it was asked for by', async () => {
    await fetch(`${sandbox.url}/api/pull`, { method: 'POST', body: '{"model":"nomic-embed-text"}' }).then(
      async (answer) => await answer.text(),
    );
    makeNewer();
    const ran = await run(['update', 'nomic-embed-text', 'QWEN3:8b', '--json'], sandbox.url);
    expect(streamed(ran.stdout).at(-1)).toMatchObject({
      type: 'result',
      succeeded: ['nomic-embed-text', 'qwen3:8b'],
    });
  });

  it('says that nothing is outdated, and exits 0', async () => {
    const plain = await run(['update', '--all'], sandbox.url);
    expect(plain).toMatchObject({ code: 0, stdout: '', stderr: 'Nothing is outdated.\n' });
    const drawn = await run(['update', '--all'], sandbox.url, TERMINAL);
    expect(drawn.stderr).toContain('Nothing is outdated.');
    const json = await run(['update', '--all', '--json'], sandbox.url);
    expect(streamed(json.stdout)).toEqual([
      expect.objectContaining({ type: 'start', models: [] }),
      { type: 'result', succeeded: [], failed: [] },
    ]);
    expect(pulled()).toEqual([]);
  });

  it('needs names or --all, and not both', async () => {
    for (const argv of [['update'], ['update', 'gemma3:1b', '--all']]) {
      const ran = await run(argv, sandbox.url);
      expect(ran.code).toBe(2);
      expect(ran.stderr).toContain('--all');
      const json = await run([...argv, '--json'], sandbox.url);
      expect(json.code).toBe(2);
      expect(streamed(json.stdout).map(({ type }) => type)).toEqual(['start', 'error']);
    }
    expect(sandbox.requests).toEqual([]);
  });

  it('says of a named model that was made here that it can’t be updated', async () => {
    await copy('gemma3:1b', 'mine:latest');
    const ran = await run(['update', 'mine'], sandbox.url);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain("mine:latest can't be updated");
    expect(ran.stderr).not.toContain('ollama-cli pull');
  });

  it('updates the others beside one that can’t be, and exits 8', async () => {
    await copy('gemma3:1b', 'mine:latest');
    makeNewer();
    const ran = await run(['update', 'mine', 'absent', 'qwen3:8b', '--json'], sandbox.url);
    expect(ran.code).toBe(8);
    const events = streamed(ran.stdout);
    expect(events[0]).toMatchObject({ models: ['absent', 'mine', 'qwen3:8b'] });
    expect(events.filter(({ type }) => type === 'model_error')).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'partial' },
      succeeded: ['qwen3:8b'],
      failed: [{ model: 'absent' }, { model: 'mine' }],
    });
    const plain = await run(['update', 'mine', 'gemma3:1b'], sandbox.url);
    expect(plain.code).toBe(8);
    expect(plain.stderr).toContain("mine:latest can't be updated");
    expect(pulled()).toEqual(['gemma3:1b', 'qwen3:8b']);
  });

  it('names with --all what could not be compared, and updates the others', async () => {
    clock += 3_600_000;
    sandbox.setFaults([parseFault('newer'), parseFault('412:path=/v2/library/gemma3/manifests/1b')]);
    const json = await run(['update', '--all', '--dry-run', '--json'], sandbox.url);
    expect(json.stderr).toContain('gemma3:1b could not be compared');
    const ran = await run(['update', '--all', '--json'], sandbox.url);
    expect(ran.code).toBe(0);
    const told = streamed(ran.stdout).filter(({ type, model }) => type === 'status' && model === 'gemma3:1b');
    expect(told).toEqual([expect.objectContaining({ status: expect.stringContaining('412') as string })]);
    expect(pulled()).toEqual(['qwen3:8b']);
    const named = await run(['update', 'gemma3:1b'], sandbox.url);
    expect(named.code).toBe(1);
    expect(named.stderr).toContain('412');
  });

  it('says with --dry-run what would be fetched, and changes nothing', async () => {
    const none = await run(['update', '--all', '--dry-run', '--json'], sandbox.url);
    expect(schemaErrors('pull-plan', JSON.parse(none.stdout))).toBe('');
    expect(JSON.parse(none.stdout)).toMatchObject({ dry_run: true, models: [], bytes_to_fetch: 0 });
    makeNewer();
    const ran = await run(['update', '--all', '--dry-run', '--json'], sandbox.url);
    expect(ran.code).toBe(0);
    const plan = JSON.parse(ran.stdout) as { models: { model: string; bytes_to_fetch: number }[] };
    expect(schemaErrors('pull-plan', plan)).toBe('');
    expect(plan.models.map(({ model }) => model).sort()).toEqual(['gemma3:1b', 'qwen3:8b']);
    for (const { bytes_to_fetch: bytes } of plan.models) expect(bytes).toBeGreaterThan(1e6);
    expect((await run(['update', '--all', '-n'], sandbox.url, TERMINAL)).stdout).toContain('to fetch');
    expect(pulled()).toEqual([]);
    expect(await stale()).toHaveLength(2);
  });

  it('tells a pull that fails as pull does', async () => {
    makeNewer();
    sandbox.setFaults([parseFault('newer'), parseFault('no-space')]);
    const ran = await run(['update', 'gemma3:1b', '--json'], sandbox.url);
    expect(ran.code).toBe(7);
    expect(streamed(ran.stdout).at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'no_space' },
      succeeded: [],
      failed: [{ model: 'gemma3:1b' }],
    });
  });

  it('exits 6 where no registry can be reached, and pulls nothing', async () => {
    const env = {
      OLLAMA_CLI_REGISTRY: `http://127.0.0.1:${String(await closedPort())}`,
      OLLAMA_CLI_RETRY__ATTEMPTS: '1',
    };
    const ran = await run(['update', '--all', '--json'], sandbox.url, { env });
    expect(ran.code).toBe(6);
    expect(streamed(ran.stdout).map(({ type }) => type)).toEqual(['start', 'error']);
    expect(pulled()).toEqual([]);
  });

  it.each([
    [['--jobs', '0'], '--jobs'],
    [['--retries', 'many'], '--retries'],
    [['--stall', 'soon'], '--stall'],
  ])('refuses %j before anything is asked', async (flags, word) => {
    const ran = await run(['update', '--all', ...flags], sandbox.url);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(word);
    expect(sandbox.requests).toEqual([]);
  });
});
