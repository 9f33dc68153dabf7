import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askOrDecline, mayAsk } from '../../src/consent.js';
import { createContext } from '../../src/context.js';
import { askHosts } from '../../src/hosts/many.js';
import { main } from '../../src/main.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve } from '../support/fault-server.js';
import { openHosts, type HostsHome } from '../support/hosts.js';
import { testIo } from '../support/io.js';
import { ESCAPES, run, schemaErrors, TERMINAL } from '../support/run.js';

const REFUSED = '127.0.0.1:1';

let gpu: Sandbox;
let cpu: Sandbox;
let home: HostsHome;
beforeEach(async () => {
  gpu = await startSandbox({ installed: ['qwen3:8b', 'gemma3:1b'] });
  cpu = await startSandbox({ installed: ['gemma3:1b'] });
  home = openHosts({ gpu: gpu.url, cpu: cpu.url, gone: `http://${REFUSED}` });
});
afterEach(async () => {
  home.close();
  await Promise.all([gpu.close(), cpu.close()]);
});

/** What `--on` says of its hosts. */
interface Told {
  readonly hosts: readonly { host: string; ok: boolean; error?: { code: string } }[];
  readonly models: readonly Record<string, unknown>[];
}

function parse(text: string): Told {
  return JSON.parse(text) as Told;
}

