import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve } from '../support/fault-server.js';
import { ESCAPES, lines, run, schemaErrors, TERMINAL, type Ran } from '../support/run.js';
import type { TestIoOptions } from '../support/io.js';

let sandbox: Sandbox;
let home: string;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: ['gemma3:1b'] });
  home = mkdtempSync(path.join(tmpdir(), 'providers-'));
});
afterEach(async () => {
  await sandbox.close();
  rmSync(home, { recursive: true, force: true });
});

const configFile = (): string => path.join(home, '.config', 'ollama-cli', 'config.yaml');
const checksFile = (): string => path.join(home, '.local', 'state', 'ollama-cli', 'providers.json');

function configure(text: string): void {
  mkdirSync(path.dirname(configFile()), { recursive: true });
  writeFileSync(configFile(), text);
}

async function providers(words: readonly string[], options: TestIoOptions = {}): Promise<Ran> {
  const env = { HOME: home, ...options.env };
  return await run(['providers', ...words], sandbox.url, { ...options, env });
}

async function json(words: readonly string[], schema: string): Promise<Record<string, unknown>> {
  const ran = await providers([...words, '--json']);
  const value = JSON.parse(ran.stdout) as Record<string, unknown>;
  expect(schemaErrors(schema, value)).toBe('');
  return value;
}

const cloud = (more = ''): string => `# mine
providers:
  cloud: # far away
    type: openai
    base_url: ${sandbox.url}/v1
    model: gemma3:1b
    api_key: sk-secret-key
${more}`;

describe('providers list', () => {
  it('has the server in use alone at first, and says how to add one', async () => {
    const value = await json(['list'], 'providers');
    expect(value).toMatchObject({
      total: 1,
      items: [{ name: 'ollama', enabled: true, base_url: `${sandbox.url}/v1` }],
    });
    expect((await providers(['list'], TERMINAL)).stdout).toContain('ollama-cli providers add');
    expect(sandbox.requests).toHaveLength(0);
  });

  it('tells the block of each, for all readers, and never a key', async () => {
    configure(cloud());
    const value = await json(['list'], 'providers');
    expect(value['items']).toMatchObject([
      { name: 'ollama' },
      {
        name: 'cloud',
        type: 'openai',
        enabled: false,
        api_key: '***',
        status: 'disconnected',
        last_checked: '',
      },
    ]);
    const plain = (await providers(['list'])).stdout;
    expect(plain.split('\n')[0]).toBe(
      'name\ttype\tenabled\tstatus\tmodel\tbase_url\tlast_checked\tapi_key\tapi_key_env\tcost',
    );
    const drawn = (await providers(['list'], TERMINAL)).stdout;
    expect(drawn).toContain('cloud');
    expect((await providers(['list', '-q'])).stdout).toBe('ollama\ncloud\n');
    expect((await providers(['list', '--fields', 'name', '--no-header'])).stdout).toBe('ollama\ncloud\n');
    expect(JSON.stringify(value) + plain + drawn).not.toContain('secret');
  });

  it('names each fault of a block, and exits 2', async () => {
    configure(cloud('    api_key_env: KEY\n  bad.name: {enabled: true}\n'));
    const ran = await providers(['list']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).not.toContain('secret');
  });

  it('counts nothing that a project file says of providers', async () => {
    writeFileSync(
      path.join(home, '.ollamarc'),
      'providers: {evil: {enabled: true, base_url: http://evil/v1}}\n',
    );
    const ran = await providers(['list', '-q'], { cwd: home });
    expect(ran.stdout).not.toContain('evil');
  });
});

