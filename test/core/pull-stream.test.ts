import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { OllamaClient, type ClientOptions } from '../../src/core/client.js';
import type { OllamaPullEvent } from '../../src/core/pull-events.js';
import type { PullOptions } from '../../src/core/pull-stream.js';
import { pullTotals } from '../../src/core/pull-totals.js';
import { reducePull, startPull } from '../../src/core/pull.js';
import { startLab, type Lab } from '../sandbox/lab.js';
import { closedPort, serve, type FaultServer, type Script } from '../support/fault-server.js';
import { readRecording } from './recorded.js';

const QUICK: ClientOptions = { env: {}, retry: { attempts: 3, delay: 1, max_delay: 2 } };
const DIGEST = `sha256:a5fd3b62230a${'0'.repeat(52)}`;
const MANIFEST = '{"status":"pulling manifest"}\n';
const SUCCESS = '{"status":"success"}\n';
const bytes = (completed: number, digest = DIGEST): string =>
  `${JSON.stringify({ status: `pulling ${digest.slice(7, 19)}`, digest, total: 100, completed })}\n`;

let server: FaultServer | undefined;
let lab: Lab | undefined;
afterEach(async () => {
  await server?.close();
  await lab?.sandbox.close();
  server = undefined;
  lab = undefined;
});

