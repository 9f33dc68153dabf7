import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve, type FaultServer } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { ESCAPES, lines, run, schemaErrors, TERMINAL } from '../support/run.js';

let sandbox: Sandbox;
let folder: string;
let home: string;
const opened: FaultServer[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'models-'));
  home = await mkdtemp(path.join(tmpdir(), 'home-'));
  sandbox = await startSandbox({ installed: [], scale: 0.001, modelsDir: folder });
});
afterEach(async () => {
  await sandbox.close();
  for (const server of opened.splice(0)) await server.close();
});

/** Every file below a folder with its content's digest and its time. */
async function snapshot(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  return await Promise.all(
    files.sort().map(async (file) => {
      const digest = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
      return `${file} ${digest} ${(await stat(file)).mtimeMs}`;
    }),
  );
}

describe('pull --dry-run', () => {
  it('tells layers, what is there and what is to be fetched, and writes nothing anywhere', async () => {
    await run(['pull', 'smollm2:135m', '-q'], sandbox.url);
    const before = [await snapshot(folder), await snapshot(home)];
    const options = { cwd: home, env: { HOME: home, OLLAMA_MODELS: folder } };
    const argv = ['pull', 'smollm2:135m', 'qwen3:0.6b', '--dry-run', '--json'];
    const { code, stdout } = await run(argv, sandbox.url, options);
    expect(code).toBe(0);
    const document = JSON.parse(stdout) as {
      models: {
        bytes_to_fetch: number;
        bytes_present: number;
        layers: { size: number; present: boolean }[];
      }[];
      bytes_to_fetch: number;
      bytes_present: number;
    };
    expect(schemaErrors('pull-plan', document)).toBe('');
    expect(document).toMatchObject({
      dry_run: true,
      models: [{ model: 'smollm2:135m', bytes_to_fetch: 0 }, { model: 'qwen3:0.6b' }],
    });
    // Its licence came with the other one.
    const [small, large] = document.models;
    expect(large?.bytes_present).toBeGreaterThan(0);
    expect(large?.bytes_to_fetch).toBeGreaterThan(500_000);
    expect(document.bytes_to_fetch).toBe(large?.bytes_to_fetch);
    expect(document.bytes_present).toBeLessThan((small?.bytes_present ?? 0) + (large?.bytes_present ?? 0));
    expect([await snapshot(folder), await snapshot(home)]).toEqual(before);
    expect(sandbox.requests.map(({ method }) => method)).toContain('HEAD');
    // What it said is what the pull then fetches.
    const pulled = lines((await run(['pull', 'qwen3:0.6b', '--json'], sandbox.url)).stdout);
    expect(pulled.find(({ type }) => type === 'model_result')).toMatchObject({
      bytes_downloaded: large?.bytes_to_fetch,
      bytes_reused: large?.bytes_present,
    });
  });

  it('is a table in a terminal, tab-separated in a pipe, and names with --quiet', async () => {
    const drawn = await run(['pull', 'all-minilm', 'all-minilm:22m', '-n'], sandbox.url, TERMINAL);
    expect(drawn.stdout).toMatch(/MODEL +LAYER +KIND +SIZE +STATE/);
    expect(drawn.stdout).toMatch(/all-minilm +\w{12} +model +46 kB +to fetch/);
    expect(drawn.stdout).toMatch(/a layer that several share\s+counts once\.\n$/);
    const piped = await run(['pull', 'all-minilm', '-n'], sandbox.url);
    expect(piped.stdout).toMatch(
      /^model\tdigest\tkind\tsize\tpresent\nall-minilm\tsha256:\w{64}\tmodel\t45900\tfalse\n/,
    );
    expect(piped.stdout).not.toMatch(ESCAPES);
    expect((await run(['pull', 'all-minilm', '-n', '-q'], sandbox.url)).stdout).toBe('all-minilm\n');
    const fields = await run(['pull', 'all-minilm', '-n', '--json', '--fields', 'model'], sandbox.url);
    expect(JSON.parse(fields.stdout)).toMatchObject({ dry_run: true, models: [{ model: 'all-minilm' }] });
  });

  it('says what the registry does not have: 3 for all, 8 beside others that are told', async () => {
    const alone = await run(['pull', 'absent', '-n', '--json'], sandbox.url);
    expect([alone.code, alone.stdout]).toEqual([3, '']);
    const beside = await run(['pull', 'absent', 'all-minilm', '-n', '--json'], sandbox.url);
    expect(beside.code).toBe(8);
    const document: unknown = JSON.parse(beside.stdout);
    expect(schemaErrors('pull-plan', document)).toBe('');
    expect(document).toMatchObject({
      models: [{ model: 'all-minilm' }],
      failed: [{ model: 'absent', error: { code: 'model_not_found' } }],
    });
  });

  it('tells people why each could not be looked up, and what to do', async () => {
    const { code, stderr } = await run(['pull', 'absent', 'all-minilm', '-n'], sandbox.url);
    expect(code).toBe(8);
    expect(stderr).toBe(
      '✗ absent: There is no model "absent:latest" in the registry.\n' +
        '  look it up        https://ollama.com/library  (which names and tags there are)\n' +
        '✗ 1 of 2 models could not be looked up: absent.\n',
    );
  });

  it('breaks no word of its sum in few columns', async () => {
    const { stdout } = await run(['pull', 'all-minilm', '-n'], sandbox.url, { tty: true, columns: 40 });
    expect(stdout).toMatch(/\n\n47 kB to fetch; 0 of 5 layers are here\nalready\.\n$/);
  });

  it.each(['registry-500', 'registry-garbage', 'registry-huge'])(
    'ends with an error for %s',
    async (fault) => {
      sandbox.setFaults([parseFault(fault)]);
      const { code, stdout } = await run(['pull', 'all-minilm', '-n'], sandbox.url, {
        env: { OLLAMA_CLI_RETRY__DELAY: '1ms' },
      });
      expect(code).toBeGreaterThan(0);
      expect(stdout).toBe('');
    },
  );

  it('exits 5 where no server answers', async () => {
    const env = { OLLAMA_CLI_REGISTRY: sandbox.url };
    const { code } = await run(['pull', 'all-minilm', '-n'], `http://127.0.0.1:${await closedPort()}`, {
      env,
    });
    expect(code).toBe(5);
  });
});

