import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  closedPort,
  serve,
  type FaultServer,
  type Script,
  type SeenRequest,
} from './support/fault-server.js';
import type { TestIoOptions } from './support/io.js';
import { run } from './support/run.js';

/** What must be nowhere but where it was put, and at the host that it is for: in every form that it takes. */
const SECRET = 'hush-9f27-tuba';
const FORMS = [SECRET, ...[0, 1, 2].map((skip) => base64Core(skip))];

/** The middle of the secret's base64, wherever in the encoded text it begins. */
function base64Core(skip: number): string {
  const encoded = Buffer.from('x'.repeat(skip) + SECRET).toString('base64');
  return encoded.slice(skip === 0 ? 0 : 4, -4);
}

/** How a server answers whoever asks. */
type Behaviour = 'well' | '401' | 'redirect' | 'html' | 'cut';

let behaviour: Behaviour | ((credential: string) => Script) = 'well';
let own: FaultServer;
let other: FaultServer;
let home: string;
let refused: string;

const JSON_TYPE = { 'content-type': 'application/json' };

function answerWell({ url }: SeenRequest): Script {
  if (url.endsWith('/api/version')) return { headers: JSON_TYPE, body: ['{"version":"0.24.0"}'] };
  if (url.endsWith('/api/chat')) {
    const line = {
      model: 'm',
      message: { role: 'assistant', content: 'hi' },
      done: true,
      done_reason: 'stop',
    };
    return { body: [`${JSON.stringify(line)}\n`] };
  }
  if (url.endsWith('/api/pull')) return { body: ['{"status":"success"}\n'] };
  return { headers: JSON_TYPE, body: ['{"models":[]}'] };
}

/** What a request has to say who asks. */
function credentialOf({ headers }: SeenRequest): string {
  const { authorization, 'x-key': key, 'x-api-key': other } = headers;
  return String(authorization ?? key ?? other ?? '');
}

function answer(request: SeenRequest): Script {
  if (typeof behaviour === 'function') return behaviour(credentialOf(request));
  if (behaviour === '401') return { status: 401, headers: JSON_TYPE, body: ['{"error":"unauthorized"}'] };
  if (behaviour === 'redirect') return { status: 307, headers: { location: `${other.url}${request.url}` } };
  if (behaviour === 'html') {
    return { headers: { 'content-type': 'text/html' }, body: ['<html><title>Sign in</title></html>'] };
  }
  if (behaviour === 'cut') return { headers: JSON_TYPE, body: ['{"mod'], then: 'reset' };
  return answerWell(request);
}

beforeAll(async () => {
  own = await serve(answer);
  other = await serve(answerWell);
  refused = `http://127.0.0.1:${String(await closedPort())}`;
});
afterAll(async () => {
  await own.close();
  await other.close();
});

