import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { serve, type FaultServer, type Script, type SeenRequest } from '../support/fault-server.js';
import { startGatewayProcess } from './gateway-process.js';
import { openFolder, runProgram } from './program.js';

const HOST_TOKEN = 'host-token-9f27-tuba';
const KEY = 'sk-cloud-51c3-harp';
const GATE_TOKEN = 'gate-token-77aa-oboe';
const PROXY_PASSWORD = 'proxy-pass-33d1-viola';

/** Fails, and says all that it was sent. */
function sayBack({ headers }: SeenRequest): Script {
  const words = `${String(headers.authorization)} ${JSON.stringify(headers)}`;
  return {
    status: 500,
    headers: { 'content-type': 'application/json' },
    body: [JSON.stringify({ error: words })],
  };
}

/** A server until the end of the test. */
async function open(): Promise<FaultServer> {
  const server = await serve(sayBack);
  onTestFinished(async () => await server.close());
  return server;
}

interface Setup {
  readonly box: FaultServer;
  readonly cloud: FaultServer;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
}

async function setUp(): Promise<Setup> {
  const [box, cloud, home] = [await open(), await open(), openFolder()];
  const folder = path.join(home, '.config', 'ollama-cli');
  mkdirSync(folder, { recursive: true });
  const config = {
    host: 'box',
    hosts: { box: { url: box.url, header_file: 'box.headers' } },
    fallback: ['ollama', 'cloud', 'claude'],
    providers: {
      cloud: { type: 'openai', enabled: true, base_url: `${cloud.url}/v1`, api_key: KEY },
      claude: { type: 'anthropic', enabled: true, base_url: cloud.url, api_key_env: 'CLAUDE' },
    },
  };
  for (const [name, text] of Object.entries({
    'config.json': JSON.stringify(config),
    'box.headers': HOST_TOKEN,
  })) {
    writeFileSync(path.join(folder, name), text);
    chmodSync(path.join(folder, name), 0o600);
  }
  const env = { HOME: home, CLAUDE: KEY, http_proxy: `http://ann:${PROXY_PASSWORD}@127.0.0.1:1` };
  return { box, cloud, home, env };
}

/** Which of the secrets are in a text. */
function found(text: string): string[] {
  const forms = [HOST_TOKEN, KEY, GATE_TOKEN, PROXY_PASSWORD].flatMap((secret) => [
    secret,
    Buffer.from(secret).toString('base64').slice(0, -4),
  ]);
  return forms.filter((form) => text.includes(form));
}

/** Nothing is in a file besides those that hold it, and no server was sent what is another's. */
function expectKept({ box, cloud, home }: Setup): void {
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || /^(?:config\.json|box\.headers)$/.test(entry.name)) continue;
    const file = path.join(entry.parentPath, entry.name);
    expect([file, ...found(readFileSync(file, 'utf8'))]).toEqual([file]);
  }
  const sentTo = ({ requests }: FaultServer): string[] =>
    found(JSON.stringify(requests.map(({ url, headers, body }) => ({ url, headers, body }))));
  expect(sentTo(box)).toEqual([HOST_TOKEN]);
  expect(sentTo(cloud)).toEqual([KEY]);
}

test('the built program tells none of its secrets, whatever its servers say back', async () => {
  const setup = await setUp();
  const commands = [
    ['list', '--on', `box,${setup.cloud.url}`, '--json'],
    ['health'],
    ['chat', 'm', 'hello'],
    ['providers', 'test', '--all', '--json'],
    ['mcp', 'check_status', '--json'],
  ];
  await Promise.all(
    commands.map(async (command) => {
      const ran = await runProgram([...command, '--debug'], undefined, { env: setup.env });
      expect([command, ...found(ran.stdout + ran.stderr)]).toEqual([command]);
      expect(ran.stdout + ran.stderr).toContain('***');
    }),
  );
  expectKept(setup);
});

test('nor does the built gateway, in any answer or to any server', async () => {
  const setup = await setUp();
  const env = { ...setup.env, GATE: GATE_TOKEN };
  const gateway = await startGatewayProcess('box', ['--token-env', 'GATE', '--debug'], env);
  const chat = { message: 'hello', model: 'm' };
  const calls: readonly (readonly [method: string, path: string, body?: object])[] = [
    ['GET', '/api/providers'],
    ['GET', '/api/providers/ollama/models'],
    ['GET', '/api/providers/ollama/models/m'],
    ['POST', '/api/providers/ollama/pull', { model: 'm' }],
    ['POST', '/api/chat', chat],
    ['POST', '/api/chat', { ...chat, stream: true }],
    ['POST', '/api/chat', { ...chat, provider: 'cloud' }],
    ['POST', '/api/chat', { ...chat, provider: 'claude', stream: true }],
    ...['ollama', 'cloud', 'claude'].map((name) => ['POST', `/api/providers/${name}/test`] as const),
    ['POST', '/api/providers/ollama/models/update'],
    ['DELETE', '/api/providers/ollama/models/m'],
    ['GET', '/health'],
    ['GET', '/ready'],
    ['GET', '/metrics'],
    ['GET', '/openapi.json'],
  ];
  let repeated = 0;
  for (const [method, route, body] of calls) {
    const response = await fetch(gateway.url + route, {
      method,
      headers: {
        authorization: `Bearer ${GATE_TOKEN}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    expect([method, route, ...found(text)]).toEqual([method, route]);
    if (text.includes('***')) repeated += 1;
  }
  expect(repeated).toBeGreaterThan(10);
  gateway.signal('SIGTERM');
  await gateway.exited;
  expect(found(gateway.said())).toEqual([]);
  expectKept(setup);
});
