// Callers of the gateway and of the bare proxy in a process of their own. Over its channel it is told what to ask, where
// and how often, and tells when the first byte of each answer had come, in milliseconds, and when all had ended.
import http from 'node:http';

/** Of one order: a connection that lay idle between two may be closed by the other end as it is used again. */
let agent;
const open = new Set();

/** Asks once; resolves at the first byte with the milliseconds until then, and with what resolves at the last. */
async function ask({ url, path, body }) {
  const text = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  headers.accept = 'text/event-stream';
  const start = performance.now();
  return await new Promise((resolve, reject) => {
    const request = http.request(new URL(path, url), { method: 'POST', headers, agent }, (response) => {
      let bytes = 0;
      if (response.statusCode !== 200) reject(new Error(`the answer has the status ${response.statusCode}`));
      const ended = new Promise((end) => response.once('close', () => end(bytes)));
      response.on('data', (chunk) => {
        if (bytes === 0) resolve({ ms: performance.now() - start, ended });
        bytes += chunk.length;
      });
      response.on('error', () => undefined);
    });
    open.add(request);
    request.once('close', () => open.delete(request));
    request.on('error', reject);
    request.end(text);
  });
}

const ORDERS = {
  /** One after another. */
  async each({ question, times }) {
    const first = [];
    let bytes = 0;
    for (let n = 0; n < times; n += 1) {
      const { ms, ended } = await ask(question);
      first.push(ms);
      bytes += await ended;
    }
    return { first, bytes };
  },
  /** All at once, to their ends. */
  async together({ question, times }) {
    const begun = await Promise.all(Array.from({ length: times }, () => ask(question)));
    const bytes = await Promise.all(begun.map(({ ended }) => ended));
    return { first: begun.map(({ ms }) => ms), bytes: bytes.reduce((sum, each) => sum + each, 0) };
  },
  /** All at once, and left open; some at a time, as no listening queue takes a thousand. */
  async hold({ question, times }) {
    for (let left = times; left > 0; left -= 50)
      await Promise.all(Array.from({ length: Math.min(50, left) }, () => ask(question)));
    return { open: open.size };
  },
};

process.on('message', ({ order, ...asked }) => {
  if (order !== 'hold') agent?.destroy();
  agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
  ORDERS[order](asked).then(
    (done) => process.send({ done }),
    (error) => process.send({ error: String(error) }),
  );
});