beforeEach(() => {
  behaviour = 'well';
  home = mkdtempSync(path.join(tmpdir(), 'secrets-'));
  mkdirSync(path.join(home, '.config', 'ollama-cli'), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function write(name: string, text: string): void {
  const file = path.join(home, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, 0o600);
}

const configure = (text: string): void => write('.config/ollama-cli/config.yaml', text);

/** The address with a user and a password in it. */
function withPassword(url: string): string {
  return url.replace('//', `//ann:${SECRET}@`);
}

/** How a person gives a secret for the host at `url`; the options that a command line needs for it. */
interface Way {
  readonly what: string;
  give(url: string):
    | { readonly argv?: readonly string[]; readonly env?: Readonly<Record<string, string>> }
    | Promise<{
        readonly argv?: readonly string[];
      }>;
}

const WAYS: readonly Way[] = [
  {
    what: 'a password in the address of the file',
    give: (url) => {
      configure(`host: ${withPassword(url)}\n`);
      return {};
    },
  },
  { what: 'a password in the address of -H', give: (url) => ({ argv: ['-H', withPassword(url)] }) },
  { what: 'a password in OLLAMA_HOST', give: (url) => ({ env: { OLLAMA_HOST: withPassword(url) } }) },
  {
    what: 'a password in the address of a named host',
    give: (url) => {
      configure(`hosts: {gpu: {url: '${withPassword(url)}'}}\n`);
      return { argv: ['-H', 'gpu'] };
    },
  },
  {
    what: 'headers',
    give: (url) => {
      configure(`host: ${url}\nheaders: {authorization: Bearer ${SECRET}}\n`);
      return {};
    },
  },
  {
    what: 'headers of a named host',
    give: (url) => {
      configure(`host: gpu\nhosts: {gpu: {url: '${url}', headers: {x-key: ${SECRET}}}}\n`);
      return {};
    },
  },
  {
    what: 'headers of the environment',
    give: (url) => ({ env: { OLLAMA_HOST: url, OLLAMA_CLI_HEADERS__X_KEY: SECRET } }),
  },
  {
    what: 'header_file',
    give: (url) => {
      write('box.headers', `x-key: ${SECRET}\n`);
      configure(`host: ${url}\nheader_file: ../../box.headers\n`);
      return {};
    },
  },
  {
    what: 'header_file of a named host, a token alone',
    give: (url) => {
      write('box.headers', `${SECRET}\n`);
      configure(`hosts: {gpu: {url: '${url}', header_file: ../../box.headers}}\n`);
      return { argv: ['-H', 'gpu'] };
    },
  },
  {
    what: 'token_env',
    give: (url) => {
      configure(`host: ${url}\ntoken_env: BOX\n`);
      return { env: { BOX: SECRET } };
    },
  },
  {
    what: 'token_env of a named host',
    give: (url) => {
      configure(`hosts: {gpu: {url: '${url}', token_env: BOX}}\n`);
      return { argv: ['-H', 'gpu'], env: { BOX: SECRET } };
    },
  },
  {
    what: '--header',
    give: (url) => {
      write('typed', `authorization: Bearer ${SECRET}\n`);
      return { argv: ['-H', url, '--header', '@typed'] };
    },
  },
  {
    what: 'hosts add --token',
    give: async (url) => {
      const typed = { tty: true, stdinTty: true, stdin: `${SECRET}\r` };
      await tell(['hosts', 'add', 'gpu', url, '--token', '--use'], typed);
      return {};
    },
  },
  {
    what: 'hosts add with a password in the address',
    give: async (url) => {
      await tell(['hosts', 'add', 'gpu', withPassword(url), '--use'], {});
      return {};
    },
  },
  {
    what: 'hosts add --password-env',
    give: async (url) => {
      await tell(['hosts', 'add', 'gpu', url, '--user', 'ann', '--password-env', 'PW', '--use'], {
        env: { PW: SECRET },
      });
      return {};
    },
  },
];

/** Runs a command of which nothing but what is told is looked at: nothing of the secret is in it. */
async function tell(argv: readonly string[], { env, ...options }: TestIoOptions): Promise<number> {
  const ran = await run(argv, undefined, { cwd: home, env: { HOME: home, ...env }, ...options });
  expectNone(ran.stdout, `stdout of ${argv.join(' ')}`);
  expectNone(ran.stderr, `stderr of ${argv.join(' ')}`);
  return ran.code;
}

function expectNone(text: string, where: string): void {
  for (const form of FORMS) {
    if (text.includes(form)) expect.fail(`the secret is in ${where}: ${text.slice(0, 500)}`);
  }
}

/** Every file that a command wrote: all but those that the secret was put into. */
function expectNoneWritten(): void {
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isFile() || isKept(file)) continue;
    expectNone(readFileSync(file, 'utf8'), file);
  }
}

/** Where secrets are meant to be: readable by their owner alone. */
function isKept(file: string): boolean {
  const within = path.relative(home, file);
  if (!/^(?:\.config\/ollama-cli\/(?:config\.yaml|credentials\/gpu)|box\.headers|typed)$/.test(within))
    return false;
  expect(statSync(file).mode & 0o077).toBe(0);
  return true;
}

/** Whether the secret came with the requests, in any form. */
function arrived(requests: readonly SeenRequest[]): boolean {
  const text = JSON.stringify(requests.map(({ url, headers, body }) => ({ url, headers, body })));
  return FORMS.some((form) => text.includes(form));
}

const COMMANDS: readonly (readonly string[])[] = [
  ['list'],
  ['ps'],
  ['health'],
  ['show', 'm'],
  ['pull', 'm', '--retries', '0'],
  ['chat', 'm', 'hello'],
  ['hosts', 'test'],
];

const LOCAL: readonly (readonly string[])[] = [
  ['hosts', 'list'],
  ['config', 'list', '--show-origin'],
  ['config', 'get', 'host'],
  ['config', 'get', 'headers.authorization'],
  ['config', 'get', 'hosts.gpu.url'],
  ['providers', 'list'],
];

describe.each(WAYS)('a secret given by $what', ({ give }) => {
  it.each<Behaviour | 'refused'>(['well', '401', 'redirect', 'html', 'cut', 'refused'])(
    'is told to nobody but its host, which answers %s',
    async (how) => {
      behaviour = how === 'refused' ? 'well' : how;
      const { argv = [], env = {} } = { env: {}, ...(await give(how === 'refused' ? refused : own.url)) };
      const before = { own: own.requests.length, other: other.requests.length };
      for (const [at, command] of COMMANDS.entries()) {
        const more = at % 2 === 0 ? ['--debug', '--json'] : ['--debug'];
        const code = await tell([...command, ...argv, ...more], { env });
        if (command[0] === 'list') expect(code === 0).toBe(how === 'well');
      }
      for (const command of LOCAL) await tell([...command, ...argv, '--debug'], { env });
      await tell(['list', ...argv], { env, tty: true });

      const sent = own.requests.slice(before.own);
      // That the secret is found where it belongs is what lets the rest of this test mean something.
      expect(arrived(sent)).toBe(how !== 'refused');
      if (how === 'well') expect(sent.filter((request) => !arrived([request]))).toEqual([]);
      expect(other.requests.slice(before.other)).toEqual([]);
      expectNoneWritten();
    },
  );

  it('goes to no other host: a project’s, the environment’s, a flag’s, or another of --on', async () => {
    const { argv = [], env = {} } = { env: {}, ...(await give(own.url)) };
    const isTyped = argv.some((word) => word.includes(SECRET) || word.startsWith('@'));
    const before = other.requests.length;
    const others = Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'OLLAMA_HOST'));
    const asked = async (more: readonly string[], variables: Record<string, string> = {}): Promise<void> => {
      for (const command of [['list'], ['health'], ['show', 'm'], ['chat', 'm', 'hello', '--yes']]) {
        await tell([...command, ...more], { env: { ...others, ...variables } });
      }
    };
    await asked(['-H', other.url]);
    // An environment that names a host and a header for it means the two for one another.
    if (!Object.keys(env).some((name) => name.startsWith('OLLAMA_CLI_')))
      await asked([], { OLLAMA_HOST: other.url });
    if (!isTyped) await tell(['list', '--on', `${own.url},${other.url}`, '--json'], { env });
    await tell(['hosts', 'discover', other.url], { env: others });
    write('.ollamarc', `host: ${other.url}\n`);
    await asked([]);
    const seen = other.requests.slice(before);
    expect(seen.length).toBeGreaterThan(8);
    expect(arrived(seen)).toBe(false);
    expectNoneWritten();
  });
});

