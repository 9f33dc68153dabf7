import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { main } from '../../src/main.js';
import { closedPort, serve, type FaultServer } from '../support/fault-server.js';
import { testIo, type TestIoOptions } from '../support/io.js';
import { ESCAPES, run, schemaErrors, TERMINAL } from '../support/run.js';

let home: string;
let servers: FaultServer[];
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'hosts-'));
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map(async (server) => await server.close()));
  rmSync(home, { recursive: true, force: true });
});

const ASKABLE = { tty: true, stdinTty: true } as const;

function folder(): string {
  return path.join(home, '.config', 'ollama-cli');
}

function configFile(name = 'config.yaml'): string {
  return path.join(folder(), name);
}

function configure(text: string, name?: string): void {
  mkdirSync(folder(), { recursive: true });
  writeFileSync(configFile(name), text, { mode: 0o600 });
}

function configured(): string {
  return readFileSync(configFile(), 'utf8');
}

function secretFile(name: string, text: string, mode = 0o600): string {
  const file = path.join(home, name);
  writeFileSync(file, text, { mode });
  return file;
}

async function hosts(argv: readonly string[], { env, ...options }: TestIoOptions = {}) {
  return await run(['hosts', ...argv], undefined, { cwd: home, env: { HOME: home, ...env }, ...options });
}

/** A server of a version that keeps what it is asked. */
async function ollama(version = '0.24.0', status = 200): Promise<FaultServer> {
  const body = [JSON.stringify(status === 200 ? { version, models: [] } : { error: 'unauthorized' })];
  const server = await serve({ status, headers: { 'content-type': 'application/json' }, body });
  servers.push(server);
  return server;
}

