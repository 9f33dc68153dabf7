import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { main } from '../../src/main.js';
import { testIo } from '../support/io.js';
import { openLibrary, type Library } from '../models/library.js';
import { ESCAPES, lines, schemaErrors, TERMINAL, type Ran } from '../support/run.js';

let library: Library;
beforeEach(async () => {
  library = await openLibrary();
  mkdirSync(library.home, { recursive: true });
});
afterEach(async () => await library.close());

function declare(text: string, name = 'models.yaml'): string {
  const file = path.join(library.home, name);
  writeFileSync(file, text);
  return file;
}

async function names(): Promise<string[]> {
  const ran = await library.run(['list', '-q']);
  return ran.stdout.trim().split('\n').sort();
}

async function digestOf(model: string): Promise<string> {
  const { models } = JSON.parse((await library.run(['list', '--json'])).stdout) as {
    models: { name: string; digest: string }[];
  };
  return `sha256:${models.find(({ name }) => name === model)?.digest ?? ''}`;
}

function events(ran: Ran): Record<string, unknown>[] {
  const all = lines(ran.stdout);
  for (const event of all) expect(schemaErrors('sync-event', event)).toBe('');
  expect(all[0]).toMatchObject({ type: 'start', schema_version: 1 });
  expect(['result', 'error']).toContain(all.at(-1)?.['type']);
  return all;
}

const SET = 'models:\n  - gemma3:1b\n  - nomic-embed-text\n  - {name: mine, from: gemma3:1b}\n';