/** So many characters before a credential that a quotation of `length` ends in the midst of its secret. */
function cutIn(credential: string, length: number): string {
  const scheme = /^\w+ /.exec(credential)?.[0].length ?? 0;
  return 'x'.repeat(length - scheme - 9) + credential;
}

const TEXT_TYPE = { 'content-type': 'text/plain' };
const PAGE_TYPE = { 'content-type': 'text/html' };
const ECHOES: readonly (readonly [string, (credential: string) => Script])[] = [
  ['a refusal', (said) => ({ status: 401, headers: JSON_TYPE, body: [JSON.stringify({ error: said })] })],
  ['an error', (said) => ({ status: 500, headers: JSON_TYPE, body: [JSON.stringify({ error: said })] })],
  ['a missing model', (said) => ({ status: 404, headers: JSON_TYPE, body: [`{"error":"model ${said}"}`] })],
  ['a text that is cut', (said) => ({ status: 500, headers: TEXT_TYPE, body: [cutIn(said, 80)] })],
  ['a long text that is cut', (said) => ({ status: 400, headers: TEXT_TYPE, body: [cutIn(said, 200)] })],
  ['no JSON', (said) => ({ headers: TEXT_TYPE, body: [cutIn(said, 80)] })],
  ['no JSON, at its start', (said) => ({ headers: TEXT_TYPE, body: [`${said}\n`] })],
  ['a title', (said) => ({ headers: PAGE_TYPE, body: [`<title>${cutIn(said, 120)}</title>`] })],
  ['its own name', (said) => ({ status: 502, headers: { ...PAGE_TYPE, server: said }, body: ['<html>'] })],
  ['a line of an error', (said) => ({ body: [`${JSON.stringify({ error: said })}\n{"status":"?"}\n`] })],
  [
    'an event of an error',
    (said) => ({ body: [`data: ${JSON.stringify({ error: { message: said } })}\n\n`] }),
  ],
  ['an event that is none', (said) => ({ body: [`data: ${said}\n\n`] })],
  ['an address', (said) => ({ status: 302, headers: { location: `/?to=${encodeURIComponent(said)}` } })],
];
/** A beginning of the secret, or of what it is sent as, of which nobody may read more. */
const STARTS = FORMS.map((form) => form.slice(0, 8));