/** A registry that offers one model, `giant`: its weights of `bytes`, and a true config. */
async function startGiant(
  bytes: number,
  weights = `sha256:${'a'.repeat(64)}`,
  waitMs = 0,
): Promise<FaultServer> {
  const config = JSON.stringify({
    model_format: 'gguf',
    model_family: 'llama',
    model_type: '8B',
    file_type: 'Q4_0',
  });
  const digest = `sha256:${createHash('sha256').update(config).digest('hex')}`;
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: { mediaType: 'application/vnd.docker.container.image.v1+json', digest, size: config.length },
    layers: [{ mediaType: 'application/vnd.ollama.image.model', digest: weights, size: bytes }],
  });
  const server = await serve(({ url }) =>
    url.includes('/manifests/')
      ? { headers: { 'content-type': 'application/json' }, body: [{ wait: waitMs }, manifest] }
      : url.endsWith(digest)
        ? { headers: { 'content-type': 'application/octet-stream' }, body: [config] }
        : { status: 404, headers: { 'content-type': 'text/plain' }, body: ['nothing'] },
  );
  opened.push(server);
  return server;
}

const PETABYTE = 1e15;

describe('pull before it starts', () => {
  /** A server with one model, whose folder is at hand, beside a registry with too large a one. */
  async function atHand(registry: FaultServer): Promise<Record<string, string>> {
    await run(['pull', 'smollm2:135m', '-q'], sandbox.url);
    return { OLLAMA_MODELS: folder, OLLAMA_CLI_REGISTRY: registry.url };
  }
  const pulls = (): number => sandbox.requests.filter(({ path: asked }) => asked === '/api/pull').length;

  it('refuses what the disk does not hold with 7 and before anything is fetched, but not with --yes', async () => {
    const env = await atHand(await startGiant(PETABYTE));
    const before = pulls();
    const { code, stdout, stderr } = await run(['pull', 'giant', '--json'], sandbox.url, { env });
    expect(code).toBe(7);
    expect(lines(stdout)).toMatchObject([
      { type: 'start' },
      { type: 'error', error: { code: 'no_space', model: 'giant' }, skipped: ['giant'] },
    ]);
    expect(stderr).toContain('1.0 PB of giant are still to be fetched');
    expect(pulls()).toBe(before);
    // The server itself has no such model.
    expect((await run(['pull', 'giant', '--yes'], sandbox.url, { env })).code).toBe(3);
    expect(pulls()).toBe(before + 1);
  });

  it('asks in a terminal, and takes no for an answer', async () => {
    const env = { OLLAMA_HOST: sandbox.url, ...(await atHand(await startGiant(PETABYTE))) };
    const before = pulls();
    for (const [answer, exit] of [
      ['n\n', 7],
      ['y\n', 3],
    ] as const) {
      const stdin = new PassThrough();
      const test = testIo({ env, tty: true, stdin, stdinTty: true });
      const ran = main(['pull', 'giant'], test.io);
      await expect.poll(() => test.stderr(), { timeout: 10_000 }).toContain('Pull it all the same? [y/N]');
      stdin.write(answer);
      // Too little memory is asked about too.
      await Promise.race([
        ran,
        expect
          .poll(() => test.stderr().split('[y/N]').length, { timeout: 10_000 })
          .toBeGreaterThan(2)
          .then(() => stdin.write(answer)),
      ]);
      expect(await ran).toBe(exit);
    }
    expect(pulls()).toBe(before + 1);
  });

  it('counts only what is missing: a model whose weights are there needs no room', async () => {
    await run(['pull', 'smollm2:135m', '-q'], sandbox.url);
    const plan = await run(['pull', 'smollm2:135m', '-n', '--json'], sandbox.url);
    const { models } = JSON.parse(plan.stdout) as { models: { layers: { digest: string }[] }[] };
    const registry = await startGiant(PETABYTE, models[0]?.layers[0]?.digest);
    const env = { OLLAMA_MODELS: folder, OLLAMA_CLI_REGISTRY: registry.url };
    const { code, stderr } = await run(['pull', 'giant', '--json'], sandbox.url, { env });
    // The disk has room for the rest of it, the memory for none.
    expect(code).toBe(7);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'not_allowed' } });
    expect(stderr).toMatch(/giant needs about \S+ PB of memory \(an estimate\)/);
  });

  it('only warns where the folder may be another server’s', async () => {
    await run(['pull', 'smollm2:135m', '-q'], sandbox.url);
    const other = await mkdtemp(path.join(tmpdir(), 'other-'));
    await cp(folder, other, { recursive: true });
    const env = { OLLAMA_MODELS: other, HOME: home, OLLAMA_CLI_REGISTRY: (await startGiant(PETABYTE)).url };
    const { code, stderr } = await run(['pull', 'giant'], sandbox.url, { env });
    expect(code).toBe(3);
    expect(stderr).toMatch(/warning: giant needs about/);
    expect(stderr).not.toContain('still to be fetched');
  });

  describe('goes on beside the pull where the registry takes its time', () => {
    const LATE_MS = 700;
    /** A pull that is under way by the time that the registry says how large the model is. */
    async function underWay(fault: string): Promise<Record<string, string>> {
      const env = await atHand(await startGiant(PETABYTE, undefined, LATE_MS));
      sandbox.setFaults([parseFault(fault)]);
      return env;
    }

    it('and ends it with what it would have refused', async () => {
      const env = await underWay('frozen=60s@10%');
      const { code, stdout } = await run(
        ['pull', 'all-minilm', 'qwen3:0.6b', '-j', '1', '--json'],
        sandbox.url,
        {
          env,
        },
      );
      expect(code).toBe(7);
      const events = lines(stdout);
      expect(events.some(({ type }) => type === 'progress')).toBe(true);
      expect(events.filter(({ type }) => type === 'model_error' || type === 'model_result')).toEqual([]);
      expect(events.at(-1)).toMatchObject({
        type: 'error',
        error: { code: 'no_space', model: 'all-minilm' },
      });
      expect(sandbox.requests.filter(({ path: asked }) => asked === '/api/pull').at(-1)?.body).toMatchObject({
        model: 'all-minilm',
      });
    });

    it.each([
      ['n\n', 'frozen=60s@10%', 7, 'Stopped; what has come is kept on the server.'],
      ['y\n', 'slow=15kB', 0, ''],
    ])('and asks in a terminal: %j', async (answer, fault, exit, said) => {
      const env = { OLLAMA_HOST: sandbox.url, ...(await underWay(fault)) };
      const stdin = new PassThrough();
      const test = testIo({ env, tty: true, stdin, stdinTty: true });
      let open = true;
      const ran = main(['pull', 'all-minilm'], test.io).finally(() => (open = false));
      const before = pulls();
      let asked = 0;
      const questions = (): number => test.stderr().split('[y/N]').length - 1;
      for (let answered = 0; open;) {
        if (questions() > answered) {
          answered += 1;
          asked = pulls();
          stdin.write(answer);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(await ran).toBe(exit);
      expect(questions()).toBeGreaterThan(0);
      expect(test.stderr()).toContain(said);
      // It was under way by then, and goes on as it is.
      expect([asked, pulls()]).toEqual([before + 1, before + 1]);
    });

    it('and says nothing more of a pull that has ended meanwhile', async () => {
      const env = await atHand(await startGiant(PETABYTE, undefined, 3_000));
      const { code, stderr } = await run(['pull', 'all-minilm'], sandbox.url, { env });
      expect(code).toBe(0);
      expect(stderr).not.toContain('still to be fetched');
    });
  });

  it('does not wait for a registry that does not answer', async () => {
    const silent = await serve({ then: 'stall' });
    opened.push(silent);
    const env = await atHand(silent);
    const { code, stdout } = await run(['pull', 'all-minilm', '--json'], sandbox.url, { env });
    expect(code).toBe(0);
    const events = lines(stdout);
    expect(events.some(({ type }) => type === 'manifest')).toBe(false);
    const first = events.find(({ type }) => type === 'progress') as { overall: object };
    expect(first.overall).toMatchObject({ total_known: false });
  });
});