describe('sync', () => {
  it('pulls, copies and with --prune removes, after a plan; a second time there is nothing to do', async () => {
    const file = declare(SET);
    const ran = await library.run(['sync', file, '--prune', '--yes', '--json']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const told = events(ran);
    expect(told.find(({ type }) => type === 'plan')).toEqual({
      type: 'plan',
      pull: [{ name: 'nomic-embed-text:latest', reason: 'absent' }],
      copy: [{ name: 'mine:latest', from: 'gemma3:1b', replaces: false }],
      remove: [{ name: 'qwen3:0.6b', size: expect.any(Number) as number }],
      keep: ['gemma3:1b'],
    });
    expect(told.at(-1)).toEqual({
      type: 'result',
      succeeded: ['nomic-embed-text:latest'],
      failed: [],
      copied: ['mine:latest'],
      removed: ['qwen3:0.6b'],
    });
    expect(told.some(({ type }) => type === 'model_result')).toBe(true);
    expect(told.filter(({ type }) => type === 'start' || type === 'result')).toHaveLength(2);
    expect(await names()).toEqual(['gemma3:1b', 'mine:latest', 'nomic-embed-text:latest']);
    const again = await library.run(['sync', file, '--prune']);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('Nothing to do');
    expect(again.stdout).not.toMatch(ESCAPES);
  });

  it('shows the plan and asks; without a yes nothing is done', async () => {
    const file = declare(SET);
    const before = library.state();
    const no = await library.run(['sync', file, '--prune'], { ...TERMINAL, stdinTty: true, stdin: 'n\n' });
    expect(no.code).toBe(7);
    expect(no.stderr).toMatch(/pull +nomic-embed-text:latest/);
    expect(no.stderr).toMatch(/copy +gemma3:1b to mine:latest/);
    expect(no.stderr).toMatch(/remove +qwen3:0.6b +\d+ kB/);
    expect(no.stderr).toMatch(/pull 1, copy 1, remove 1 \(\d+ kB\)\? \[y\/N\]/);
    expect((await library.run(['sync', file])).code).toBe(7);
    const json = await library.run(['sync', file, '--json']);
    expect(json.code).toBe(7);
    expect(events(json).at(-1)).toMatchObject({ type: 'error', error: { code: 'declined' } });
    const dry = await library.run(['sync', file, '--prune', '--dry-run']);
    expect(dry.code).toBe(0);
    expect(dry.stdout).toMatch(/remove +qwen3:0.6b/);
    const dryJson = events(await library.run(['sync', file, '--prune', '-n', '--json']));
    expect(dryJson.map(({ type }) => type)).toEqual(['start', 'plan', 'result']);
    expect(dryJson[1]).toMatchObject({ dry_run: true });
    expect(library.state()).toEqual(before);
    const yes = await library.run(['sync', file, '--prune'], { ...TERMINAL, stdinTty: true, stdin: 'y\n' });
    expect(yes.code).toBe(0);
    expect(yes.stdout).toMatch(/copied gemma3:1b to mine:latest\nremoved qwen3:0.6b, \d+ kB\n/);
  });

  it('leaves what the file does not name without --prune, and says so', async () => {
    const ran = await library.run(['sync', declare('gemma3:1b\n', 'plain'), '--yes']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('leave   1 model that the file does not name: --prune removes them');
    expect(await names()).toHaveLength(2);
  });

  it('reads a declaration from stdin', async () => {
    const ran = await library.run(['sync', '-', '--yes', '-q'], {
      stdin: 'gemma3:1b\nmine from gemma3:1b\n',
    });
    expect(ran).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await names()).toContain('mine:latest');
  });

  it('keeps a pin that holds, and refuses one that the registry does not have before anything is done', async () => {
    const digest = await digestOf('gemma3:1b');
    const right = await library.run(['sync', declare(`gemma3:1b ${digest}\n`, 'right'), '--json']);
    expect(right.code).toBe(0);
    const other = `sha256:${'0'.repeat(64)}`;
    const before = library.state();
    const file = declare(`gemma3:1b ${other}\nnomic-embed-text\n`, 'wrong');
    for (const more of [['--yes', '--prune'], ['--dry-run']]) {
      const wrong = await library.run(['sync', file, ...more, '--json']);
      expect(wrong.code).toBe(6);
      const last = events(wrong).at(-1) as { error: { message: string } };
      expect(last).toMatchObject({ type: 'error', error: { code: 'digest_mismatch', model: 'gemma3:1b' } });
      expect(last.error.message).toContain(other);
      expect(last.error.message).toContain(digest);
    }
    expect(readFileSync(file, 'utf8')).toContain(other);
    expect(Object.keys(library.state())).toHaveLength(Object.keys(before).length + 1);
    expect(await names()).toEqual(['gemma3:1b', 'qwen3:0.6b']);
  });

  it('removes nothing where a pull failed, and copies nothing of it', async () => {
    const file = declare('gemma3:1b\nabsent-model\nother from absent-model\n', 'plain');
    const ran = await library.run(['sync', file, '--prune', '--yes', '--json']);
    expect(ran.code).toBe(3);
    const last = events(ran).at(-1);
    expect(last).toMatchObject({ type: 'error', succeeded: [], copied: [], removed: [] });
    expect((last?.['failed'] as { model: string }[]).map(({ model }) => model)).toEqual([
      'absent-model:latest',
      'other:latest',
    ]);
    expect(await names()).toEqual(['gemma3:1b', 'qwen3:0.6b']);
    expect(JSON.parse(ran.stderr)).toMatchObject({
      error: { message: expect.stringContaining('Nothing was removed') as string },
    });
  });

  it('tells a mistake with file and line, and a file that is not there', async () => {
    const ran = await library.run(['sync', declare('a\nb from c\n', 'plain'), '--json']);
    expect(ran.code).toBe(2);
    const last = events(ran).at(-1) as { error: { message: string } };
    expect(last.error.message).toContain('plain:2: b:latest is a copy of c');
    expect((await library.run(['sync', path.join(library.home, 'none')])).code).toBe(2);
    expect((await library.run(['sync', library.home])).code).toBe(2);
    expect((await library.run(['sync'])).code).toBe(2);
    expect((await library.run(['sync', 'x', '--jobs', '0'])).code).toBe(2);
    expect((await library.run(['sync', 'x', '--fields', 'nope'])).code).toBe(2);
  });

  it('picks fields of its own events and of the pulls', async () => {
    const ran = await library.run(['sync', declare(SET), '--yes', '--json', '--fields', 'model,copied']);
    expect(ran.code).toBe(0);
    const told = lines(ran.stdout);
    expect(told.at(-1)).toEqual({ type: 'result', copied: ['mine:latest'] });
    expect(told.some((event) => event['model'] === 'nomic-embed-text:latest')).toBe(true);
  });
});

describe('sync that is stopped', () => {
  it('ends its events with the error, and removes nothing', async () => {
    const slow = await openLibrary({ rate: 50_000 });
    mkdirSync(slow.home, { recursive: true });
    const file = path.join(slow.home, 'plain');
    writeFileSync(file, 'nomic-embed-text\n');
    const env = { HOME: slow.home, OLLAMA_MODELS: slow.dir, OLLAMA_HOST: slow.url };
    const test = testIo({ env });
    const ended = main(['sync', file, '--prune', '--yes', '--json'], test.io);
    while (!test.stdout().includes('"progress"')) await sleep(10);
    test.abort();
    expect(await ended).toBe(130);
    expect(lines(test.stdout()).at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'interrupted' },
      removed: [],
    });
    expect(slow.lab.sandbox.requests.some(({ method }) => method === 'DELETE')).toBe(false);
    await slow.close();
  });

  it('by what is allowed does nothing', async () => {
    const env = { OLLAMA_CLI_ALLOWED_MODELS: 'gemma*' };
    const ran = await library.run(['sync', declare('gemma3:1b\nnomic-embed-text\n', 'plain'), '--yes'], {
      env,
    });
    expect(ran.code).toBe(7);
    expect(await names()).toHaveLength(2);
  });
});