describe.each(ECHOES)('a server that says in %s what identifies the person', (_, echo) => {
  it.each<[string, () => void]>([
    [
      'a token',
      () => (
        write('box.headers', `${SECRET}\n`),
        configure(`host: ${own.url}\nheader_file: ../../box.headers\n`)
      ),
    ],
    ['a password', () => configure(`host: ${withPassword(own.url)}\n`)],
    ['a header', () => configure(`host: ${own.url}\nheaders: {x-key: ${SECRET}}\n`)],
    ...(['openai', 'anthropic', 'ollama'] as const).map((type): [string, () => void] => [
      `the key of a provider of the type ${type}`,
      () =>
        configure(
          `host: ${refused}\nfallback: [ollama, cloud]\nproviders: {cloud: {type: ${type}, enabled: true, api_key: ${SECRET}, base_url: '${own.url}'}}\n`,
        ),
    ]),
  ])('is not quoted with %s', async (what, give) => {
    behaviour = echo;
    give();
    const isProvider = what.includes('provider');
    const own = [...COMMANDS.filter(([name]) => name !== 'ps'), ['providers', 'test', 'ollama']];
    const others = [
      ['providers', 'test', 'cloud'],
      ['chat', 'm', 'hello'],
    ];
    for (const command of isProvider ? others : own) {
      for (const more of [['--debug'], ['--debug', '--json']]) {
        const ran = await run([...command, ...more], undefined, { cwd: home, env: { HOME: home } });
        const told = ran.stdout + ran.stderr;
        const found = STARTS.filter((start) => told.includes(start));
        expect({ command, found, told: found.length > 0 ? told : '' }).toEqual({
          command,
          found: [],
          told: '',
        });
      }
    }
    expectNoneWritten();
  });
});

describe('a secret that was typed where none belongs', () => {
  it.each<[string[]]>([
    [['list', '--header', `authorization: Bearer ${SECRET}`]],
    [['list', '--header', SECRET]],
    [['hosts', 'add', 'gpu', 'box', `--token=${SECRET}`]],
    [['hosts', 'add', 'gpu', 'box', '--token', SECRET]],
    [['hosts', 'add', 'gpu', 'box', '--token-env', SECRET]],
    [['hosts', 'add', 'gpu', 'box', '--user', 'ann', '--password-env', SECRET]],
    [['hosts', 'add', 'gpu', `ftp://ann:${SECRET}@box`]],
    [['hosts', 'discover', `http://ann:${SECRET}@box`]],
    [['list', '-H', `ftp://ann:${SECRET}@box`]],
    [['list', '-H', `http://ann:${SECRET}/x@box`]],
  ])('is refused and not repeated: %j', async (argv) => {
    expect(await tell([...argv, '--debug'], {})).toBe(2);
    expect(await tell([...argv, '--json'], {})).toBe(2);
    expectNoneWritten();
  });

  it.each([
    `token_env: ${SECRET}\n`,
    `headers: {authorization: [${SECRET}]}\n`,
    `hosts: {gpu: {url: 'ftp://ann:${SECRET}@box'}}\n`,
    `providers: {cloud: {api_key: [${SECRET}]}}\n`,
    `providers: {cloud: {base_url: 'https://ann:${SECRET}@box'}}\n`,
  ])('in a file is an error that does not quote it: %j', async (text) => {
    configure(text);
    for (const command of [['list'], ['config', 'list'], ['hosts', 'list', '--json']]) {
      expect(await tell(command, {})).toBe(2);
    }
  });
});

it('a key of a provider is in nothing that is shown', async () => {
  configure(
    `host: ${own.url}\nproviders: {cloud: {type: openai, enabled: true, api_key: ${SECRET}, base_url: '${other.url}/v1'}}\n`,
  );
  const before = own.requests.length;
  for (const command of [...COMMANDS, ...LOCAL]) await tell([...command, '--debug'], {});
  await tell(['config', 'get', 'providers.cloud.api_key', '--json'], {});
  await tell(['providers', 'test', 'cloud', '--json', '--debug'], {});
  expect(arrived(own.requests.slice(before))).toBe(false);
  expectNoneWritten();
});
