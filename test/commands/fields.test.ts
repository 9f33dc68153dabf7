import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { lines, run } from '../support/run.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ installed: ['gemma3:1b'], tokensPerSecond: Infinity, loadMs: 0 });
});
afterAll(async () => await sandbox.close());

describe('--fields', () => {
  it.each([
    [['list'], 'modified_at'],
    [['show', 'gemma3:1b'], 'parameters_parsed'],
    [['health'], 'available_models'],
    [['rm', 'gemma3:1b', '--yes'], 'name, size'],
    [['config', 'list'], 'key, value'],
    [['config', 'path'], 'name, path'],
    [['config', 'get', 'host'], 'value'],
    [['pull', 'gemma3:1b'], 'overall'],
    [['chat', 'gemma3:1b', 'hi'], 'metrics'],
  ])('exits 2 for an unknown one of %j and lists the valid ones', async (argv, valid) => {
    for (const mode of [[], ['--json']]) {
      const ran = await run([...argv, ...mode, '--fields', 'nmae'], sandbox.url);
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      expect(ran.stderr).toContain('There is no field');
      expect(ran.stderr).toContain('nmae');
      expect(ran.stderr).toContain(valid);
    }
    const work = ['/api/delete', '/api/pull', '/api/chat'];
    expect(sandbox.requests.filter((request) => work.includes(request.path))).toEqual([]);
  });

  it('picks the columns of a table, in their order, also a field that the table lacks', async () => {
    const { stdout } = await run(['list', '--fields', 'size,name,details'], sandbox.url);
    expect(stdout).toMatch(/^size\tname\tdetails\n\d+\tgemma3:1b\t\{"parent_model":.*\}\n$/);
    const config = await run(['config', 'list', '--fields', 'value,key'], sandbox.url);
    expect(config.stdout.split('\n').slice(0, 2)).toEqual(['value\tkey', `${sandbox.url}\thost`]);
  });

  it('picks fields of an answer without a list, as JSON and in a pipe', async () => {
    const json = await run(['health', '--json', '--fields', 'status,models'], sandbox.url);
    expect(JSON.parse(json.stdout)).toEqual({ schema_version: 1, status: 'healthy', models: 1 });
    const health = await run(['health', '--fields', 'models,status'], sandbox.url);
    expect(health.stdout).toBe('field\tvalue\nmodels\t1\nstatus\thealthy\n');
    const show = await run(['show', 'gemma3:1b', '--fields', 'name,capabilities'], sandbox.url);
    expect(show.stdout).toMatch(/^field\tvalue\nname\tgemma3:1b\ncapabilities\t\[.*\]\n$/);
    const value = await run(['config', 'get', 'host', '--json', '--fields', 'value'], sandbox.url);
    expect(JSON.parse(value.stdout)).toEqual({ schema_version: 1, value: sandbox.url });
  });

  it('picks within the items of a list and leaves the envelope', async () => {
    const { stdout } = await run(['config', 'list', '--json', '--fields', 'key'], sandbox.url);
    const { items, total } = JSON.parse(stdout) as { items: object[]; total: number };
    expect(items[0]).toEqual({ key: 'host' });
    expect(total).toBe(items.length);
    const plan = await run(['rm', 'gemma3:1b', '--dry-run', '--json', '--fields', 'name'], sandbox.url);
    expect(JSON.parse(plan.stdout)).toMatchObject({ dry_run: true, removed: [{ name: 'gemma3:1b' }] });
    expect(plan.stdout).not.toContain('size');
  });

  it('leaves a stream its types, its version and its errors', async () => {
    const chat = await run(
      ['chat', 'gemma3:1b', 'hi', '--json', '--fields', 'text,done_reason'],
      sandbox.url,
    );
    const events = lines(chat.stdout);
    expect(events[0]).toEqual({ type: 'start', schema_version: 1 });
    expect(Object.keys(events[1] ?? {})).toEqual(['type', 'text']);
    expect(events.at(-1)).toEqual({ type: 'result', done_reason: 'stop' });
    const pull = await run(['pull', 'absent', '--json', '--fields', 'models'], sandbox.url);
    expect(lines(pull.stdout).at(-1)).toMatchObject({ type: 'error', error: { code: 'model_not_found' } });
    expect(Object.keys(lines(pull.stdout).at(-1) ?? {})).toEqual(['type', 'error']);
  });
});