async function collect(events: AsyncIterable<OllamaPullEvent>): Promise<OllamaPullEvent[]> {
  const all: OllamaPullEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** Pulls from a server whose answers are these, one after another, the last one from then on. */
async function pullFrom(
  scripts: readonly Script[],
  options: PullOptions = {},
  client: ClientOptions = {},
): Promise<OllamaPullEvent[]> {
  let asked = 0;
  server = await serve(() => scripts[Math.min(asked++, scripts.length - 1)] ?? {});
  return await collect(new OllamaClient(server.url, { ...QUICK, ...client }).pullModelStream('m', options));
}

const retriesOf = (events: readonly OllamaPullEvent[]) => events.filter((event) => event.type === 'Retry');
const DONE: Script = { body: [MANIFEST, bytes(100), SUCCESS] };

describe('a pull that meets', () => {
  const mismatch = `digest mismatch, file must be downloaded again: want ${DIGEST}, got sha256:${'1'.repeat(64)}`;
  const error = (text: string): Script => ({ body: [MANIFEST, `${JSON.stringify({ error: text })}\n`] });

  test.each<[string, Script, object]>([
    [
      'a reset',
      { body: [MANIFEST, bytes(40)], then: 'reset' },
      { kind: 'cut', reason: 'the connection was cut' },
    ],
    [
      'an end too soon',
      { body: [MANIFEST, bytes(40)] },
      { kind: 'cut', reason: 'the stream ended too soon' },
    ],
    ['half a line', { body: [MANIFEST, bytes(40).slice(0, 30)] }, { kind: 'cut' }],
    ['a reset before a word', { body: [], then: 'reset' }, { kind: 'cut' }],
    ['a failing registry', error('pull model manifest: 500: oh'), { kind: 'registry' }],
    ['retries that the server has spent', error('max retries exceeded: EOF'), { kind: 'registry' }],
    ['a busy server', { status: 503, body: ['{"error":"server busy"}'] }, { kind: 'busy' }],
    ['a failing server', { status: 500, body: ['{"error":"oh"}'] }, { kind: 'busy' }],
    [
      "a proxy's page",
      { status: 502, headers: { 'content-type': 'text/html' }, body: ['<html></html>'] },
      { kind: 'busy' },
    ],
    [
      'a wrong layer',
      error(mismatch),
      { kind: 'digest', digest: DIGEST, reason: 'layer a5fd3b62230a does not match its digest' },
    ],
  ])('%s is asked for again, and says so', async (_what, script, retry) => {
    const events = await pullFrom([script, DONE]);
    expect(retriesOf(events)).toMatchObject([{ attempt: 2, ...retry }]);
    expect(events.at(-1)).toEqual({ type: 'Success' });
    expect(server?.requests).toHaveLength(2);
  });

  test.each<[string, Script, string]>([
    ['no access', { status: 401, body: ['{"error":"unauthorized"}'] }, 'unauthorized'],
    ['no model', error('pull model manifest: file does not exist'), 'model_not_found'],
    ['an old server', error('pull model manifest: 412: a newer version of Ollama'), 'server_error'],
    ['a full disk', error('write /x: no space left on device'), 'no_space'],
    ['a wrong name', { status: 400, body: ['{"error":"invalid model name"}'] }, 'invalid_name'],
    [
      'a wrong certificate',
      error('tls: failed to verify certificate: x509: unknown authority'),
      'registry_unreachable',
    ],
    [
      'a page that is not Ollama',
      { headers: { 'content-type': 'text/html' }, body: ['<html></html>'] },
      'protocol',
    ],
  ])('%s ends at once', async (_what, script, code) => {
    const events = await pullFrom([script, DONE]);
    expect(events.at(-1)).toMatchObject({ type: 'Error', error: { code } });
    expect(server?.requests).toHaveLength(1);
  });

  test('nobody at all ends at once', async () => {
    const client = new OllamaClient(`http://127.0.0.1:${String(await closedPort())}`, QUICK);
    expect(await collect(client.pullModelStream('m', { retries: 9 }))).toMatchObject([
      { type: 'Error', error: { code: 'unreachable' } },
    ]);
  });

  test('the same wrong layer twice ends, named', async () => {
    const events = await pullFrom([error(mismatch)]);
    expect(retriesOf(events)).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({
      type: 'Error',
      message: expect.stringMatching(/^Layer a5fd3b62230a .*, after 2 tries\.$/),
      error: { code: 'digest_mismatch', digest: DIGEST, model: 'm' },
    });
  });

  test('a server that asks for a wait gets it', async () => {
    const busy: Script = { status: 503, headers: { 'retry-after': '0' }, body: ['{"error":"busy"}'] };
    expect(retriesOf(await pullFrom([busy, DONE]))).toMatchObject([{ kind: 'busy' }]);
    await server?.close();
    const late: Script = { status: 429, headers: { 'retry-after': '3600' }, body: ['{"error":"busy"}'] };
    const events = await pullFrom([late, DONE]);
    expect(events).toMatchObject([{ type: 'Error', error: { status: 429, retryAfterMs: 3_600_000 } }]);
  });
});

describe('a pull goes on', () => {
  const cutAt = (completed: number): Script => ({ body: [MANIFEST, bytes(completed)], then: 'reset' });

  test('as long as each try brings bytes', async () => {
    const cuts = Array.from({ length: 8 }, (_, n) => cutAt((n + 1) * 10));
    const events = await pullFrom([...cuts, DONE]);
    expect(retriesOf(events).map((event) => event.type === 'Retry' && event.attempt)).toEqual([
      2, 3, 4, 5, 6, 7, 8, 9,
    ]);
    expect(events.at(-1)).toEqual({ type: 'Success' });
  });

  test('until its tries in a row bring none, and tells their number', async () => {
    const events = await pullFrom([cutAt(10), cutAt(20), cutAt(20)]);
    expect(retriesOf(events)).toHaveLength(4);
    expect(events.at(-1)).toMatchObject({
      type: 'Error',
      message: expect.stringMatching(/broke off: the connection was cut, after 5 tries\.$/),
      error: { code: 'stream_cut' },
    });
  });

  test('while the registry is away for a while, once bytes had come', async () => {
    const error = 'pull model manifest: Get "https://registry/v2/": dial tcp: lookup registry: no such host';
    const away: Script = { body: [MANIFEST, `${JSON.stringify({ error })}\n`] };
    const events = await pullFrom([cutAt(10), ...Array.from({ length: 6 }, () => away), DONE]);
    expect(retriesOf(events)).toHaveLength(7);
    expect(events.at(-1)).toEqual({ type: 'Success' });
    await server?.close();
    // One that was never there is given up as soon as anything else.
    expect(retriesOf(await pullFrom([away]))).toHaveLength(2);
  });

  test('exactly as often as it was asked to', async () => {
    const events = await pullFrom([cutAt(10), cutAt(20), cutAt(30)], { retries: 1 });
    expect(retriesOf(events)).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ error: { code: 'stream_cut' } });
    await server?.close();
    expect(retriesOf(await pullFrom([cutAt(10)], { retries: 0 }))).toEqual([]);
  });

  test('when the server is gone for a while and comes back', async () => {
    const first = createServer((_request, response) => {
      response.write(MANIFEST + bytes(40), () => {
        response.socket?.resetAndDestroy();
        first.close();
      });
    });
    await new Promise<void>((resolve) => first.listen(0, '127.0.0.1', resolve));
    const { port } = first.address() as AddressInfo;
    const client = new OllamaClient(`http://127.0.0.1:${String(port)}`, {
      ...QUICK,
      retry: { attempts: 3, delay: 40, max_delay: 80 },
    });
    const again = createServer((_request, response) => {
      response.end(MANIFEST + bytes(100) + SUCCESS);
    });
    const events: OllamaPullEvent[] = [];
    for await (const event of client.pullModelStream('m')) {
      events.push(event);
      // Refused twice more: as often as tries without a byte would be allowed.
      if (event.type === 'Retry' && event.attempt === 4) {
        await new Promise<void>((resolve) => again.listen(port, '127.0.0.1', resolve));
      }
    }
    await new Promise((resolve) => again.close(resolve));
    expect(retriesOf(events)).toMatchObject([
      { reason: 'the connection was cut' },
      { reason: 'the connection was refused' },
      { reason: 'the connection was refused' },
    ]);
    expect(events.at(-1)).toEqual({ type: 'Success' });
  });
});

