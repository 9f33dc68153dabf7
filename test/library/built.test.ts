import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as source from '../../src/index.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { runProgram } from './built.js';

const CERTIFICATES = new URL('../fixtures/tls/', import.meta.url);
const certificate = (name: string): string => readFileSync(new URL(name, CERTIFICATES), 'utf8');

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({
    installed: ['llama3.2:1b'],
    scale: 0.001,
    tokensPerSecond: Infinity,
    loadMs: 1,
  });
});
afterAll(() => sandbox.close());

test('the built package exports what the sources do', async () => {
  const { stdout, stderr } = await runProgram(`
    import * as built from 'ollama-cli';
    console.log(JSON.stringify(Object.keys(built).sort()));
  `);
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual(Object.keys(source).sort());
});

test('the client writes nothing of its own, whatever happens', async () => {
  const ran = await runProgram(
    `
    import { OllamaClient } from 'ollama-cli';
    const client = new OllamaClient();
    await client.list();
    await client.health();
    for await (const event of client.chat({ model: 'llama3.2:1b', messages: [{ role: 'user', content: 'Hi' }] })) ;
    for await (const event of client.pullModelStream('smollm2:135m')) ;
    for await (const event of client.pullModelStream('no-such-model')) ;
    await client.show('absent').catch(() => undefined);
    await new OllamaClient('127.0.0.1:1').list().catch(() => undefined);
    await new OllamaClient('http://ollama.test:1', { env: { HTTP_PROXY: 'http://127.0.0.1:1' } }).list().catch(() => undefined);
    `,
    { env: { OLLAMA_HOST: sandbox.url } },
  );
  expect(ran).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('a program ends by itself when its calls are over, also after an answer that was left', async () => {
  const ran = await runProgram(
    `
    import { OllamaClient } from 'ollama-cli';
    const client = new OllamaClient();
    for await (const event of client.chat({ model: 'llama3.2:1b', messages: [{ role: 'user', content: 'Hi' }] })) break;
    for await (const event of client.pullModelStream('gemma3:1b')) if (event.type === 'ChunkProgress') break;
    console.log('over');
    `,
    { env: { OLLAMA_HOST: sandbox.url } },
  );
  expect(ran).toEqual({ code: 0, stdout: 'over\n', stderr: '' });
});

test('NODE_EXTRA_CA_CERTS is trusted, and without it the certificate is not', async () => {
  const server = createServer(
    { key: certificate('server-key.pem'), cert: certificate('server.pem') },
    (_request, response) => response.end('{"version":"0.24.0"}'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const program = `
    import { OllamaClient } from 'ollama-cli';
    console.log(await new OllamaClient(process.argv[2]).version().catch((error) => error.code));
  `;
  const args = [`https://127.0.0.1:${(server.address() as AddressInfo).port}`];
  const trusting = await runProgram(program, {
    args,
    env: { NODE_EXTRA_CA_CERTS: fileURLToPath(new URL('ca.pem', CERTIFICATES)) },
  });
  const strict = await runProgram(program, { args });
  server.closeAllConnections();
  server.close();
  expect([trusting.stdout, strict.stdout]).toEqual(['0.24.0\n', 'tls\n']);
});
