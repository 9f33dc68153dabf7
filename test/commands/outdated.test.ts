import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/server.js';
import {
  closedPort,
  serve,
  type FaultServer,
  type Script,
  type SeenRequest,
} from '../support/fault-server.js';
import { ESCAPES, run, schemaErrors, TERMINAL } from '../support/run.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(async (one) => await one.close()));
});

const HOUR = 3_600_000;
let clock = Date.UTC(2026, 0, 1);

/** A sandbox whose clock the test moves. */
async function sandboxWith(options: SandboxOptions = {}): Promise<Sandbox> {
  clock = Date.UTC(2026, 0, 1);
  const sandbox = await startSandbox({
    installed: ['qwen3:8b', 'qwen3:0.6b', 'gemma3:1b'],
    now: () => clock,
    ...options,
  });
  open.push(sandbox);
  return sandbox;
}

/** From now on the registry has a build of each model that was pushed an hour after what is installed. */
function makeNewer(sandbox: Sandbox): void {
  clock += HOUR;
  sandbox.setFaults([parseFault('newer')]);
}

interface Told {
  readonly outdated: number;
  readonly models: readonly {
    name: string;
    state: string;
    digest: string;
    remote_digest?: string;
    reason?: string;
  }[];
}

async function outdated(host: string, ...argv: string[]): Promise<Told> {
  const ran = await run(['outdated', '--json', ...argv], host);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  const document = JSON.parse(ran.stdout) as Told;
  expect(schemaErrors('outdated', document)).toBe('');
  return document;
}

describe('outdated', () => {
  it('says of models that are the registry’s that they are current', async () => {
    const { models, outdated: count } = await outdated((await sandboxWith()).url);
    expect(count).toBe(0);
    expect(models.map(({ state }) => state)).toEqual(['current', 'current', 'current']);
    for (const { digest, remote_digest: remote } of models) expect(remote).toBe(digest);
  });

  it('says of models that the registry has anew that they are outdated, with both digests', async () => {
    const sandbox = await sandboxWith();
    makeNewer(sandbox);
    const { models, outdated: count } = await outdated(sandbox.url);
    expect(count).toBe(3);
    for (const { state, digest, remote_digest: remote } of models) {
      expect(state).toBe('outdated');
      expect(remote).toMatch(/^[0-9a-f]{64}$/);
      expect(remote).not.toBe(digest);
    }
    expect(sandbox.requests.some(({ path }) => path === '/api/pull')).toBe(false);
  });

  it.each([false, true])(
    'asks once for each model, and for nothing else (all of them anew: %s)',
    async (anew) => {
      const sandbox = await sandboxWith();
      if (anew) makeNewer(sandbox);
      await outdated(sandbox.url);
      const asked = sandbox.requests.map(({ method, path }) => `${method} ${path}`).sort();
      expect(asked).toEqual([
        'GET /api/tags',
        'GET /api/version',
        'HEAD /v2/library/gemma3/manifests/1b',
        'HEAD /v2/library/qwen3/manifests/0.6b',
        'HEAD /v2/library/qwen3/manifests/8b',
      ]);
    },
  );

  it('calls what was copied or made here local', async () => {
    const sandbox = await sandboxWith();
    await fetch(`${sandbox.url}/api/copy`, {
      method: 'POST',
      body: JSON.stringify({ source: 'gemma3:1b', destination: 'mine:latest' }),
    });
    makeNewer(sandbox);
    const { models } = await outdated(sandbox.url, 'mine');
    expect(models).toEqual([
      expect.objectContaining({
        name: 'mine:latest',
        state: 'local',
        reason: expect.stringContaining('copied') as string,
      }),
    ]);
  });

  it('takes names and globs, and names of outdated ones alone with --quiet', async () => {
    const sandbox = await sandboxWith();
    makeNewer(sandbox);
    const quiet = await run(['outdated', '-q', 'qwen3:*'], sandbox.url);
    expect(quiet.stdout.trim().split('\n').sort()).toEqual(['qwen3:0.6b', 'qwen3:8b']);
    expect((await outdated(sandbox.url, 'GEMMA3:1b')).models).toHaveLength(1);
  });

  it('exits 3 for a name that is not installed, 8 beside others, 2 for one that is none', async () => {
    const { url } = await sandboxWith();
    const none = await run(['outdated', 'absent'], url);
    expect(none).toMatchObject({ code: 3, stdout: '' });
    expect(none.stderr).toContain('not installed');
    expect((await run(['outdated', 'none*'], url)).code).toBe(3);
    const some = await run(['outdated', 'absent', 'gemma3:1b', '--json'], url);
    expect(some.code).toBe(8);
    expect((JSON.parse(some.stdout) as Told).models).toHaveLength(1);
    expect(JSON.parse(some.stderr)).toMatchObject({ error: { code: 'partial' } });
    expect((await run(['outdated', 'a@b'], url)).code).toBe(2);
    expect((await run(['outdated', '--fields', 'nope'], url)).code).toBe(2);
  });

  it('is a fitted table with the next step in a terminal', async () => {
    const sandbox = await sandboxWith();
    const env = { NO_COLOR: '1' };
    const before = await run(['outdated'], sandbox.url, { ...TERMINAL, env });
    expect(before.stdout).toContain('Nothing is outdated.');
    makeNewer(sandbox);
    for (const columns of [80, 30]) {
      const ran = await run(['outdated', '-H', sandbox.url], undefined, { ...TERMINAL, columns, env });
      expect(ran.code).toBe(0);
      expect(ran.stdout).toContain('3 of 3 outdated.');
      const next = `Get them: ollama-cli -H ${sandbox.url} update --all\n`;
      expect(ran.stdout).toContain(columns === 30 ? `outdated.\n${next}` : `outdated. ${next}`);
      const table = ran.stdout.split('\n').slice(0, 4);
      expect(Math.max(...table.map((line) => line.length))).toBeLessThanOrEqual(columns);
    }
  });

  it('is a table with a header of field names in a pipe', async () => {
    const { url } = await sandboxWith({ installed: ['gemma3:1b'] });
    const ran = await run(['outdated'], url);
    expect(ran.stdout).toMatch(
      /^name\tstate\tdigest\tremote_digest\treason\ngemma3:1b\tcurrent\t[0-9a-f]{64}\t/,
    );
    const bare = await run(['outdated', '--no-header', '--fields', 'state,name'], url);
    expect(bare.stdout).toBe('current\tgemma3:1b\n');
  });

  it('has an answer where nothing is installed', async () => {
    const { url } = await sandboxWith({ installed: [] });
    expect(await outdated(url)).toMatchObject({ models: [], outdated: 0 });
    expect((await run(['outdated'], url, TERMINAL)).stdout).toContain('No models');
  });
});

