// What the program is measured against: canned answers on a loopback port, from a process of its own. The model's name
// says what is wanted: `held` (no answer yet), `view-SECONDS`, `flood-EVENTS`, `lines-COUNT`.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { chatLines } from './chat-lines.js';

const TICK_MS = 60;
const LAYERS = 10;
const LAYER_BYTES = 1_000_000_000;
const WRITE_BYTES = 64 * 1024;

const digest = (n) => n.toString(16).padStart(2, '0').repeat(32);

const LIST = JSON.stringify({
  models: Array.from({ length: 50 }, (_, n) => ({
    name: `model-${n}:7b`,
    model: `model-${n}:7b`,
    modified_at: '2026-01-02T03:04:05.678901234+01:00',
    size: 4_000_000_000 + n,
    digest: digest(n),
    details: {
      parent_model: '',
      format: 'gguf',
      family: 'llama',
      families: ['llama'],
      parameter_size: '7.6B',
      quantization_level: 'Q4_K_M',
    },
  })),
});

let kept;
function chatBytes(count) {
  if (kept?.count !== count) kept = { count, bytes: Buffer.from(chatLines(count)) };
  return kept.bytes;
}

/** Waits while the reader is slow; a reader that has gone is not waited for. */
async function write(response, data) {
  if (response.destroyed || response.write(data)) return;
  const gone = new AbortController();
  const stop = () => gone.abort();
  response.once('close', stop);
  await once(response, 'drain', { signal: gone.signal }).catch(() => undefined);
  response.off('close', stop);
}

const line = (value) => `${JSON.stringify(value)}\n`;
const progress = (layer, completed) => ({
  status: `pulling ${digest(layer).slice(0, 12)}`,
  digest: `sha256:${digest(layer)}`,
  total: LAYER_BYTES,
  completed: Math.floor(completed),
});

/** One layer after the other, as a real server fetches them, a line each 60 ms. */
async function sendView(response, seconds) {
  const ticks = (seconds * 1000) / TICK_MS;
  const start = Date.now();
  for (let tick = 1; tick <= ticks && !response.destroyed; tick += 1) {
    const layer = Math.floor(((tick - 1) * LAYERS) / ticks);
    response.write(line(progress(layer, LAYER_BYTES * ((tick * LAYERS) / ticks - layer))));
    await sleep(Math.max(0, start + tick * TICK_MS - Date.now()));
  }
}

async function sendFlood(response, events) {
  const each = events / LAYERS;
  for (let layer = 0; layer < LAYERS; layer += 1) {
    for (let event = 1; event <= each; event += 100) {
      const lines = Array.from({ length: 100 }, (_, n) =>
        line(progress(layer, (LAYER_BYTES * (event + n)) / each)),
      );
      await write(response, lines.join(''));
    }
  }
}

async function sendPull(response, [what, amount]) {
  if (what === 'held') return await once(response, 'close');
  response.write(line({ status: 'pulling manifest' }));
  await (what === 'view' ? sendView : sendFlood)(response, Number(amount));
  const ends = ['verifying sha256 digest', 'writing manifest', 'success'];
  response.end(ends.map((status) => line({ status })).join(''));
}

async function sendChat(response, [, count]) {
  const bytes = chatBytes(Number(count));
  for (let at = 0; at < bytes.length; at += WRITE_BYTES) {
    await write(response, bytes.subarray(at, at + WRITE_BYTES));
  }
  response.end();
}

async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

const server = createServer(async (request, response) => {
  if (request.url === '/api/tags') {
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.end(LIST);
    return;
  }
  const { model } = await readBody(request);
  const wanted = model.split('-');
  response.setHeader('content-type', 'application/x-ndjson');
  // As with a real server, there is no head before the first line.
  await (request.url === '/api/chat' ? sendChat : sendPull)(response, wanted);
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