describe('a pull that stands still', () => {
  const frozen = [MANIFEST, ...Array.from({ length: 60 }, () => [bytes(40), { wait: 20 }]).flat()];

  test('in silence is broken off and asked for again', async () => {
    const events = await pullFrom([{ body: [MANIFEST, bytes(40)], then: 'stall' }, DONE], { stallMs: 150 });
    expect(events.filter((event) => event.type === 'Stall').length).toBeGreaterThan(1);
    expect(retriesOf(events)).toMatchObject([{ kind: 'stall', reason: 'no data for 0.15 s' }]);
    expect(events.at(-1)).toEqual({ type: 'Success' });
    expect(await server?.requests[0]?.finished).toBe(false);
  });

  test('with the same numbers again and again too', async () => {
    const events = await pullFrom([{ body: frozen }, DONE], { stallMs: 300 });
    const stalls = events.filter((event) => event.type === 'Stall');
    expect(stalls.length).toBeGreaterThan(1);
    expect(stalls[0]).toMatchObject({ digest: DIGEST });
    expect(retriesOf(events)).toMatchObject([{ kind: 'stall' }]);
    expect(await server?.requests[0]?.finished).toBe(false);
  });

  test('each time ends as stalled, with the number of tries', async () => {
    const events = await pullFrom([{ body: [MANIFEST, bytes(40)], then: 'stall' }], { stallMs: 60 });
    expect(events.at(-1)).toMatchObject({
      type: 'Error',
      error: { code: 'stalled', message: expect.stringMatching(/no new byte for 0.06 s, after 4 tries\.$/) },
    });
  });

  test('while it verifies is left alone', async () => {
    const quiet = [MANIFEST, bytes(100), '{"status":"verifying sha256 digest"}\n', { wait: 400 }, SUCCESS];
    const events = await pullFrom([{ body: quiet }], { stallMs: 60 });
    expect(retriesOf(events)).toEqual([]);
    expect(events.at(-1)).toEqual({ type: 'Success' });
  });

  test('is waited for where no patience was named', async () => {
    const slow: Script = { body: [MANIFEST, bytes(40), { wait: 300 }, bytes(100), SUCCESS] };
    expect(retriesOf(await pullFrom([slow], { stallMs: 0 }))).toEqual([]);
  });

  test('before its first word is given the time of the first word', async () => {
    const late: Script = { body: [{ wait: 300 }, MANIFEST, bytes(100), SUCCESS] };
    const events = await pullFrom([late], { stallMs: 60 });
    expect(retriesOf(events)).toEqual([]);
    expect(events.at(-1)).toEqual({ type: 'Success' });
  });

  test('longer than the limit on silence ends there, without another try', async () => {
    const events = await pullFrom(
      [{ body: [MANIFEST], then: 'stall' }, DONE],
      {},
      { timeouts: { silence: 100 } },
    );
    expect(events.at(-1)).toMatchObject({ error: { code: 'stalled' } });
    expect(server?.requests).toHaveLength(1);
  });
});