describe('hosts add', () => {
  it('names a host in a file of the person’s own', async () => {
    const ran = await hosts(['add', 'gpu', 'https://box.example/ollama/']);
    expect(ran).toEqual({ code: 0, stdout: 'added gpu: https://box.example/ollama\n', stderr: '' });
    expect(configured()).toBe('hosts:\n  gpu:\n    url: https://box.example/ollama/\n');
    expect(statSync(configFile()).mode & 0o777).toBe(0o600);
    const listed = JSON.parse((await hosts(['list', '--json'])).stdout) as { items: object[] };
    expect(listed.items).toEqual([
      { name: 'gpu', url: 'https://box.example/ollama', default: false, auth: 'none', insecure: false },
    ]);
  });

  it('takes everything that a host may need, and --use makes it the default', async () => {
    const headers = secretFile('gpu.headers', 'x-team: blue\n');
    const ca = secretFile('ca.pem', '-----BEGIN CERTIFICATE-----\n', 0o644);
    const argv = [
      'add',
      'gpu',
      'https://box',
      '--header-file',
      'gpu.headers',
      '--token-env',
      'BOX',
      '--ca-file',
      'ca.pem',
    ];
    const ran = await hosts([...argv, '--insecure', '--use', '--json'], { env: { BOX: 'hush' } });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(schemaErrors('hosts-add', JSON.parse(ran.stdout))).toBe('');
    expect(JSON.parse(ran.stdout)).toEqual({
      schema_version: 1,
      name: 'gpu',
      url: 'https://box',
      default: true,
      auth: 'bearer',
      insecure: true,
      ca_file: ca,
      replaced: false,
      file: configFile(),
    });
    expect(configured()).toContain('host: gpu\n');
    expect(configured()).toContain(`header_file: ${headers}\n`);
    expect(configured()).not.toContain('hush');
  });

  it('keeps a token that is typed unseen in a file that only its owner can read', async () => {
    const ran = await hosts(['add', 'gpu', 'https://box', '--token'], {
      ...ASKABLE,
      stdin: 'hu\u007f\u007fhush\r',
    });
    expect(ran.code).toBe(0);
    expect(ran.stdout + ran.stderr).not.toContain('hush');
    expect(ran.stderr).toContain('Token for gpu (not shown): ');
    const kept = path.join(folder(), 'credentials', 'gpu');
    expect(readFileSync(kept, 'utf8')).toContain('\nauthorization: Bearer hush\n');
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    expect(configured()).toContain('header_file: credentials/gpu\n');
    expect(configured()).not.toContain('hush');
  });

  it('keeps a user and a password so, typed or from a variable', async () => {
    const kept = path.join(folder(), 'credentials', 'gpu');
    const basic = `authorization: Basic ${Buffer.from('ann:hüsh').toString('base64')}`;
    const typed = await hosts(['add', 'gpu', 'box:1', '--user', 'ann'], { ...ASKABLE, stdin: 'hüsh\n' });
    expect(typed.code).toBe(0);
    expect(readFileSync(kept, 'utf8')).toContain(basic);
    rmSync(kept);
    const read = await hosts(
      ['add', 'gpu', 'box:1', '--user', 'ann', '--password-env', 'PW', '--force', '--json'],
      {
        env: { PW: 'hüsh' },
      },
    );
    expect(JSON.parse(read.stdout)).toMatchObject({ auth: 'basic', replaced: true, credentials_file: kept });
    expect(readFileSync(kept, 'utf8')).toContain(basic);
  });

  it('takes a password out of an address, keeps it apart and says what is wrong with it', async () => {
    const ran = await hosts(['add', 'gpu', 'https://ann:hush@box/x', '--json']);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(/^warning: a password in an address stays in the history/);
    expect(ran.stdout + ran.stderr + configured()).not.toContain('hush');
    expect(configured()).toContain('url: https://box/x\n');
    expect(JSON.parse(ran.stdout)).toMatchObject({ url: 'https://box/x', auth: 'basic' });
  });

  it('keeps headers of the command line that are no secret, and the file of --header', async () => {
    const file = secretFile('h', 'authorization: Bearer hush');
    const ran = await hosts(['add', 'gpu', 'box', '--header', 'X-Team: blue', '--header', '@h', '--json']);
    expect(JSON.parse(ran.stdout)).toMatchObject({ auth: 'bearer' });
    expect(configured()).toContain('x-team: blue');
    expect(configured()).toContain(`header_file: ${file}`);
  });

  it.each([
    ['no secret of a host that can not be written', undefined],
    ['the old secret where the new one can not be written', 'authorization: Bearer old\n'],
  ])('leaves %s', async (_, before) => {
    const kept = path.join(folder(), 'credentials', 'gpu');
    // A reference to an anchor that would be gone: such a file is changed in an editor.
    configure('hosts: {gpu: &a {url: one}, other: *a}\n');
    if (before !== undefined) {
      mkdirSync(path.dirname(kept), { recursive: true });
      writeFileSync(kept, before, { mode: 0o600 });
    }
    const argv = ['add', 'gpu', 'two', '--user', 'ann', '--password-env', 'PW', '--force'];
    const ran = await hosts(argv, { env: { PW: 'hush' } });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain("can't be changed by itself");
    expect(existsSync(kept) ? readFileSync(kept, 'utf8') : undefined).toBe(before);
  });

  it('replaces a host only where --force says so, and forgets what was kept for it', async () => {
    await hosts(['add', 'gpu', 'http://ann:hush@one']);
    const refused = await hosts(['add', 'gpu', 'two']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('The name gpu is taken: it is http://one:80');
    expect(refused.stderr).toContain('--force');
    const replaced = await hosts(['add', 'gpu', 'two', '--force']);
    expect(replaced.stdout).toBe('replaced gpu: http://two:11434\n');
    expect(existsSync(path.join(folder(), 'credentials', 'gpu'))).toBe(false);
    expect(configured()).toBe('hosts:\n  gpu:\n    url: two\n');
  });

  it('tells the fields that are asked for, and changes nothing for an unknown one', async () => {
    expect((await hosts(['add', 'gpu', 'box', '--fields', 'secret'])).code).toBe(2);
    expect(existsSync(folder())).toBe(false);
    const ran = await hosts(['add', 'gpu', 'box', '--fields', 'auth,name']);
    expect(ran.stdout).toBe('field\tvalue\nauth\tnone\nname\tgpu\n');
    expect((await hosts(['use', 'gpu', '-q'])).stdout).toBe('');
    expect((await hosts(['rm', 'gpu', '--fields', 'url', '--json'])).stdout).toBe(
      '{"schema_version":1,"url":"http://box:11434"}\n',
    );
  });

  it('leaves the comments and the order of the file', async () => {
    configure('# mine\nsystem: hi # there\nhosts:\n  # below\n  nas: {url: nas}\n');
    await hosts(['add', 'gpu', 'gpu']);
    expect(configured()).toBe(
      '# mine\nsystem: hi # there\nhosts:\n  # below\n  nas: {url: nas}\n  gpu:\n    url: gpu\n'.replace(
        '{url: nas}',
        '{ url: nas }',
      ),
    );
  });

  it('changes a JSON file where that is the person’s', async () => {
    configure('{"system": "hi"}\n', 'config.json');
    expect((await hosts(['add', 'gpu', 'gpu', '--use'])).code).toBe(0);
    expect(JSON.parse(readFileSync(configFile('config.json'), 'utf8'))).toEqual({
      system: 'hi',
      hosts: { gpu: { url: 'gpu' } },
      host: 'gpu',
    });
    expect(existsSync(configFile())).toBe(false);
  });

  it.each<[string, string[], RegExp]>([
    ['a name of other letters', ['a.b', 'box'], /"a\.b" is no name for a host/],
    ['the name of all', ['all', 'box'], /"all" stands for every host/],
    ['a name of every object', ['constructor', 'box'], /is no name/],
    ['another scheme', ['gpu', 'ftp://ann:hush@box'], /only http and https/],
    ['a user with a colon', ['gpu', 'box', '--user', 'a:b', '--password-env', 'HOME'], /no colon/],
    ['two ways at once', ['gpu', 'box', '--token', '--token-env', 'X'], /--token and --token-env/],
    ['a password twice', ['gpu', 'http://a:hush@box', '--user', 'a'], /URL and --user/],
    ['a password of nobody', ['gpu', 'box', '--password-env', 'X'], /needs --user/],
    ['a token in place of a variable', ['gpu', 'box', '--token-env', 'hush-1.2'], /not a token/],
    [
      'a secret header on the command line',
      ['gpu', 'box', '--header', 'Authorization: hush'],
      /may be a secret/,
    ],
    ['two files', ['gpu', 'box', '--header-file', 'h', '--header', '@h'], /one file of headers/],
    ['a file and a token', ['gpu', 'box', '--header-file', 'h', '--token'], /has no place/],
    ['a file that is not there', ['gpu', 'box', '--header-file', 'gone'], /gone can't be read/],
    ['a CA file that is not there', ['gpu', 'box', '--ca-file', 'gone'], /--ca-file: \S+gone can't be read/],
    ['a CA file without a certificate', ['gpu', 'box', '--ca-file', 'h'], /holds no certificate in PEM/],
  ])('refuses %s, exits 2 and writes nothing', async (_, argv, message) => {
    secretFile('h', 'x-a: b');
    const ran = await hosts(['add', ...argv]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).not.toContain('hush');
    expect(existsSync(folder())).toBe(false);
  });

  it('refuses a file of headers that others can read, with the command that mends it', async () => {
    const file = secretFile('h', 'x-a: hush', 0o644);
    const ran = await hosts(['add', 'gpu', 'box', '--header-file', 'h']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(`chmod 600 ${file}`);
    expect(existsSync(folder())).toBe(false);
  });

  it.each<[string, TestIoOptions, string[]]>([
    ['without a terminal', { stdin: 'hush\n' }, []],
    ['with --json', { ...ASKABLE, stdin: 'hush\n' }, ['--json']],
    ['with --no-input', { ...ASKABLE, stdin: 'hush\n' }, ['--no-input']],
    ['where nothing is typed', { ...ASKABLE, stdin: '\n' }, []],
  ])('asks for no secret %s: exit 7', async (_, options, argv) => {
    const ran = await hosts(['add', 'gpu', 'box', '--token', ...argv], options);
    expect(ran.code).toBe(7);
    expect(existsSync(folder())).toBe(false);
  });

  it('keeps nothing where Ctrl-C ends the question', async () => {
    const test = testIo({ ...ASKABLE, cwd: home, env: { HOME: home }, stdin: 'hush\u0003' });
    expect(await main(['hosts', 'add', 'gpu', 'box', '--token'], test.io)).toBe(130);
    expect(existsSync(folder())).toBe(false);
  });
});

describe('hosts list', () => {
  const FILE = `host: gpu
hosts:
  gpu: {url: 'https://ann:hush@box', insecure: true}
  nas: {url: nas, token_env: NAS, ca_file: nas.pem}
  old: {url: old, headers: {x-key: hush}}
`;

  it('tells a person, a pipe and a script, and asks nobody', async () => {
    configure(FILE);
    const json = await hosts(['list', '--json']);
    expect(json.stderr).toBe('');
    expect(schemaErrors('hosts', JSON.parse(json.stdout))).toBe('');
    expect(JSON.parse(json.stdout)).toEqual({
      schema_version: 1,
      items: [
        { name: 'gpu', url: 'https://box', default: true, auth: 'basic', insecure: true },
        {
          name: 'nas',
          url: 'http://nas:11434',
          default: false,
          auth: 'bearer',
          insecure: false,
          ca_file: path.join(folder(), 'nas.pem'),
        },
        { name: 'old', url: 'http://old:11434', default: false, auth: 'headers', insecure: false },
      ],
      total: 3,
    });
    const plain = await hosts(['list']);
    expect(plain.stdout.split('\n').slice(0, 2)).toEqual([
      'name\turl\tdefault\tauth\tinsecure\tca_file',
      'gpu\thttps://box\ttrue\tbasic\ttrue\t',
    ]);
    const drawn = await hosts(['list'], TERMINAL);
    expect(drawn.stdout).toMatch(/gpu +https:\/\/box +yes +basic +yes/);
    expect((await hosts(['list', '-q'])).stdout).toBe('gpu\nnas\nold\n');
    expect((await hosts(['list', '--fields', 'auth,name'])).stdout).toBe(
      'auth\tname\nbasic\tgpu\nbearer\tnas\nheaders\told\n',
    );
    for (const { stdout } of [json, plain, drawn]) expect(stdout).not.toContain('hush');
    expect((await hosts(['list', '--fields', 'password'])).code).toBe(2);
  });

  it('marks the one that is used where nothing is said on the command line', async () => {
    configure(FILE);
    const marked = async (options: TestIoOptions, ...more: string[]) => {
      const ran = await hosts(['list', '--json', ...more], options);
      const { items } = JSON.parse(ran.stdout) as { items: { name: string; default: boolean }[] };
      return items.filter((item) => item.default).map(({ name }) => name);
    };
    expect(await marked({}, '-H', 'nas')).toEqual(['gpu']);
    expect(await marked({ env: { OLLAMA_HOST: 'nas' } })).toEqual(['nas']);
    expect(await marked({ env: { OLLAMA_HOST: 'elsewhere:1' } })).toEqual([]);
    const spelled = { OLLAMA_HOST: 'HTTP://box-1:80/' };
    configure('hosts: {one: {url: box-1:80}, two: {url: box-2}, three: {url: "http://box-1"}}\n');
    expect(await marked({ env: spelled })).toEqual(['one', 'three']);
    expect((await hosts(['list'], { ...TERMINAL, env: spelled })).stdout).not.toContain('has no name');
    // A name says which of several with one address it is.
    expect(await marked({ env: { OLLAMA_HOST: 'three' } })).toEqual(['three']);
    configure('host: http://box-2:11434\nhosts: {one: {url: box-1:80}, two: {url: box-2}}\n');
    expect(await marked({})).toEqual(['two']);
    configure(FILE);
    const drawn = await hosts(['list'], { ...TERMINAL, env: { OLLAMA_HOST: 'elsewhere:1' } });
    expect(drawn.stdout).toContain('The default is http://elsewhere:1, which has no name (OLLAMA_HOST).');
  });

  it('is an empty list where there are none', async () => {
    expect(JSON.parse((await hosts(['list', '--json'])).stdout)).toMatchObject({ items: [], total: 0 });
    expect((await hosts(['list'], TERMINAL)).stdout).toContain('hosts add NAME URL');
  });

  it('works where the token of a host is not there', async () => {
    configure('host: gpu\nhosts: {gpu: {url: gpu, token_env: GONE}}\n');
    expect(await hosts(['list', '-q'])).toEqual({ code: 0, stdout: 'gpu\n', stderr: '' });
    const asked = await run(['list'], undefined, { cwd: home, env: { HOME: home } });
    expect(asked.code).toBe(2);
    expect(asked.stderr).toContain('hosts.gpu.token_env: the variable GONE is not set.');
  });
});

describe('hosts use', () => {
  it('makes a host the default, and none again, whatever spelling the file has', async () => {
    const server = await ollama();
    configure(`base_url: http://127.0.0.1:1\nhosts: {gpu: {url: '${server.url}'}}\n`);
    expect((await hosts(['use', 'gpu'])).stdout).toBe(`gpu is the default host: ${server.url}\n`);
    expect(configured()).not.toContain('base_url');
    expect((await run(['list'], undefined, { cwd: home, env: { HOME: home } })).code).toBe(0);
    expect(server.requests.length).toBe(1);
    const json = await hosts(['use', '--none', '--json']);
    expect(schemaErrors('hosts-use', JSON.parse(json.stdout))).toBe('');
    expect(JSON.parse(json.stdout)).toEqual({ schema_version: 1, name: null, file: configFile() });
    expect(configured()).not.toMatch(/^host:/m);
  });

  it('says what is stronger', async () => {
    configure('hosts: {gpu: {url: gpu}}\n');
    const ran = await hosts(['use', 'gpu'], { env: { OLLAMA_HOST: 'other' } });
    expect(ran.stderr).toBe('warning: OLLAMA_HOST names another host, and is stronger\n');
    expect((await hosts(['use', 'gpu'], { env: { OLLAMA_HOST: 'gpu' } })).stderr).toBe('');
  });

  it('knows no host that is not configured, and names the near ones', async () => {
    configure('hosts: {gpu: {url: gpu}}\n');
    const ran = await hosts(['use', 'gpuu', '--json']);
    expect(ran.code).toBe(3);
    expect(JSON.parse(ran.stderr)).toMatchObject({
      error: { code: 'host_not_found', hint: 'Did you mean gpu?' },
    });
    expect((await hosts(['use'])).code).toBe(2);
    expect((await hosts(['use', 'gpu', '--none'])).code).toBe(2);
  });
});

describe('hosts rm', () => {
  it('says what goes, with what was kept for it, and that the default is none', async () => {
    await hosts(['add', 'gpu', 'https://ann:hush@box', '--use']);
    const ran = await hosts(['rm', 'gpu']);
    expect(ran).toEqual({
      code: 0,
      stdout:
        'removed gpu: https://box, with the credentials that were kept for it\nno host is the default now\n',
      stderr: '',
    });
    expect(configured()).not.toMatch(/gpu|host/);
    expect(existsSync(path.join(folder(), 'credentials', 'gpu'))).toBe(false);
  });

  it('leaves a file of headers that is the person’s', async () => {
    const file = secretFile('mine', 'x-a: b');
    await hosts(['add', 'gpu', 'box', '--header-file', 'mine']);
    const ran = await hosts(['rm', 'gpu', '--json']);
    expect(schemaErrors('hosts-rm', JSON.parse(ran.stdout))).toBe('');
    expect(JSON.parse(ran.stdout)).toMatchObject({
      name: 'gpu',
      url: 'http://box:11434',
      was_default: false,
      credentials_removed: false,
    });
    expect(existsSync(file)).toBe(true);
  });

  it('exits 3 for one that is not configured, 2 for one of the environment', async () => {
    configure('hosts: {gpu: {url: gpu}}\n');
    const ran = await hosts(['rm', 'gp']);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain('Did you mean gpu?');
    const env = { OLLAMA_CLI_HOSTS__NAS__URL: 'nas' };
    const other = await hosts(['rm', 'nas'], { env });
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('OLLAMA_CLI_HOSTS__NAS__URL');
  });
});

describe('hosts test', () => {
  it('tells of each whether it answers, its version and the time', async () => {
    const [a, b] = [await ollama('0.24.0'), await ollama('0.9.1')];
    configure(`host: a\nhosts: {a: {url: '${a.url}'}, b: {url: '${b.url}'}}\n`);
    const ran = await hosts(['test', '--all', '--json']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(schemaErrors('hosts-test', JSON.parse(ran.stdout))).toBe('');
    expect(JSON.parse(ran.stdout)).toMatchObject({
      items: [
        { name: 'a', url: a.url, ok: true, version: '0.24.0', ms: expect.any(Number) as number },
        { name: 'b', url: b.url, ok: true, version: '0.9.1' },
      ],
      total: 2,
    });
    expect((await hosts(['test', '-q'])).stdout).toBe('a\n');
    expect((await hosts(['test', 'b', '--fields', 'name,ok'])).stdout).toBe('name\tok\nb\ttrue\n');
    expect((await hosts(['test', '--all'], TERMINAL)).stdout).toMatch(/a +http.* yes +0\.24\.0/);
  });

  it('gives each that fails one next step, and the exit code of what failed', async () => {
    const [good, closed] = [await ollama(), await ollama('', 401)];
    configure(
      `hosts: {good: {url: '${good.url}'}, shut: {url: '${closed.url}'}, gone: {url: '127.0.0.1:${await closedPort()}'}}\n`,
    );
    const all = await hosts(['test', '--all', '--json']);
    expect(all.code).toBe(8);
    expect(schemaErrors('hosts-test', JSON.parse(all.stdout))).toBe('');
    expect(JSON.parse(all.stdout)).toMatchObject({
      items: [
        { name: 'good', ok: true },
        { name: 'shut', ok: false, error: { code: 'unauthorized' } },
        {
          name: 'gone',
          url: expect.stringMatching(/^http:/) as string,
          ok: false,
          error: { code: 'unreachable' },
        },
      ],
    });
    expect(JSON.parse(all.stderr)).toMatchObject({
      error: {
        code: 'partial',
        message: '2 of 3 hosts failed: shut, gone.',
        hint: 'ollama-cli hosts test gone',
      },
    });
    const { items } = JSON.parse(all.stdout) as { items: { error?: { hint: string } }[] };
    expect(items[1]?.error?.hint).toContain(`ollama-cli hosts add shut ${closed.url} --user USER --force`);
    expect((await hosts(['test', 'shut'])).code).toBe(4);
    expect((await hosts(['test', 'gone'])).code).toBe(5);
    const told = await hosts(['test', 'gone', 'shut'], { ...TERMINAL, columns: 200 });
    expect(told.code).toBe(8);
    expect(told.stderr).toMatch(/gone: No Ollama server.* Next: ollama-cli -H gone health/);
    expect(told.stderr).toMatch(/shut: .* Next: ollama-cli hosts add shut http:\/\/\S+ --user USER --force/);
    expect(told.stdout + told.stderr).not.toMatch(
      new RegExp(ESCAPES.source.replace('\\u000b-\\u001f', '\\u000b-\\u001a')),
    );
  });

  it('exits 3 for names that are not configured, and asks the others all the same', async () => {
    const server = await ollama();
    configure(`hosts: {good: {url: '${server.url}'}}\n`);
    expect((await hosts(['test', 'goood'])).code).toBe(3);
    const both = await hosts(['test', 'goood', 'good', '--json']);
    expect(both.code).toBe(8);
    expect(JSON.parse(both.stdout)).toMatchObject({
      items: [
        { name: 'goood', ok: false, error: { code: 'host_not_found' } },
        { name: 'good', ok: true },
      ],
    });
  });

  it('sends a host what it is to be sent, and is told which variable is missing', async () => {
    const server = await ollama();
    configure(`hosts: {gpu: {url: '${server.url}', token_env: BOX}}\n`);
    const missing = await hosts(['test', 'gpu']);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('BOX is not set');
    expect(missing.stdout).toContain(`gpu\t${server.url}\tfalse`);
    expect(server.requests).toEqual([]);
    expect((await hosts(['test', 'gpu'], { env: { BOX: 'tok' } })).code).toBe(0);
    expect(server.requests[0]?.headers.authorization).toBe('Bearer tok');
  });
});

describe('hosts discover', () => {
  it('looks at the addresses that are given, and says how to name what is new', async () => {
    const [known, fresh] = [await ollama('0.24.0'), await ollama('0.9.1')];
    const port = await closedPort();
    configure(
      `hosts: {gpu: {url: '${known.url}', headers: {authorization: Bearer own}}}\nheaders: {x-key: hush}\n`,
    );
    const ran = await hosts([
      'discover',
      known.url,
      `127.0.0.1:${fresh.port}`,
      `127.0.0.1:${port}`,
      '--json',
    ]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(schemaErrors('hosts-discover', JSON.parse(ran.stdout))).toBe('');
    expect(JSON.parse(ran.stdout)).toMatchObject({
      items: [
        { url: known.url, name: 'gpu', ok: true },
        {
          url: fresh.url,
          name: '',
          ok: true,
          version: '0.9.1',
          add: `ollama-cli hosts add host-127-0-0-1 ${fresh.url}`,
        },
        { url: `http://127.0.0.1:${port}`, ok: false, error: { code: 'unreachable' } },
      ],
      total: 3,
      found: 2,
    });
    expect(known.requests[0]?.headers.authorization).toBe('Bearer own');
    expect(fresh.requests[0]?.headers).not.toHaveProperty('x-key');
    expect(fresh.requests[0]?.headers).not.toHaveProperty('authorization');
    const drawn = await hosts(['discover', fresh.url], { ...TERMINAL, columns: 160 });
    expect(drawn.stdout).toContain('ollama-cli hosts add host-127-0-0-1');
    expect(drawn.stdout).toContain('1 of 1 answer.');
    expect((await hosts(['discover', fresh.url, '-q'])).stdout).toBe(`${fresh.url}\n`);
  });

  it('offers each name once, and in a terminal as lines to copy', async () => {
    const [one, two] = [await ollama(), await ollama()];
    configure(`hosts: {host-127-0-0-1-2: {url: box}}\n`);
    const offers = [
      `ollama-cli hosts add host-127-0-0-1 ${one.url}`,
      `ollama-cli hosts add host-127-0-0-1-3 ${two.url}`,
    ];
    const ran = await hosts(['discover', one.url, two.url, '--json']);
    expect((JSON.parse(ran.stdout) as { items: { add?: string }[] }).items.map(({ add }) => add)).toEqual(
      offers,
    );
    const drawn = await hosts(['discover', one.url, two.url], TERMINAL);
    for (const offer of offers) expect(drawn.stdout.split(offer)).toHaveLength(2);
    const picked = await hosts(['discover', one.url, '--fields', 'add'], { ...TERMINAL, columns: 160 });
    expect(picked.stdout).toMatch(/NAME IT.*\n.*hosts add host-127-0-0-1 /);
  });

  it('looks at what is configured where nothing is given', async () => {
    const server = await ollama();
    configure(`hosts: {gpu: {url: '${server.url}'}}\n`);
    const ran = await hosts(['discover', '--json'], { env: { OLLAMA_HOST: 'http://127.0.0.1:1' } });
    const { items } = JSON.parse(ran.stdout) as { items: { url: string }[] };
    expect(items.map(({ url }) => url)).toEqual([server.url, 'http://127.0.0.1:1', 'http://127.0.0.1:11434']);
  });

  it.each([
    '10.0.0.0/24',
    'http://10.0.0.0/8',
    '10.0.0.*',
    '10.0.0.1-20',
    '10.0.0.1-10.0.0.9',
    'box[1-9]',
    'fe80::/10',
    'box?',
    'b{1,2}',
  ])('looks through no network: %s', async (word) => {
    const ran = await hosts(['discover', word]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('no network is looked through');
  });

  it('asks each at once, however many accept and say nothing', async () => {
    const living = await ollama();
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const dead = Array.from({ length: 100 }, (_, at) => `http://127.0.0.1:${String(port)}/${String(at)}`);
    const test = testIo({ cwd: home, env: { HOME: home } });
    const ended = main(['hosts', 'discover', ...dead, living.url], test.io);
    // None of the silent ones is given up yet when all have been asked.
    await vi.waitFor(() => expect([sockets.size, living.requests.length]).toEqual([100, 1]), 4_000);
    test.abort();
    expect(await ended).toBe(130);
  });

  it('asks with the first of several names whose credentials are there', async () => {
    const server = await ollama();
    configure(
      `hosts: {gone: {url: '${server.url}', token_env: GONE}, gpu: {url: '${server.url}', token_env: HERE}}\n`,
    );
    const discover = async (env: Record<string, string>): Promise<object> => {
      const ran = await hosts(['discover', server.url, '--json'], { env });
      return (JSON.parse(ran.stdout) as { items: object[] }).items[0] ?? {};
    };
    expect(await discover({ HERE: 'own' })).toMatchObject({ name: 'gpu', ok: true });
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer own']);
    expect(await discover({})).toMatchObject({ name: 'gone', ok: false, error: { code: 'config' } });
  });

  it('takes no password', async () => {
    const ran = await hosts(['discover', 'http://ann:hush@box']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).not.toContain('hush');
  });
});

describe('a host that asks who it is', () => {
  const own = (argv: string[]) => run(argv, undefined, { cwd: home, env: { HOME: home } });

  it.each([['list'], ['health']])('is named where it has a name, by %s', async (command) => {
    const server = await ollama('', 401);
    configure(`host: pw\nhosts: {pw: {url: '${server.url}'}}\n`);
    for (const argv of [
      [command, '--json'],
      [command, '--json', '-H', 'pw'],
    ]) {
      const { hint } = (JSON.parse((await own(argv)).stderr) as { error: { hint: string } }).error;
      expect(hint).toContain(`ollama-cli hosts add pw ${server.url} --`);
      expect(hint).toMatch(/(?:--user USER|--token-env VARIABLE) --force/);
    }
  });

  it('has the name that is to be given otherwise', async () => {
    const server = await ollama('', 401);
    configure(`host: pw\nhosts: {pw: {url: box}}\n`);
    const { stderr } = await own(['list', '--json', '-H', server.url]);
    expect(stderr).toContain('hosts add NAME URL --user USER;');
  });
});

describe('a number', () => {
  it('is no address, and the port that was meant is named', async () => {
    configure(`hosts: {gpu: {url: box, headers: {x-key: hush}}}\n`);
    const at = async (argv: string[], env: Record<string, string>) =>
      await run(['list', '--json', ...argv], undefined, { cwd: home, env: { HOME: home, ...env } });
    for (const ran of [await at(['-H', '31001'], {}), await at([], { OLLAMA_HOST: '31001' })]) {
      expect(ran.code).toBe(2);
      expect(ran.stderr).toContain('Did you mean :31001?');
    }
  });

  it('may be the name of a host', async () => {
    const server = await ollama('0.24.0');
    configure(`host: '42'\nhosts: {'42': {url: '${server.url}'}}\n`);
    expect((await hosts(['test'])).stdout).toContain(`42\t${server.url}\ttrue`);
    const ran = await run(['health', '-q', '-H', '42'], undefined, { cwd: home, env: { HOME: home } });
    expect(ran.code).toBe(0);
  });
});

describe('a name that nobody has configured', () => {
  it('is looked up, and then the near names are told', async () => {
    configure('hosts: {gpu: {url: gpu}}\n');
    const ran = await run(['list', '-H', 'gpuu', '--json'], undefined, { cwd: home, env: { HOME: home } });
    expect(ran.code).toBe(5);
    expect(JSON.parse(ran.stderr)).toMatchObject({
      error: { code: 'unreachable', hint: expect.stringContaining('did you mean: gpu') as string },
    });
  });
});