describe('sync --export', () => {
  it('writes what is installed, and read again there is nothing to do', async () => {
    await library.lab.send('POST', '/api/copy', { source: 'gemma3:1b', destination: 'twin' });
    const ran = await library.run(['sync', '--export']);
    expect(ran.stdout).toContain(`  - name: "gemma3:1b"\n    digest: ${await digestOf('gemma3:1b')}\n`);
    expect(ran.stdout).toContain('from: "gemma3:1b"');
    const dash = await library.run(['sync', '--export', '-']);
    expect(dash.stdout).toBe(ran.stdout);
    for (const name of ['out.yaml', 'out.json']) {
      const file = path.join(library.home, name);
      const wrote = await library.run(['sync', '--export', file]);
      expect(wrote.stdout).toBe(`wrote 3 models to ${file}\n`);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const again = await library.run(['sync', file, '--prune']);
      expect(again).toMatchObject({ code: 0 });
      expect(again.stdout).toContain('Nothing to do');
    }
    const json = await library.run(['sync', '--export', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ schema_version: 1, models: [{}, {}, {}] });
    const picked = JSON.parse(
      (await library.run(['sync', '--export', '--json', '--fields', 'name'])).stdout,
    ) as {
      models: object[];
    };
    expect(picked.models.map((model) => Object.keys(model))).toEqual([['name'], ['name'], ['name']]);
    expect((await library.run(['sync', '--export', '--fields', 'nope'])).code).toBe(2);
    const piped = await library.run(['sync', '-', '--prune'], { stdin: json.stdout });
    expect(piped.stdout).toContain('Nothing to do');
  });

  it('gives a fresh server the same models by its digests', async () => {
    await library.lab.send('POST', '/api/copy', { source: 'gemma3:1b', destination: 'twin' });
    const file = path.join(library.home, 'out.yaml');
    await library.run(['sync', '--export', file]);
    const fresh = await openLibrary({ installed: [] });
    try {
      const ran = await fresh.run(['sync', file, '--yes', '--json']);
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      expect(lines(ran.stdout).at(-1)).toMatchObject({ type: 'result', copied: ['twin:latest'] });
      const again = await fresh.run(['sync', file, '--prune', '--json']);
      expect(lines(again.stdout)[1]).toMatchObject({ type: 'plan', pull: [], copy: [], remove: [] });
      const exported = async (of: Library): Promise<unknown[]> =>
        (
          JSON.parse((await of.run(['sync', '--export', '--json'])).stdout) as {
            models: { name: string; digest: string }[];
          }
        ).models.map(({ name, digest }) => [name, digest]);
      expect(await exported(fresh)).toEqual(await exported(library));
    } finally {
      await fresh.close();
    }
  });

  it('replaces no file without a yes, and writes none with --dry-run', async () => {
    const file = declare('mine');
    const ran = await library.run(['sync', '--export', file]);
    expect(ran.code).toBe(7);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect((await library.run(['sync', '--export', file, '--yes'])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toMatch(/^models:\n/);
    const none = path.join(library.home, 'none.yaml');
    expect((await library.run(['sync', '--export', none, '--dry-run'])).stdout).toMatch(/^models:\n/);
    const json = await library.run(['sync', '--export', none, '--dry-run', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ schema_version: 1, dry_run: true, file: none });
    expect(existsSync(none)).toBe(false);
  });

  it('of a server without models is a list of none', async () => {
    const empty = await openLibrary({ installed: [] });
    expect((await empty.run(['sync', '--export'])).stdout).toBe('models: []\n');
    await empty.close();
  });
});