describe('recordings played again', () => {
  const play = (label: string): Script => {
    const { chunks } = readRecording('0.24.0', label).response;
    return { body: chunks.map(([, text]) => text) };
  };

  test('a wrong layer is fetched again, and the pull ends well', async () => {
    const events = await pullFrom([play('pull-corrupt'), play('pull')]);
    expect(retriesOf(events)).toMatchObject([
      { kind: 'digest', digest: expect.stringMatching(/^sha256:a5fd3b62230a/) },
    ]);
    expect(events.at(-1)).toEqual({ type: 'Success' });
  });

  test('what is resumed after a cut never falls', async () => {
    const events = await pullFrom([{ ...play('pull-500'), then: 'reset' }, play('pull-dropped')]);
    let state = startPull('m', 0);
    for (const event of events) {
      const before = pullTotals(state, 0).completed;
      state = reducePull(state, event, 0);
      expect(pullTotals(state, 0).completed).toBeGreaterThanOrEqual(before);
    }
    expect(state.phase).toBe('success');
  });

  test('a registry that stays away is tried again, and named in the end', async () => {
    const events = await pullFrom([play('pull-offline')]);
    expect(retriesOf(events)).toMatchObject([
      { kind: 'registry', reason: 'no such host' },
      { kind: 'registry' },
    ]);
    expect(events.at(-1)).toMatchObject({
      error: {
        code: 'registry_unreachable',
        message: expect.stringMatching(/no such host, after 3 tries\.$/),
      },
    });
  });
});

describe('against the sandbox', () => {
  const NAME = 'all-minilm:22m';
  async function pullWith(options: PullOptions, ...faults: string[]): Promise<OllamaPullEvent[]> {
    lab = await startLab({ scale: 0.01 });
    lab.fault(...faults);
    return await collect(new OllamaClient(lab.sandbox.url, QUICK).pullModelStream(NAME, options));
  }

  test.each([
    ['cut@30%:times=1', 'error-line@50%:times=1', 'no-done:times=1'],
    ['frozen=2s@40%:times=1', 'cut@70%:times=1'],
    ['stall@20%:times=1', 'rolled-back@60%:times=1'],
    ['corrupt:times=1', '503:times=1'],
    ['lost-partials:times=1', 'cut@80%:times=1'],
    ['registry-500:path=/api/pull:times=2', 'max-retries:times=1'],
    ['missing-completed:times=1', 'retry-after:path=/api/pull:times=1'],
  ])('%s and %s: it gets there', async (...faults) => {
    const events = await pullWith({ stallMs: 300, retries: 9 }, ...faults);
    expect(events.at(-1)).toEqual({ type: 'Success' });
    const names = faults.map((fault) => /^[a-z0-9-]+/.exec(fault)?.[0] ?? '');
    expect(Object.keys(lab?.sandbox.fired() ?? {}).sort()).toEqual([...names].sort());
    expect(await new OllamaClient(lab?.sandbox.url, QUICK).fetchModels()).toEqual([NAME]);
  });

  test('a server that forgets what it had each time is not asked for ever', async () => {
    const events = await pullWith({}, 'cut@50%', 'lost-partials');
    expect(events.at(-1)).toMatchObject({ error: { code: 'stream_cut' } });
    expect(retriesOf(events)).toHaveLength(3);
  });
});
