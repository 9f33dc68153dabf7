import { get, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { closedPort, serve } from './fault-server.js';
import type { FaultServer } from './fault-server.js';

let server: FaultServer | undefined;
afterEach(() => server?.close());

function open(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, resolve).on('error', reject));
}

async function readChunks(response: IncomingMessage): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of response) chunks.push(String(chunk));
  return chunks;
}

test('writes its pieces one by one, with the pauses between', async () => {
  server = await serve({ status: 502, headers: { 'x-a': 'b' }, body: ['{"a"', { wait: 20 }, ':1}\n'] });
  const response = await open(server.url);
  expect([response.statusCode, response.headers['x-a']]).toEqual([502, 'b']);
  expect(await readChunks(response)).toEqual(['{"a"', ':1}\n']);
});

test('a reset ends the body with ECONNRESET and not with its end', async () => {
  server = await serve({ body: ['half'], then: 'reset' });
  await expect(open(server.url).then(readChunks)).rejects.toThrow(/aborted|ECONNRESET/);
});

test('a stalled answer goes on being silent until the client hangs up, and the server sees that', async () => {
  server = await serve({ body: ['half'], then: 'stall' });
  const response = await open(server.url);
  const first = await new Promise((resolve) => response.once('data', resolve));
  expect(String(first)).toBe('half');
  expect(response.complete).toBe(false);
  response.on('error', () => undefined).destroy();
  expect(await server.requests[0]?.finished).toBe(false);
});

test('a handler sees the request with its body and may answer by itself', async () => {
  server = await serve((seen, response) => {
    if (seen.url === '/own') response.end('own');
    else return { body: [`${seen.method} ${seen.body}`] };
    return undefined;
  });
  const { url } = server;
  const answer = await new Promise<IncomingMessage>((resolve) =>
    request(`${url}/x`, { method: 'POST' }, resolve).end('hi'),
  );
  expect(await readChunks(answer)).toEqual(['POST hi']);
  expect(await readChunks(await open(`${url}/own`))).toEqual(['own']);
  expect(server.requests.map((seen) => seen.url)).toEqual(['/x', '/own']);
  expect(await server.requests[1]?.finished).toBe(true);
});

test('nobody listens on a closed port', async () => {
  await expect(open(`http://127.0.0.1:${String(await closedPort())}`)).rejects.toThrow('ECONNREFUSED');
});