describe('providers add, enable, disable and rm', () => {
  it('change the own file, keep its comments, and say what comes next', async () => {
    configure('# keep me\nthink: on\n');
    const added = await json(
      [
        'add',
        'far',
        '--base-url',
        'https://api.example/v1',
        '--model',
        'm-1',
        '--api-key-env',
        'FAR_KEY',
        '--cost-prompt',
        '0.5',
      ],
      'providers-change',
    );
    expect(added).toMatchObject({
      file: configFile(),
      provider: {
        name: 'far',
        type: 'openai',
        enabled: false,
        model: 'm-1',
        api_key_env: 'FAR_KEY',
        cost: { prompt: 0.5 },
      },
    });
    expect(readFileSync(configFile(), 'utf8')).toContain('# keep me\nthink: on\n');
    if (process.platform !== 'win32') expect(statSync(configFile()).mode & 0o777).toBe(0o600);
    const enabled = await providers(['enable', 'far']);
    expect(enabled).toMatchObject({ code: 0, stderr: '' });
    expect(enabled.stdout).toMatch(/^enabled far\nnext: /);
    expect(await json(['list'], 'providers')).toMatchObject({
      items: [{}, { name: 'far', enabled: true, model: 'm-1' }],
    });
    expect((await providers(['disable', 'far'])).stdout).toBe('disabled far\n');
    const removed = await json(['rm', 'far'], 'providers-change');
    expect(removed).toMatchObject({ removed: [{ name: 'far' }] });
    expect(readFileSync(configFile(), 'utf8')).toBe('# keep me\nthink: on\n');
  });

  it.each([
    [['add', 'x', '--type', 'gemini'], 'type is none of'],
    [['add', 'a.b'], 'name is no name'],
    [['add', 'x', '--base-url', 'https://u:pw-secret@h/v1'], 'has a password'],
    [['add', 'x', '--cost-prompt', 'much'], 'not so: prompt'],
    [['add', 'x', '--api-key', '--api-key-env', 'K'], 'keep one'],
    [['add', 'cloud'], 'a provider cloud already'],
    [
      ['add', 'ollama', '--base-url', 'http://h:1'],
      'ollama is the server in use: --base-url would not count',
    ],
    [
      ['add', 'ollama', '--type', 'openai', '--api-key-env', 'K', '--enable'],
      '--type, --api-key-env, --enable',
    ],
    [['enable', 'clout'], 'There is no provider "clout".', 3],
    [['rm', 'nobody'], 'There is no provider "nobody".', 3],
    [['disable', 'ollama'], 'always answers'],
    [['test', 'clout'], 'There is no provider "clout".', 3],
  ])('refuse %j, and change nothing', async (words, message, code = 2) => {
    configure(cloud());
    const ran = await providers(words);
    expect(ran.code).toBe(code);
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).not.toContain('secret');
    expect(readFileSync(configFile(), 'utf8')).toBe(cloud());
  });

  it('replace one with --force, and warn where fallback still names a removed one', async () => {
    configure(cloud('fallback: [ollama, cloud]\n'));
    expect((await providers(['add', 'cloud', '--force', '--type', 'anthropic'])).stdout).toMatch(
      /^replaced cloud/,
    );
    const ran = await providers(['rm', 'cloud']);
    expect(ran.stderr).toBe('warning: fallback still names cloud\n');
    expect(readFileSync(configFile(), 'utf8')).not.toContain('sk-secret-key');
  });

  it('warn of a key that would go over the network unencrypted', async () => {
    const words = ['add', 'far', '--api-key-env', 'FAR_KEY', '--force', '--base-url'];
    expect((await providers([...words, 'http://far.example/v1'])).stderr).toContain('unencrypted');
    expect((await providers([...words, 'https://far.example/v1'])).stderr).toBe('');
    expect((await providers([...words, 'http://127.0.0.1:1/v1'])).stderr).toBe('');
  });

  it('ask for a key without showing it, and take none where nobody can be asked', async () => {
    const words = ['add', 'far', '--base-url', 'https://api.example/v1', '--api-key'];
    const ran = await providers(words, { ...TERMINAL, stdinTty: true, stdin: 'sk-typed-secret\r' });
    expect(ran.code).toBe(0);
    expect(ran.stdout + ran.stderr).not.toContain('typed-secret');
    expect(readFileSync(configFile(), 'utf8')).toContain('api_key: sk-typed-secret');
    expect((await providers([...words, '--force'])).code).toBe(7);
  });
});

describe('where the credentials of the host in force are missing', () => {
  const hosts = (): string => `hosts: {mine: {url: "${sandbox.url}", token_env: NO_SUCH}}\nhost: mine\n`;
  const bare = async (...words: readonly string[]): Promise<Ran> =>
    await run(['providers', ...words], undefined, { env: { HOME: home } });

  it('lists the providers, and tests the others', async () => {
    configure(`${cloud()}${hosts()}`);
    const listed = await bare('list');
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(listed.stdout).toContain('cloud\topenai');
    expect((await bare('test', 'cloud')).code).toBe(0);
    const own = await bare('test', 'ollama', '--json');
    expect(own.code).toBe(2);
    expect(JSON.parse(own.stdout)).toMatchObject({ items: [{ status: 'error', error: { code: 'config' } }] });
    expect(own.stderr).toContain('NO_SUCH');
  });
});