const HERE = 'a'.repeat(64);
const THERE = 'b'.repeat(64);

function reply(value: unknown, headers: Readonly<Record<string, string>> = {}, status = 200): Script {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: [JSON.stringify(value)],
  };
}

/** A server that says it is a sandbox, and is its own registry; `registry` answers what is asked below /v2/. */
async function serverWith(
  models: readonly object[],
  registry: (request: SeenRequest) => Script | Promise<Script>,
  show: object = {},
): Promise<FaultServer> {
  const server = await serve((request) => {
    if (request.url === '/api/version') return reply({ version: '0.24.0-sandbox' });
    if (request.url === '/api/tags') return reply({ models });
    if (request.url === '/api/show') return reply({ details: {}, ...show });
    return registry(request);
  });
  open.push(server);
  return server;
}

function model(name: string, more: object = {}): object {
  return {
    name,
    model: name,
    size: 5,
    digest: HERE,
    modified_at: '2026-01-01T00:00:00Z',
    details: {},
    ...more,
  };
}

const QUICK = { OLLAMA_CLI_RETRY__ATTEMPTS: '1', OLLAMA_CLI_RETRY__DELAY: '1ms' };

async function stateOf(server: FaultServer): Promise<Told['models'][number] | undefined> {
  const ran = await run(['outdated', '--json'], server.url, { env: QUICK });
  expect(ran.code).toBe(0);
  return (JSON.parse(ran.stdout) as Told).models[0];
}

