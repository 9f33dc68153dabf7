import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { closedPort, serve, type Script } from '../support/fault-server.js';
import { lines, run, schemaErrors, TERMINAL, type Ran } from '../support/run.js';
import { chatsOf, MODEL, openServer } from '../providers/chain.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'chat-fallback-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
});

/** What the person's own configuration says, and a command line there. */
async function ask(
  config: object,
  host: string,
  argv: readonly string[],
  options: Parameters<typeof run>[2] = {},
): Promise<Ran> {
  const folder = path.join(home, '.config', 'ollama-cli');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config), { mode: 0o600 });
  const env = { HOME: home, XDG_STATE_HOME: path.join(home, 'state'), ...options.env };
  return await run(['chat', ...argv], host, { cwd: home, ...options, env });
}

async function deadHost(): Promise<string> {
  return `http://127.0.0.1:${String(await closedPort())}`;
}

async function openScript(script: Script) {
  const server = await serve(script);
  onTestFinished(() => server.close());
  return server;
}

/** Two servers, of which the first is down, and a configuration that has the second behind it. */
async function openPair() {
  const gpu = await openServer();
  return { gpu, dead: await deadHost(), config: { hosts: { gpu: { url: gpu.url } }, fallback: ['gpu'] } };
}

const TOLD =
  /^gpu answers with llama3\.2:1b \(ollama: No Ollama server at \S+: the connection was refused\)\.$/m;

describe('one answer, where the first server is down', () => {
  test('comes from the next one; stderr tells once which, and why', async () => {
    const { gpu, dead, config } = await openPair();
    const ran = await ask(config, dead, [MODEL, 'count to 40']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/39 40$/);
    expect(ran.stderr).toMatch(TOLD);
    expect(ran.stderr.match(/answers/g)).toHaveLength(1);
    expect(chatsOf(gpu)).toBe(1);
  });

  test('is told of on a terminal, above the answer', async () => {
    const { dead, config } = await openPair();
    const ran = await ask(config, dead, [MODEL, 'count to 40'], TERMINAL);
    expect(ran.code).toBe(0);
    expect(ran.stderr.replaceAll(/\u001b\[[\d;?]*[A-Za-z]/g, '')).toContain('gpu answers with llama3.2:1b');
  });

  test('is told of with --quiet too: who answers may cost something', async () => {
    const { dead, config } = await openPair();
    const ran = await ask(config, dead, [MODEL, 'count to 40', '--quiet']);
    expect(ran.stderr).toMatch(TOLD);
    expect(ran.stderr.trim().split('\n')).toHaveLength(1);
    expect(ran.stdout).toMatch(/39 40$/);
  });

  test('has each step as an event, and says who answered', async () => {
    const { dead, config } = await openPair();
    const ran = await ask(config, dead, [MODEL, 'count to 40', '--json']);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toBe('');
    const events = lines(ran.stdout);
    for (const event of events) expect(schemaErrors('chat-event', event)).toBe('');
    expect(events.map(({ type }) => type).filter((type) => type !== 'token')).toEqual([
      'start',
      'provider',
      'result',
    ]);
    expect(events[1]).toEqual({
      type: 'provider',
      name: 'gpu',
      model: MODEL,
      reason: expect.stringMatching(
        /^ollama: No Ollama server at \S+: the connection was refused$/,
      ) as string,
    });
    expect(events.at(-1)).toMatchObject({ provider: 'gpu', model: MODEL, metrics: { cost: 0 } });
    expect((events.at(-1) as { context: object }).context).not.toHaveProperty('limit');
  });

  test('does not wait longer than timeouts.first_token for one that takes the question and is silent', async () => {
    const { gpu, config } = await openPair();
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void silent.close());
    const host = `http://127.0.0.1:${String((silent.address() as AddressInfo).port)}`;
    const limited = { ...config, timeouts: { first_token: '200ms' } };
    const ran = await ask(limited, host, [MODEL, 'count to 40']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/39 40$/);
    expect(ran.stderr).toContain('gpu answers with llama3.2:1b (ollama: It gave no token within 0.2 s).');
    expect(chatsOf(gpu)).toBe(1);
  });

  test('is nobody else’s with --no-fallback', async () => {
    const { gpu, dead, config } = await openPair();
    const ran = await ask(config, dead, [MODEL, 'Hi', '--no-fallback']);
    expect(ran.code).toBe(5);
    expect(ran.stderr).toMatch(/^✗ No Ollama server at/m);
    expect(gpu.requests).toEqual([]);
  });

  test('is kept with who gave it', async () => {
    const { dead, config } = await openPair();
    await ask(config, dead, [MODEL, 'count to 40']);
    const folder = path.join(home, 'state', 'ollama-cli', 'sessions');
    const [file = ''] = readdirSync(folder);
    const entries = lines(readFileSync(path.join(folder, file), 'utf8'));
    expect(entries.at(-1)).toMatchObject({ type: 'message', model: MODEL, provider: 'gpu' });
    expect(readFileSync(path.join(folder, file), 'utf8')).not.toContain('refused');
  });
});