describe('providers test', () => {
  it('asks those that are enabled, or all, or those named, and remembers what came of it', async () => {
    configure(
      cloud(`  gone: {enabled: true, type: openai, base_url: "http://127.0.0.1:${await closedPort()}/v1"}\n`),
    );
    const named = await json(['test', 'cloud'], 'providers-test');
    expect(named).toMatchObject({
      total: 1,
      items: [{ name: 'cloud', status: 'connected', model_available: true }],
    });
    const listed = await json(['list'], 'providers');
    expect(listed).toMatchObject({
      items: [{}, { name: 'cloud', status: 'connected' }, { status: 'disconnected' }],
    });
    if (process.platform !== 'win32') expect(statSync(checksFile()).mode & 0o777).toBe(0o600);
    expect(readFileSync(checksFile(), 'utf8')).not.toContain('secret');
    const all = await json(['test', '--all'], 'providers-test');
    expect((all['items'] as { name: string }[]).map(({ name }) => name)).toEqual(['ollama', 'cloud', 'gone']);
    const enabled = await json(['test'], 'providers-test');
    expect((enabled['items'] as { name: string }[]).map(({ name }) => name)).toEqual(['ollama', 'gone']);
    expect((await providers(['list'])).stdout).toMatch(/gone\t.*\terror\t/);
  });

  it.each<[string, () => Promise<string>, number, string]>([
    ['nobody answers', async () => `http://127.0.0.1:${await closedPort()}/v1`, 5, "can't be reached"],
    ['its model is not there', () => Promise.resolve(`${sandbox.url}/v1`), 3, 'has no model "llama3.2"'],
  ])('exits as the errors are where %s', async (_, address, code, words) => {
    configure(`providers: {far: {type: openai, base_url: "${await address()}"}}\n`);
    const ran = await providers(['test', 'far']);
    expect(ran.code).toBe(code);
    expect(ran.stderr).toContain(words);
    expect(ran.stderr).not.toMatch(/ollama serve|ollama-cli pull|No Ollama server/);
    expect((await providers(['test', 'far', 'ollama'])).code).not.toBe(0);
  });

  it('notes a default model that is not there, and fails for one that somebody chose', async () => {
    const fresh = await providers(['test']);
    expect(fresh.code).toBe(0);
    expect(fresh.stdout).toMatch(/^ollama\tconnected\t/m);
    expect(fresh.stderr).toBe(
      'note: nobody has chosen a model for ollama (default_model). It has gemma3:1b.\n',
    );
    const told = await json(['test'], 'providers-test');
    expect(told['items']).toEqual([expect.not.objectContaining({ model_available: false })]);
    configure('default_model: llama3.2\n');
    const chosen = await providers(['test']);
    expect(chosen.code).toBe(3);
    expect(chosen.stderr).toContain('✗ ollama has no model "llama3.2".');
  });

  it('exits 4 for a refused key and for one that is not set, and tells neither', async () => {
    const server = await serve(({ headers }) => ({
      status: 401,
      body: [JSON.stringify({ error: { message: `no: ${headers.authorization}\u001b[2J` } })],
    }));
    try {
      configure(
        cloud(`  env: {type: anthropic, base_url: ${server.url}, api_key_env: FAR_KEY}\n`).replace(
          sandbox.url,
          server.url,
        ),
      );
      for (const options of [{}, TERMINAL]) {
        const ran = await providers(['test', 'cloud', '--debug'], options);
        expect(ran.code).toBe(4);
        expect(ran.stdout + ran.stderr).not.toContain('secret');
        if (options !== TERMINAL) expect(ran.stdout + ran.stderr).not.toMatch(ESCAPES);
        expect(ran.stdout + ran.stderr).not.toContain('\u001b[2J');
      }
      const unset = await providers(['test', 'env', '--json']);
      expect(unset.code).toBe(4);
      expect(JSON.parse(unset.stdout)).toMatchObject({
        items: [{ status: 'error', error: { code: 'unauthorized' } }],
      });
      expect(JSON.parse(unset.stderr)).toMatchObject({ error: { code: 'unauthorized' } });
    } finally {
      await server.close();
    }
  });

  it('exits 8 where some passed', async () => {
    configure(cloud(`  gone: {type: openai, base_url: "http://127.0.0.1:${await closedPort()}/v1"}\n`));
    expect((await providers(['test', 'cloud', 'gone'])).code).toBe(8);
  });
});

describe('a chat with a provider', () => {
  it.each(['openai', 'anthropic'])(
    'of the type %s is answered by it, and tells what it cost',
    async (type) => {
      const cost = '{prompt: 1, completion: 2, currency: EUR}';
      configure(
        `providers: {far: {type: ${type}, enabled: true, base_url: "${sandbox.url}/v1", model: "gemma3:1b", cost: ${cost}}}\n`,
      );
      const env = { HOME: home };
      const dead = `http://127.0.0.1:${await closedPort()}`;
      const ran = await run(['chat', '--provider', 'far', 'Hello', '--json'], dead, { env });
      expect(ran.code).toBe(0);
      const result = lines(ran.stdout).at(-1) as {
        message: { content: string };
        metrics: Record<string, number>;
      };
      expect(result.message.content).toContain('sandbox');
      const { prompt_tokens: prompt = 0, completion_tokens: completion = 0 } = result.metrics;
      expect(result.metrics).toMatchObject({ cost: (prompt + completion * 2) / 1e6, currency: 'EUR' });
    },
  );

  it('named by fallback comes behind the server that -H names', async () => {
    const far = `far: {enabled: true, type: openai, base_url: "http://127.0.0.1:${await closedPort()}/v1"}`;
    configure(`providers: {${far}}\nfallback: [far]\n`);
    const words = ['chat', 'gemma3:1b', 'Hello', '--json', '-H', sandbox.url];
    const ran = await run(words, undefined, { env: { HOME: home } });
    expect(ran.code).toBe(0);
    expect(lines(ran.stdout).map(({ type }) => type)).not.toContain('provider');
    expect(sandbox.requests.map(({ path: asked }) => asked)).toContain('/api/chat');
  });
});
