// A hundred hosts on loopback addresses, in a process of their own: ninety that answer after a while, five that accept and
// never answer, five that refuse. Prints them as JSON once all stand; the delay in milliseconds is its argument.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createListener } from 'node:net';

const LIVING = 90;
const DEAD = 5;
const delayMs = Number(process.argv[2]);

/** One address of its own each, as far as the system has them: elsewhere than on Linux only 127.0.0.1 is there. */
const addressOf = (n) => (process.platform === 'linux' ? `127.0.0.${2 + n}` : '127.0.0.1');

const listOf = (n) =>
  JSON.stringify({
    models: Array.from({ length: 5 }, (_, at) => ({
      name: `living-${n}-${at}:7b`,
      model: `living-${n}-${at}:7b`,
      modified_at: '2026-01-02T03:04:05Z',
      size: 4_000_000_000 + n,
      digest: (n * 10 + at).toString(16).padStart(4, '0').repeat(16),
      details: {
        family: 'llama',
        parameter_size: '7.6B',
        quantization_level: 'Q4_K_M',
        context_length: 8192,
      },
      capabilities: ['completion'],
    })),
  });

async function listen(server, address) {
  server.listen(0, address, 1024);
  await once(server, 'listening');
  return `${address}:${server.address().port}`;
}

async function openLiving(n) {
  const list = listOf(n);
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    setTimeout(() => response.end(list), delayMs);
  });
  return await listen(server, addressOf(n));
}

const living = await Promise.all(Array.from({ length: LIVING }, (_, n) => openLiving(n)));
const silent = await Promise.all(
  Array.from({ length: DEAD }, (_, n) =>
    listen(
      createListener(() => undefined),
      addressOf(LIVING + n),
    ),
  ),
);
const refusing = await Promise.all(
  Array.from({ length: DEAD }, async (_, n) => {
    const server = createListener();
    const address = await listen(server, addressOf(LIVING + DEAD + n));
    server.close();
    return address;
  }),
);
console.log(JSON.stringify({ living, silent, refusing }));