test('a server that answers is the only one that is asked, and nothing is said of the others', async () => {
  const [local, gpu] = [await openServer(), await openServer()];
  const config = { hosts: { gpu: { url: gpu.url } }, fallback: ['gpu'] };
  const ran = await ask(config, local.url, [MODEL, 'count to 40', '--json']);
  expect(ran.code).toBe(0);
  expect(lines(ran.stdout).map(({ type }) => type)).not.toContain('provider');
  expect(lines(ran.stdout).at(-1)).toMatchObject({ provider: 'ollama', model: MODEL });
  expect(gpu.requests).toEqual([]);
  const plain = await ask(config, local.url, [MODEL, 'count to 40']);
  expect(plain.stderr).toBe('');
});

test('a fallback that names the host in force is asked in its own order', async () => {
  const [local, gpu] = [await openServer(), await openServer()];
  const config = { hosts: { gpu: { url: gpu.url }, local: { url: local.url } }, fallback: ['gpu', 'local'] };
  const ran = await ask(config, local.url, [MODEL, 'count to 40']);
  expect(ran.code).toBe(0);
  expect([chatsOf(local), chatsOf(gpu)]).toEqual([0, 1]);
  expect(ran.stderr).toMatch(/^gpu answers with llama3\.2:1b\.$/m);
  // -H goes first, whatever the order says.
  const other = await ask(config, local.url, ['-H', local.url, MODEL, 'count to 40']);
  expect(other.code).toBe(0);
  expect([chatsOf(local), chatsOf(gpu)]).toEqual([1, 1]);
});