describe('the rules of outdated', () => {
  const pushed = (ms: number): string => String(ms / 1000);
  const installedAt = Date.UTC(2026, 0, 1);

  it.each([
    ['was pushed after it came', pushed(installedAt + 1000), 'outdated'],
    ['was pushed when it came', pushed(installedAt), 'current'],
    ['was pushed before it came', pushed(installedAt - HOUR), 'current'],
    ['has no time', '0', 'outdated'],
  ])('a model whose other build in the registry %s', async (_, time, state) => {
    const server = await serverWith([model('m:latest')], () =>
      reply({}, { 'ollama-content-digest': THERE, 'ollama-push-time': time }),
    );
    expect(await stateOf(server)).toMatchObject({ state, remote_digest: THERE });
  });

  it.each([
    ['one that a server names the host of', { remote_host: 'https://ollama.com:443' }, 'm:latest'],
    ['one with the marker of the cloud', {}, 'm:120b-cloud'],
  ])('%s is in the cloud, and not asked for', async (_, more, name) => {
    const server = await serverWith([model(name, more)], () => reply({}, {}, 500));
    expect(await stateOf(server)).toMatchObject({ state: 'cloud' });
    expect(server.requests.some(({ url }) => url.startsWith('/v2/'))).toBe(false);
  });

  it.each<[string, Script, string]>([
    ['401', reply({}, {}, 401), 'private'],
    ['412', reply({ errors: [{ message: 'needs a newer Ollama' }] }, {}, 412), '412'],
    ['429', reply({}, {}, 429), '429'],
    ['no digest and a page', { headers: { 'content-type': 'text/html' }, body: ['<html>'] }, 'no registry'],
  ])('a registry that answers with %s leaves it open, and says why', async (_, script, words) => {
    const server = await serverWith([model('m:latest')], () => script);
    const told = await stateOf(server);
    expect(told).toMatchObject({ state: 'unknown' });
    expect(told?.reason).toContain(words);
  });

  it('one whose manifest an older server wrote anew is current: weights, template and size are the same', async () => {
    const weights = 'c'.repeat(64);
    const template = '{{ .Prompt }}';
    const media = 'application/vnd.ollama.image';
    const digest = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
    const manifest = (size: number): Script =>
      reply({
        schemaVersion: 2,
        config: {
          mediaType: 'application/vnd.docker.container.image.v1+json',
          digest: `sha256:${'d'.repeat(64)}`,
          size: 100,
        },
        layers: [
          { mediaType: `${media}.model`, digest: `sha256:${weights}`, size },
          { mediaType: `${media}.template`, digest: digest(template), size: 13 },
        ],
      });
    const check = async (size: number, modelfile: string, text: string): Promise<string | undefined> => {
      const server = await serverWith([model('m:latest', { size: 1113 })], () => manifest(size), {
        modelfile,
        template: text,
      });
      return (await stateOf(server))?.state;
    };
    const from = `FROM /models/blobs/sha256-${weights}\nTEMPLATE x\n`;
    expect(await check(1000, from, template)).toBe('current');
    expect(await check(1001, from, template)).toBe('outdated');
    expect(await check(1000, from, '{{ .System }}')).toBe('outdated');
    expect(await check(1000, `FROM /models/blobs/sha256-${'e'.repeat(64)}\n`, template)).toBe('outdated');
  });

  it('exits 6 where no registry could be reached, after telling the models', async () => {
    const models = [model('m:latest'), model('c:cloud'), model('no name')];
    const server = await serverWith(models, () => reply({}));
    const registry = `http://127.0.0.1:${String(await closedPort())}`;
    const ran = await run(['outdated', '--json'], server.url, {
      env: { ...QUICK, OLLAMA_CLI_REGISTRY: registry },
    });
    expect(ran.code).toBe(6);
    const states = (JSON.parse(ran.stdout) as Told).models.map(({ state }) => state);
    expect(states).toEqual(['unknown', 'cloud', 'unknown']);
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: 'registry_unreachable' } });
  });

  it('compares the others where one can’t be, and cleans what it says', async () => {
    const server = await serverWith([model('a:1'), model('b:1\u001b[31m')], () =>
      reply({}, { 'ollama-content-digest': HERE }),
    );
    const ran = await run(['outdated'], server.url);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('a:1\tcurrent');
    expect(ran.stdout).toContain('unknown');
    expect(ran.stdout).not.toMatch(ESCAPES);
  });

  it('asks for a hundred models in four rounds at most', async () => {
    let flying = 0;
    let most = 0;
    const models = Array.from({ length: 100 }, (_, index) => model(`m${String(index)}:latest`));
    const server = await serverWith(models, async () => {
      flying += 1;
      most = Math.max(most, flying);
      await sleep(100);
      flying -= 1;
      return reply({}, { 'ollama-content-digest': HERE });
    });
    expect((await outdated(server.url)).models.every(({ state }) => state === 'current')).toBe(true);
    expect(most).toBeGreaterThanOrEqual(25);
    // With the list and the server's version, which are asked for together, and before.
    expect(server.requests).toHaveLength(102);
  });
});