describe('the hosts of --on', () => {
  it.each([
    ['names', ['--on', 'gpu,cpu'], ['gpu', 'cpu']],
    ['names that repeat', ['--on', 'cpu', '--on', 'gpu,cpu'], ['cpu', 'gpu']],
    ['spaces around a name', ['--on', ' gpu , cpu'], ['gpu', 'cpu']],
    ['all that are configured', ['--on', 'all'], ['gpu', 'cpu', 'gone']],
    ['an address beside a name', ['--on', `gpu,${REFUSED}`], ['gpu', REFUSED]],
  ])('are %s', async (_what, words, hosts) => {
    const ran = await run(['ps', '--json', ...words], undefined, { env: home.env });
    expect(parse(ran.stdout).hosts.map(({ host }) => host)).toEqual(hosts);
  });

  it('are asked once however often, and in however many ways, each is named', async () => {
    const bare = gpu.url.slice('http://'.length);
    const namesOf = async (on: string): Promise<readonly string[]> => {
      const ran = await run(['ps', '--json', '--on', on], undefined, { env: home.env });
      return parse(ran.stdout).hosts.map(({ host }) => host);
    };
    expect(await namesOf('gpu,gpu')).toEqual(['gpu']);
    expect(await namesOf(`${gpu.url},${gpu.url}/,${bare},${gpu.url}/v1`)).toEqual([gpu.url]);
    // Its name brings what is sent to it.
    expect(await namesOf(`${bare},gpu,cpu,http://me:hush@${bare}`)).toEqual(['gpu', 'cpu']);
    expect(gpu.requests.filter(({ path }) => path === '/api/ps')).toHaveLength(3);
  });

  it.each([
    ['a name near another', 'gpuu', 3, 'gpu'],
    ['a name that is none', 'nothing', 3, 'hosts list'],
    ['no name', ',', 2, '--on'],
    ['an address with a foreign scheme', 'ftp://box', 2, 'ftp'],
  ])('can not be %s', async (_what, word, code, says) => {
    const ran = await run(['list', '--on', word], undefined, { env: home.env });
    expect(ran).toMatchObject({ code, stdout: '' });
    expect(ran.stderr).toContain(says);
    expect(gpu.requests).toEqual([]);
  });

  it('can not be named beside -H, and `all` means none where none is configured', async () => {
    const both = await run(['list', '--on', 'gpu', '-H', 'cpu'], undefined, { env: home.env });
    expect(both.code).toBe(2);
    const none = await run(['list', '--on', 'all']);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('hosts add');
  });

  it('can not be sent one --header', async () => {
    const ran = await run(['list', '--on', 'gpu', '--header', 'x-team: blue'], undefined, { env: home.env });
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('--header-file');
    expect(gpu.requests).toEqual([]);
  });

  it('are never told with a password, and are asked with it', async () => {
    const server = await serve(() => ({
      headers: { 'content-type': 'application/json' },
      body: ['{"models":[]}'],
    }));
    const address = server.url.replace('http://', 'http://me:hushhush@');
    const ran = await run(['list', '--on', `${address},${REFUSED}`, '--json', '--debug']);
    const text = await run(['list', '--on', `${address},me:hushhush@${REFUSED}`]);
    expect(server.requests[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('me:hushhush').toString('base64')}`,
    );
    expect(JSON.stringify([ran, text])).not.toContain('hushhush');
    await server.close();
  });
});

describe('many hosts', () => {
  it('exit 0 where all answered, 8 where some failed, and else with the code that all share', async () => {
    const codeOf = async (on: string): Promise<number> =>
      (await run(['list', '--on', on], undefined, { env: home.env })).code;
    expect(await codeOf('gpu,cpu')).toBe(0);
    expect(await codeOf('gpu,gone')).toBe(8);
    expect(await codeOf(`gone,${REFUSED}`)).toBe(5);
    expect(await codeOf('gone')).toBe(5);
    const broken = await serve(() => ({ status: 500, headers: {}, body: ['{"error":"broken"}'] }));
    expect(await codeOf(`gone,${broken.url}`)).toBe(8);
    await broken.close();
  });

  it('tell the one that failed in a line of its own, with the command that looks at it', async () => {
    const ran = await run(['list', '--on', 'gpu,gone'], undefined, { env: home.env });
    const line = ran.stderr.split('\n').find((one) => one.includes('gone: '));
    expect(line).toContain('refused');
    expect(line).toContain('ollama-cli -H gone health');
    expect(ran.stderr).toContain('1 of 2 hosts failed: gone.');
    const alone = await run(['list', '--on', 'gone'], undefined, { env: home.env });
    expect(alone.stderr.match(/refused/g)).toHaveLength(1);
  });

  it('tell the rows of one that answers while another has not, in a pipe and on a terminal', async () => {
    for (const options of [{}, TERMINAL]) {
      // The slow one answers once the quick one's row stands: were rows to wait for each other, it never would.
      const test = testIo({ ...options, env: home.env });
      const slow = await serve(async () => {
        while (!test.stdout().includes('qwen3:8b')) await new Promise((resolve) => setTimeout(resolve, 5));
        return { headers: { 'content-type': 'application/json' }, body: ['{"models":[]}'] };
      });
      expect(await main(['list', '--on', `${slow.url},gpu`], test.io)).toBe(0);
      await slow.close();
    }
  });

  it('have 2 s to take the connection, whatever an answer may take', async () => {
    // A handshake that never ends is a part of connecting.
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = `https://127.0.0.1:${(silent.address() as { port: number }).port}`;
    const ran = await run(['list', '--on', `${address},gpu`, '--json', '--timeout', '60s'], undefined, {
      env: home.env,
    });
    silent.close();
    expect(ran.code).toBe(8);
    expect(parse(ran.stdout).hosts[0]).toMatchObject({
      ok: false,
      error: { code: 'timeout', message: expect.stringContaining('within 2000 ms') as string },
    });
  });

  it('give up on one that accepts and never answers', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(silent.address() as { port: number }).port}`;
    const ran = await run(['list', '--on', `${address},gpu`, '--json', '--timeout', '300ms'], undefined, {
      env: home.env,
    });
    expect(ran.code).toBe(8);
    expect(parse(ran.stdout).hosts).toMatchObject([
      { host: address, ok: false, error: { code: 'timeout' } },
      { host: 'gpu', ok: true },
    ]);
    silent.close();
  });

  it.each([['gpu'], ['gpu', 'cpu']])('ask the person nothing, whatever is done with %s', async (...names) => {
    const { io } = testIo({ ...TERMINAL, stdinTty: true, env: home.env });
    const context = await createContext(io, {});
    expect(mayAsk(context)).toBe(true);
    for await (const answer of askHosts(context, names, async (host) => await askOrDecline(host, 'Well?'))) {
      expect(answer).toMatchObject({ error: { code: 'declined', hint: expect.stringContaining('--yes') } });
    }
  });

  it('end with 130 when they are interrupted', async () => {
    const test = testIo({ env: home.env });
    const slow = await serve(() => {
      test.abort();
      return { headers: {}, then: 'stall' as const };
    });
    expect(await main(['list', '--on', `${slow.url},gpu`], test.io)).toBe(130);
    await slow.close();
  });

  it('each get their own headers and no other one’s', async () => {
    const answer = { headers: { 'content-type': 'application/json' }, body: ['{"models":[]}'] };
    const [one, two] = [await serve(() => answer), await serve(() => answer)];
    const own = openHosts({ one: one.url }, `  two: {url: "${two.url}", headers: {x-key: "only-two"}}\n`);
    await run(['ps', '--on', 'all'], undefined, { env: own.env });
    expect(JSON.stringify(one.requests[0]?.headers)).not.toContain('only-two');
    expect(two.requests[0]?.headers['x-key']).toBe('only-two');
    own.close();
    await Promise.all([one.close(), two.close()]);
  });

  it('fail alone where one’s secret can’t be had', async () => {
    const own = openHosts({ gpu: gpu.url }, `  locked: {url: "${cpu.url}", token_env: NOT_SET_HERE}\n`);
    const ran = await run(['ps', '--on', 'locked,gpu', '--json'], undefined, { env: own.env });
    expect(ran.code).toBe(8);
    expect(parse(ran.stdout).hosts).toMatchObject([
      { host: 'locked', ok: false },
      { host: 'gpu', ok: true },
    ]);
    expect(cpu.requests).toEqual([]);
    own.close();
  });

  it.each([
    ['list'],
    ['ps'],
    ['df'],
    ['outdated'],
    ['health'],
    ['rm', 'qwen3:8b', '--dry-run'],
    ['pull', 'gemma3:1b'],
    ['sync', '-', '--dry-run'],
  ])('are asked by %s where the secret of the default one can’t be had', async (...words) => {
    const more = `  locked: {url: "${cpu.url}", token_env: NOT_SET_HERE}\nhost: locked\n`;
    const own = openHosts({ gpu: gpu.url }, more);
    const ran = await run([...words, '--on', 'gpu'], undefined, { env: own.env, stdin: 'gemma3:1b\n' });
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stderr).not.toContain('NOT_SET_HERE');
    own.close();
  });

  it('are given a step that reaches it, and names of its own, where the only one lacks a model', async () => {
    const ran = await run(['rm', 'gemma3:1', '--on', 'gpu', '--yes'], undefined, {
      env: { ...home.env, OLLAMA_HOST: 'cpu' },
    });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain('ollama-cli -H gpu list');
    expect(ran.stderr).not.toContain('pull');
    expect(cpu.requests).toEqual([]);
  });
});

describe.each(['list', 'ps', 'outdated', 'df'])('%s --on', (command) => {
  beforeEach(async () => {
    for (const { url } of [gpu, cpu]) {
      await fetch(`${url}/api/generate`, { method: 'POST', body: JSON.stringify({ model: 'gemma3:1b' }) });
    }
  });

  it('is one document in JSON, as its schema says, items with their host in the order asked', async () => {
    const ran = await run([command, '--on', 'gone,gpu,cpu', '--json'], undefined, { env: home.env });
    expect(ran.code).toBe(8);
    const document = parse(ran.stdout);
    expect(schemaErrors(command, document)).toBe('');
    expect(document.hosts.map(({ host, ok }) => [host, ok])).toEqual([
      ['gone', false],
      ['gpu', true],
      ['cpu', true],
    ]);
    const hosts = document.models.map(({ host }) => host);
    expect([...new Set(hosts)]).toEqual(['gpu', 'cpu']);
    expect(document.models.filter(({ name }) => name === 'gemma3:1b')).toHaveLength(2);
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: 'partial' } });
  });

  it('has the host in its first column, and its header once', async () => {
    const ran = await run([command, '--on', 'gpu,cpu'], undefined, { env: home.env });
    const [header, ...rows] = ran.stdout.trim().split('\n');
    expect(header?.split('\t')[0]).toBe('host');
    expect(new Set(rows.map((row) => row.split('\t')[0]))).toEqual(new Set(['gpu', 'cpu']));
    expect(ran.stdout).not.toMatch(ESCAPES.source.replace('\\u000b', '\\u000c'));
    const bare = await run([command, '--on', 'gpu', '--no-header'], undefined, { env: home.env });
    expect(bare.stdout.startsWith('gpu\t')).toBe(true);
  });

  it.each([40, 80, 200])('fits a terminal of %i columns, its rows below one header', async (columns) => {
    const ran = await run([command, '--on', 'gpu,cpu,gone', '--color', 'never'], undefined, {
      ...TERMINAL,
      columns,
      env: home.env,
    });
    const lines = ran.stdout.split('\n');
    expect(lines.filter((line) => line.startsWith('HOST'))).toHaveLength(1);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    const rows = lines.filter((line) => /^(?:gpu|cpu) {2}/.test(line));
    expect(rows.filter((line) => line.includes('gemma3:1b'))).toHaveLength(2);
    const at = lines[0]?.indexOf('NAME') ?? -1;
    for (const row of rows) expect(row.slice(at - 1, at + 1)).toMatch(/^ \S$/);
  });

  it('takes host as a field, alone and beside others, and no unknown one', async () => {
    const json = await run([command, '--on', 'cpu', '--json', '--fields', 'host,name'], undefined, {
      env: home.env,
    });
    expect(parse(json.stdout).models).toEqual([{ host: 'cpu', name: 'gemma3:1b' }]);
    const pipe = await run([command, '--on', 'cpu', '--fields', 'name,host'], undefined, { env: home.env });
    expect(pipe.stdout).toBe('name\thost\ngemma3:1b\tcpu\n');
    const wrong = await run([command, '--on', 'cpu', '--fields', 'nope'], undefined, { env: home.env });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('host');
  });
});

describe('list --on', () => {
  it('tells each name once with --quiet, whichever host has it', async () => {
    const ran = await run(['list', '-q', '--on', 'gpu,cpu'], undefined, { env: home.env });
    expect(ran.stdout.trim().split('\n').sort()).toEqual(['gemma3:1b', 'qwen3:8b']);
  });

  it('chooses and sorts on each host', async () => {
    const argv = ['list', 'gemma*', '--sort', 'size', '--on', 'gpu,cpu', '--json'];
    const ran = await run(argv, undefined, { env: home.env });
    expect(JSON.parse(ran.stdout)).toMatchObject({ total: 2, hosts: [{ total: 1 }, { total: 1 }] });
  });

  it('says which host has nothing', async () => {
    const empty = await startSandbox({ installed: [] });
    const ran = await run(['list', '--on', `gpu,${empty.url.slice(7)}`], undefined, {
      ...TERMINAL,
      env: home.env,
    });
    expect(ran.stdout).toContain('2 models on 2 hosts');
    expect(ran.stdout).toContain(`No models on ${empty.url.slice(7)}.`);
    await empty.close();
  });

  it('draws a hostile name as text', async () => {
    const model = { name: 'a\u001b[31m\tb', size: 1, digest: 'd' };
    const server = await serve(() => ({
      headers: { 'content-type': 'application/json' },
      body: [JSON.stringify({ models: [model] })],
    }));
    const ran = await run(['list', '--on', `${server.url},cpu`, '--color', 'never'], undefined, {
      ...TERMINAL,
      columns: 200,
      env: home.env,
    });
    expect(ran.stdout).not.toMatch(ESCAPES);
    await server.close();
  });
});

describe('outdated --on', () => {
  it('names the step for the one host where no registry can be reached from there', async () => {
    const env = { ...home.env, OLLAMA_CLI_REGISTRY: `http://${REFUSED}`, OLLAMA_CLI_RETRY__ATTEMPTS: '1' };
    const ran = await run(['outdated', '--on', 'gpu,cpu'], undefined, { env });
    expect(ran.code).toBe(6);
    expect(ran.stderr.match(/(?<=Next: ).*$/gm)?.sort()).toEqual([
      'ollama-cli -H cpu outdated',
      'ollama-cli -H gpu outdated',
    ]);
    expect(ran.stderr).not.toContain('the same command');
    const json = await run(['outdated', '--on', 'gpu,cpu', '--json'], undefined, { env });
    expect(parse(json.stdout).hosts[0]).toMatchObject({ error: { hint: 'ollama-cli -H gpu outdated' } });
  });

  it('counts a host as failed whose model is not there, and tells the others', async () => {
    const ran = await run(['outdated', 'qwen3:8b', '--on', 'gpu,cpu', '--json'], undefined, {
      env: home.env,
    });
    expect(ran.code).toBe(8);
    expect(parse(ran.stdout).models).toMatchObject([{ host: 'gpu', name: 'qwen3:8b' }]);
    expect(parse(ran.stdout).hosts[1]).toMatchObject({ ok: false, error: { code: 'model_not_found' } });
  });
});

describe.each([
  ['ps', '--watch'],
  ['df', '--models-dir=/nowhere'],
  ['sync', '--export'],
])('%s --on', (command, flag) => {
  it(`does not go with ${flag}, which is of one host`, async () => {
    const ran = await run([command, flag, '--on', 'gpu'], undefined, { env: home.env });
    expect(ran.code).toBe(2);
    expect(gpu.requests).toEqual([]);
  });
});