describe('where nobody answers', () => {
  test('each reason is told, and the exit code is that of all', async () => {
    const config = { hosts: { gpu: { url: await deadHost() } }, fallback: ['gpu'] };
    const dead = await deadHost();
    const ran = await ask(config, dead, [MODEL, 'Hi']);
    expect(ran.code).toBe(5);
    expect(ran.stderr).toMatch(/^✗ None of the providers answers:/m);
    expect(ran.stderr).toMatch(/ollama: No Ollama server at /);
    expect(ran.stderr).toMatch(/gpu \(http\S+\) can't be reached/);
    expect(ran.stderr).not.toMatch(/gpu answers/);
    const json = await ask(config, dead, [MODEL, 'Hi', '--json']);
    expect(json.code).toBe(5);
    const events = lines(json.stdout);
    expect(events.map(({ type }) => type)).toEqual(['start', 'provider', 'error']);
    expect(events.at(-1)).toMatchObject({ error: { code: 'unreachable' } });
  });

  test('a model that all lack is exit 3', async () => {
    const [local, gpu] = [await openServer(), await openServer()];
    const config = { hosts: { gpu: { url: gpu.url } }, fallback: ['gpu'], default_model: 'nowhere' };
    const ran = await ask(config, local.url, ['nowhere', 'Hi']);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain('ollama: it has no model "nowhere"');
    expect(ran.stderr).toContain('gpu: it has no model "nowhere"');
  });
});

test('a model that only another server has is answered with there', async () => {
  const local = await openServer([], { installed: ['gemma3:1b'] });
  const gpu = await openServer();
  const config = { hosts: { gpu: { url: gpu.url } }, fallback: ['gpu'] };
  const ran = await ask(config, local.url, [MODEL, 'count to 40']);
  expect(ran.code).toBe(0);
  expect(ran.stderr).toBe('gpu answers with llama3.2:1b (ollama: it has no model "llama3.2:1b").\n');
});

test('one that accepts and never answers is given up after timeouts.first_token', async () => {
  const silent = await openScript({ then: 'stall' });
  const gpu = await openServer();
  const config = {
    hosts: { gpu: { url: gpu.url } },
    fallback: ['gpu'],
    timeouts: { first_token: '300ms' },
  };
  const ran = await ask(config, silent.url, [MODEL, 'count to 40']);
  expect(ran.code).toBe(0);
  expect(ran.stderr).toMatch(/^gpu answers with \S+ \(ollama: It gave no token within 0\.3 s\)\.$/m);
  expect(await silent.requests[0]?.finished).toBe(false);
});

test('an image goes to the next one, though the first can’t be asked whether it sees', async () => {
  const gpu = await openServer([], { installed: ['gemma3:4b'] });
  const config = { hosts: { gpu: { url: gpu.url } }, fallback: ['gpu'] };
  const png =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  writeFileSync(path.join(home, 'dot.png'), Buffer.from(png, 'base64'));
  const ran = await ask(config, await deadHost(), ['gemma3:4b', 'What is it?', '--image', 'dot.png']);
  expect(ran.code).toBe(0);
  expect(ran.stderr).toContain('gpu answers with gemma3:4b');
});

test('--auto asks with the default model, where the first can’t say which it has', async () => {
  const { config, dead } = await openPair();
  const ran = await ask({ ...config, default_model: MODEL }, dead, ['--auto', 'count to 40']);
  expect(ran.code).toBe(0);
  expect(ran.stderr).toMatch(/^llama3\.2:1b: the installed models are not known: /m);
  expect(ran.stderr).toContain('gpu answers with llama3.2:1b');
});

describe('--provider', () => {
  const cloud = (url: string, more: object = {}) => ({
    providers: {
      cloud: { type: 'openai', enabled: true, base_url: `${url}/v1`, model: 'gemma3:1b', ...more },
    },
  });

  test('asks that one first, with its own model, and says nothing of it', async () => {
    const other = await openServer([], { installed: ['gemma3:1b'] });
    const ran = await ask(cloud(other.url), await deadHost(), ['--provider', 'cloud', 'count to 40']);
    expect(ran.stderr).toBe('');
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/39 40$/);
    const asked = other.requests.find(({ path: route }) => route === '/v1/chat/completions');
    expect(asked?.body).toMatchObject({ model: 'gemma3:1b' });
  });

  test('takes a first word that is one of its models for that, and --model any', async () => {
    const other = await openServer([], { installed: ['gemma3:1b', MODEL] });
    const said = await ask(cloud(other.url), await deadHost(), ['--provider', 'cloud', MODEL, 'count to 40']);
    expect(said.code).toBe(0);
    const flag = ['--provider', 'cloud', '-m', 'absent', 'Hi'];
    const absent = await ask(cloud(other.url), await deadHost(), flag);
    expect(absent.code).toBe(3);
    const asked = other.requests.filter(({ path: route }) => route === '/v1/chat/completions');
    expect(asked.map(({ body }) => (body as { model: string }).model)).toEqual([MODEL, 'absent']);
  });

  test('tells in the result what the answer cost, where that is configured', async () => {
    const other = await openServer([], { installed: ['gemma3:1b'] });
    const config = cloud(other.url, { cost: { prompt: 1_000_000, completion: 0, currency: 'EUR' } });
    const ran = await ask(config, await deadHost(), ['--provider', 'cloud', 'Hi', '--json']);
    const result = lines(ran.stdout).at(-1) as { metrics: { prompt_tokens: number } };
    expect(result.metrics.prompt_tokens).toBeGreaterThan(0);
    expect(result).toMatchObject({
      provider: 'cloud',
      metrics: { cost: result.metrics.prompt_tokens, currency: 'EUR' },
    });
    expect(schemaErrors('chat-event', result)).toBe('');
  });

  test('has those of fallback behind it', async () => {
    const gpu = await openServer();
    const config = {
      ...cloud(await deadHost()),
      hosts: { gpu: { url: gpu.url } },
      fallback: ['gpu'],
      default_model: MODEL,
    };
    const ran = await ask(config, await deadHost(), ['--provider', 'cloud', 'count to 40']);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(
      /^gpu answers with \S+ \(cloud \(http\S+\) can't be reached: .*; ollama: .*\)\.$/m,
    );
  });

  test.each([
    ['that is not configured', ['--provider', 'clod', 'Hi'], 3, /There is no provider "clod"[^]*cloud/],
    ['that is not enabled', ['--provider', 'off', 'Hi'], 7, /not enabled/],
    ['beside --auto', ['--provider', 'cloud', '--auto', 'Hi'], 2, /--provider and --auto don't go together/],
    ['beside --raw', ['--provider', 'cloud', '--raw', 'Hi'], 2, /--provider and --raw don't go together/],
  ])('%s is refused', async (_, argv, code, words) => {
    const config = cloud(await deadHost());
    const providers = { ...config.providers, off: { type: 'openai' } };
    const ran = await ask({ providers }, await deadHost(), argv);
    expect(ran.code).toBe(code);
    expect(ran.stderr).toMatch(words);
  });
});

test('a provider that lacks its model says which command lists those that it has', async () => {
  const far = await openServer();
  const providers = { far: { type: 'openai', enabled: true, base_url: `${far.url}/v1` } };
  const ran = await ask({ providers }, await deadHost(), ['--provider', 'far', 'Hello']);
  expect(ran.code).toBe(3);
  expect(ran.stderr).toContain('ollama-cli providers test far --json');
});

test.each([
  ['with others behind', {}, []],
  ['in JSON', {}, ['--json']],
  ['in a terminal', TERMINAL, []],
])('a prompt alone is not taken for a model, %s', async (_name, options, flags) => {
  const { dead, config, gpu } = await openPair();
  const ran = await ask(config, dead, ['Hello there', ...flags], options);
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toMatch(/Hello there\\?" was read as the model, and there is no prompt/);
  expect(ran.stderr).toContain("ollama-cli chat MODEL 'Hello there'");
  expect(gpu.requests).toEqual([]);
});

describe('a batch', () => {
  test('goes on with the next one, told once; each line says who answered', async () => {
    const { dead, config, gpu } = await openPair();
    writeFileSync(path.join(home, 'asks'), 'count to 3\ncount to 4\ncount to 5\n');
    const ran = await ask(config, dead, [MODEL, '--batch', 'asks', '-j', '2']);
    expect(ran.code).toBe(0);
    expect(ran.stderr.match(/gpu answers/g)).toHaveLength(1);
    const answers = lines(ran.stdout);
    expect(answers.map(({ index, provider }) => [index, provider])).toEqual([
      [0, 'gpu'],
      [1, 'gpu'],
      [2, 'gpu'],
    ]);
    for (const line of answers) expect(schemaErrors('chat-batch-line', line)).toBe('');
    expect(chatsOf(gpu)).toBe(3);
  });

  test('says who answers with --quiet too', async () => {
    const { dead, config } = await openPair();
    writeFileSync(path.join(home, 'asks'), 'count to 3\ncount to 4\n');
    const ran = await ask(config, dead, [MODEL, '--batch', 'asks', '-q']);
    expect(ran.stderr).toMatch(/^gpu answers with .*\n$/);
  });

  test('has its steps as events, before the answer that they are about', async () => {
    const { dead, config } = await openPair();
    writeFileSync(path.join(home, 'asks'), 'count to 3\ncount to 4\n');
    const ran = await ask(config, dead, [MODEL, '--batch', 'asks', '--json']);
    const events = lines(ran.stdout);
    expect(events.map(({ type, index }) => [type, index])).toEqual([
      ['start', undefined],
      ['provider', 0],
      ['answer', 0],
      ['provider', 1],
      ['answer', 1],
      ['result', undefined],
    ]);
    for (const event of events) expect(schemaErrors('chat-batch-event', event)).toBe('');
  });

  test('ends where nobody answers, as it does without fallback', async () => {
    const config = { hosts: { gpu: { url: await deadHost() } }, fallback: ['gpu'] };
    writeFileSync(path.join(home, 'asks'), 'count to 3\ncount to 4\n');
    const ran = await ask(config, await deadHost(), [MODEL, '--batch', 'asks']);
    expect(ran.code).toBe(5);
    expect(ran.stderr).toMatch(/None of the providers answers:/);
  });
});

describe('a host whose credentials can not be had', () => {
  const lacking = ({ url }: { readonly url: string }): object => ({ url, token_env: 'GONE' });

  test.each([
    ['plain', []],
    ['json', ['--json']],
  ])('is passed over for the next of the fallback, with the reason, in %s mode', async (_, flags) => {
    const [own, gpu] = [await openServer(), await openServer()];
    const config = { hosts: { own: lacking(own), gpu: { url: gpu.url } }, fallback: ['gpu'] };
    const ran = await ask(config, 'own', [MODEL, 'count to 40', ...flags]);
    expect(ran.code).toBe(0);
    expect(ran.stderr + ran.stdout).toContain('hosts.own.token_env: the variable GONE is not set');
    expect(ran.stdout).toContain('gpu'.repeat(flags.length));
    expect([own.requests.length, chatsOf(gpu)]).toEqual([0, 1]);
  });

  test('is not asked where another provider is named', async () => {
    const [own, gpu] = [await openServer(), await openServer()];
    const providers = { cloud: { type: 'ollama', enabled: true, base_url: gpu.url, model: MODEL } };
    const ran = await ask({ hosts: { own: lacking(own) }, providers }, 'own', [
      '--provider',
      'cloud',
      'count to 40',
    ]);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/39 40$/) as string });
    expect(own.requests).toEqual([]);
  });

  test('is told of by each line of a batch that others answer', async () => {
    const [own, gpu] = [await openServer(), await openServer()];
    const config = { hosts: { own: lacking(own), gpu: { url: gpu.url } }, fallback: ['gpu'] };
    writeFileSync(path.join(home, 'batch'), 'one\ntwo\n');
    const ran = await ask(config, 'own', [MODEL, '--batch', 'batch']);
    expect(ran.code).toBe(0);
    expect([own.requests.length, chatsOf(gpu)]).toEqual([0, 2]);
  });

  test.each<[string, string[], string[]]>([
    ['no fallback is there', [], []],
    ['--no-fallback says so', ['gpu'], ['--no-fallback']],
    ['the fallback is that host alone', ['ollama'], []],
    ['it is named', [], ['--provider', 'ollama']],
  ])('ends the chat with 2 where %s', async (_, fallback, flags) => {
    const [own, gpu] = [await openServer(), await openServer()];
    const config = { hosts: { own: lacking(own), gpu: { url: gpu.url } }, fallback };
    const ran = await ask(config, 'own', ['--model', MODEL, 'Hi', ...flags]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('hosts.own.token_env: the variable GONE is not set.');
    expect([own.requests, gpu.requests]).toEqual([[], []]);
    const json = await ask(config, 'own', ['--model', MODEL, 'Hi', '--json', ...flags]);
    expect(lines(json.stdout)).toMatchObject([
      { type: 'start' },
      { type: 'error', error: { code: 'config' } },
    ]);
  });
});
