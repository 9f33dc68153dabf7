import { afterEach, expect, test } from 'vitest';
import { HOSTILE_TEXT } from '../../src/sandbox/answer.js';
import type { FaultName } from '../../src/sandbox/faults.js';
import { FAULTS } from '../../src/sandbox/faults.js';
import { HOSTILE_NAME } from '../../src/sandbox/models.js';
import type { Lab } from './lab.js';
import { parseLines, startLab } from './lab.js';

let lab: Lab;
afterEach(() => lab.sandbox.close());

const NAME = 'all-minilm:22m';
const MANIFEST = '/v2/library/all-minilm/manifests/22m';

interface Seen {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly broken: boolean;
  readonly pieces: readonly Buffer[];
}

async function ask(path: string, body: unknown, patience = 5000): Promise<Seen> {
  const hangUp = AbortSignal.timeout(patience);
  const response = await lab.send(
    path === '/api/tags' ? 'GET' : 'POST',
    path,
    path === '/api/tags' ? undefined : body,
    hangUp,
  );
  const pieces: Buffer[] = [];
  let broken = false;
  try {
    for await (const chunk of response.body ?? []) pieces.push(Buffer.from(chunk));
  } catch {
    broken = true;
  }
  const text = Buffer.concat(pieces).toString();
  return { status: response.status, type: response.headers.get('content-type') ?? '', text, broken, pieces };
}

const pull = (patience?: number): Promise<Seen> => ask('/api/pull', { model: NAME }, patience);
const chat = (patience?: number): Promise<Seen> =>
  ask(
    '/api/chat',
    { model: 'tinyllama', messages: [{ role: 'user', content: 'Tell me a long story' }] },
    patience,
  );
const CHATS = { installed: ['tinyllama', 'qwen3:0.6b', 'gemma3:4b'] };

function numbers(text: string): number[] {
  const digest = /"digest":"(sha256:\w+)"/.exec(text)?.[1] ?? '';
  return text
    .split('\n')
    .filter((line) => line.includes(digest))
    .map((line) => Number(/"completed":(\d+)/.exec(line)?.[1] ?? 0));
}

// What each fault looks like from outside; one without a row fails.
const LOOKS: Readonly<Record<FaultName, () => Promise<void>>> = {
  cut: async () => {
    lab.fault('cut@50%');
    const [seen, said] = [await pull(), await chat()];
    expect([seen.broken, said.broken]).toEqual([true, true]);
    expect(numbers(seen.text).at(-1)).toBeLessThan(45_900);
    expect(said.text).not.toContain('"done":true');
  },
  stall: async () => {
    lab.fault('stall@50%');
    const seen = await pull(400);
    expect(seen.broken).toBe(true);
    expect(numbers(seen.text).at(-1)).toBeGreaterThan(20_000);
    expect(seen.text).not.toContain('success');
    expect((await chat(400)).text).not.toContain('"done":true');
  },
  slow: async () => {
    lab.fault('slow=60kB');
    expect(numbers((await pull()).text).length).toBeGreaterThan(5);
  },
  frozen: async () => {
    lab.fault('frozen=300ms@50%');
    const seen = numbers((await pull()).text);
    const most = Math.max(...seen.map((number) => seen.filter((other) => other === number).length));
    expect(most).toBeGreaterThan(3);
    expect(seen.at(-1)).toBe(45_900);
  },
  linger: async () => {
    lab.fault('linger=200ms');
    const seen = numbers((await pull()).text);
    expect(seen.filter((number) => number === 45_900).length).toBeGreaterThan(2);
  },
  corrupt: async () => {
    lab.fault('corrupt');
    expect((await pull()).text).toMatch(/"error":"digest mismatch, file must be downloaded again/);
  },
  'rolled-back': async () => {
    lab.fault('rolled-back@50%');
    const seen = numbers((await pull()).text);
    expect(seen.some((number, index) => number < (seen[index - 1] ?? 0))).toBe(true);
    expect(seen.at(-1)).toBe(45_900);
  },
  'missing-completed': async () => {
    lab.fault('missing-completed');
    const seen = await pull(400);
    expect(seen.text).toMatch(/"total":\d+\}\n/);
    expect(seen.text).not.toContain('completed');
  },
  'max-retries': async () => {
    lab.fault('max-retries');
    const seen = await pull();
    expect(seen.text).not.toContain('completed');
    expect(seen.text).toMatch(/\{"error":"max retries exceeded: EOF"\}\n$/);
  },
  'no-final': async () => {
    lab.fault('no-final');
    const seen = await pull();
    expect(seen.text).not.toContain('"completed":45900,');
    expect(seen.text).toMatch(/"success"\}\n$/);
  },
  'no-space': async () => {
    lab.fault('no-space@50%');
    expect((await pull()).text).toMatch(/\{"error":"write \S+-partial: no space left on device"\}\n$/);
  },
  offline: async () => {
    lab.fault('offline');
    expect((await pull()).text).toMatch(/lookup registry.ollama.ai: no such host"\}\n$/);
  },
  newer: async () => {
    await pull();
    const before = await (await lab.send('GET', '/v2/library/all-minilm/manifests/22m')).text();
    lab.fault('newer');
    expect(await (await lab.send('GET', '/v2/library/all-minilm/manifests/22m')).text()).not.toBe(before);
  },
  '401': async () => {
    lab.fault('401');
    const seen = await pull();
    expect(seen.status).toBe(401);
    expect(JSON.parse(seen.text)).toHaveProperty('signin_url');
  },
  '404': async () => {
    lab.fault('404');
    expect((await chat()).text).toBe('{"error":"model \'tinyllama\' not found"}');
    expect((await pull()).text).toMatch(/"pull model manifest: file does not exist"/);
  },
  '412': async () => {
    lab.fault('412');
    expect((await pull()).text).toMatch(/"error":"pull model manifest: 412: .*newer version of Ollama/);
  },
  '500': async () => {
    lab.fault('500');
    expect((await chat()).status).toBe(500);
  },
  '503': async () => {
    lab.fault('503');
    expect([(await chat()).status, (await pull()).status]).toEqual([503, 503]);
  },
  html: async () => {
    lab.fault('html');
    const seen = await pull();
    expect([seen.status, seen.type]).toEqual([502, 'text/html']);
  },
  'html-200': async () => {
    lab.fault('html-200');
    const seen = await chat();
    expect([seen.status, seen.type]).toEqual([200, 'text/html']);
    expect(seen.text).toMatch(/^<!DOCTYPE html>/);
  },
  'half-lines': async () => {
    lab.fault('half-lines');
    const seen = await ask('/api/chat', {
      model: 'tinyllama',
      messages: [{ role: 'user', content: 'say “ünïcödé” 漢字' }],
    });
    expect(seen.pieces.some((piece) => !piece.toString().endsWith('\n'))).toBe(true);
    expect(seen.pieces.some((piece) => piece.toString().includes('\ufffd'))).toBe(true);
    expect(seen.text).not.toContain('\ufffd');
    expect(seen.text).toMatch(/"done":true[^\n]*\}\n$/);
  },
  'error-line': async () => {
    lab.fault('error-line@50%');
    expect((await chat()).text).toMatch(
      /\{"error":"an error was encountered while running the model: unexpected EOF"\}\n$/,
    );
    expect((await pull()).text).toMatch(/\{"error":"max retries exceeded: unexpected EOF"\}\n$/);
  },
  'no-done': async () => {
    lab.fault('no-done');
    const [seen, said] = [await pull(), await chat()];
    expect([seen.broken, said.broken]).toEqual([false, false]);
    expect(seen.text).not.toContain('success');
    expect(said.text).not.toContain('"done":true');
  },
  delay: async () => {
    lab.fault('delay=200ms:path=/v2/', 'delay=1s:path=/api/tags');
    const begun = performance.now();
    expect((await lab.send('GET', '/v2/_catalog')).status).toBe(200);
    expect(performance.now() - begun).toBeGreaterThan(190);
    expect(lab.sandbox.fired()).toEqual({ delay: 1 });
  },
  verifying: async () => {
    lab.fault('verifying=1m:times=1');
    expect((await pull(1500)).text).toMatch(/"verifying sha256 digest"\}\n$/);
    expect((await pull()).text).toMatch(/"success"\}\n$/);
  },
  'lost-partials': async () => {
    lab.fault('cut@60%:times=1', 'lost-partials:times=1', 'slow=200kB');
    expect(numbers((await pull()).text).at(-1)).toBeGreaterThan(20_000);
    expect(lab.sandbox.fired()).toMatchObject({ cut: 1 });
    expect(lab.sandbox.fired()).not.toHaveProperty('lost-partials');
    expect(numbers((await pull()).text)[0]).toBeLessThan(27_000);
    expect(lab.sandbox.fired()).toMatchObject({ 'lost-partials': 1 });
  },
  'registry-500': async () => {
    lab.fault('registry-500', 'registry-500:path=/api/pull');
    expect((await lab.send('GET', MANIFEST)).status).toBe(500);
    expect((await pull()).text).toMatch(/"pull model manifest: 500: /);
  },
  'registry-401': async () => {
    lab.fault('registry-401', 'registry-401:path=/api/pull');
    expect((await lab.send('HEAD', MANIFEST)).status).toBe(401);
    expect((await pull()).text).toMatch(/"pull model manifest: 401: /);
  },
  'registry-garbage': async () => {
    lab.fault('registry-garbage');
    expect(await (await lab.send('GET', MANIFEST)).text()).toMatch(/^<!DOCTYPE html>/);
    expect((await lab.send('GET', '/v2/_catalog')).headers.get('content-type')).toMatch(/json/);
  },
  'registry-huge': async () => {
    lab.fault('registry-huge');
    const hangUp = new AbortController();
    const response = await lab.send('GET', MANIFEST, undefined, hangUp.signal);
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += (chunk as Uint8Array).length;
      if (bytes > 20_000_000) break;
    }
    hangUp.abort();
    expect(bytes).toBeGreaterThan(20_000_000);
  },
  'retry-after': async () => {
    lab.fault('retry-after=2s:times=1', 'retry-after:path=/api/pull');
    const refused = await lab.send('GET', MANIFEST);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '2']);
    expect((await lab.send('GET', MANIFEST)).status).toBe(200);
    expect((await pull()).text).toMatch(/"pull model manifest: 429: /);
  },
  'escape-names': async () => {
    lab.fault('escape-names');
    const { text } = await ask('/api/tags', undefined);
    const { models } = JSON.parse(text) as { models: { name: string }[] };
    expect(models[0]?.name).toBe(HOSTILE_NAME);
    expect(HOSTILE_NAME).toContain('\u001b[2J');
  },
  oom: async () => {
    lab.fault('oom=1024');
    const small = { model: 'tinyllama', messages: [], options: { num_ctx: 1024 } };
    expect((await ask('/api/chat', small)).status).toBe(200);
    const seen = await chat();
    expect([seen.status, seen.text]).toEqual([500, expect.stringMatching(/requires more system memory/)]);
  },
  'slow-load': async () => {
    lab.fault('slow-load=400ms:times=1');
    const { text } = await chat();
    const loaded = Number(/"load_duration":(\d+)/.exec(text)?.[1]) / 1e6;
    expect(loaded).toBeGreaterThan(390);
  },
  killed: async () => {
    lab.fault('killed@50%:times=1');
    const seen = await chat();
    expect([seen.status, seen.text]).toEqual([200, expect.stringMatching(/"done":false/)]);
    expect(seen.text).toMatch(/\{"error":"llama runner process has terminated: signal: killed"\}\n$/);
    const { models } = (await (await lab.send('GET', '/api/ps')).json()) as { models: unknown[] };
    expect(models).toEqual([]);
    expect((await chat()).text).toContain('"done":true');
  },
  'cut-window': async () => {
    lab.fault('cut-window');
    const messages = [{ role: 'user', content: 'word '.repeat(500) }];
    const options = { num_ctx: 256, num_predict: 1 };
    const seen = await ask('/api/chat', { model: 'tinyllama', messages, options, truncate: false });
    expect(seen.text).toContain('"prompt_eval_count":256');
  },
  'count-new': async () => {
    lab.fault('count-new');
    const old = { role: 'user', content: 'word '.repeat(500) };
    const messages = [old, { role: 'assistant', content: 'Yes.' }, { role: 'user', content: 'hi' }];
    const { text } = await ask('/api/chat', { model: 'tinyllama', messages });
    expect(Number(/"prompt_eval_count":(\d+)/.exec(text)?.[1])).toBeLessThan(20);
  },
  escapes: async () => {
    lab.fault('escapes');
    const said = ({ text }: Seen): string =>
      parseLines(text)
        .map((line) => {
          const { content, thinking = '' } = line['message'] as { content: string; thinking?: string };
          return thinking + content;
        })
        .join('');
    expect(said(await chat()).startsWith(HOSTILE_TEXT)).toBe(true);
    const messages = [{ role: 'user', content: 'What is the weather?' }];
    const thinker = { model: 'qwen3:0.6b', messages };
    expect(said(await ask('/api/chat', thinker)).split(HOSTILE_TEXT)).toHaveLength(3);
    const tools = [{ type: 'function', function: { name: 'get_weather' } }];
    const called = await ask('/api/chat', { ...thinker, tools, stream: false });
    expect(called.text).toContain(JSON.stringify(`get_weather${HOSTILE_TEXT}`));
  },
  'bad-image': async () => {
    lab.fault('bad-image:times=1');
    const messages = [{ role: 'user', content: 'What is this?', images: ['aGk='] }];
    const seen = await ask('/api/chat', { model: 'gemma3:4b', messages });
    expect([seen.status, seen.text]).toEqual([500, expect.stringMatching(/image: unknown format/)]);
    expect((await ask('/api/chat', { model: 'gemma3:4b', messages })).status).toBe(200);
  },
};

test('there is a row for every fault', async () => {
  lab = await startLab();
  expect(Object.keys(LOOKS).sort()).toEqual(Object.keys(FAULTS).sort());
});

test.each(Object.keys(LOOKS) as FaultName[])('the fault %s is seen by a client', async (name) => {
  lab = await startLab(CHATS);
  await LOOKS[name]();
});

test('a fault without a stream ends the request', async () => {
  lab = await startLab(CHATS);
  const request = { model: 'tinyllama', stream: false, messages: [{ role: 'user', content: 'hi' }] };
  lab.fault('cut');
  await expect(lab.send('POST', '/api/chat', request)).rejects.toThrow();
  lab.fault('error-line');
  expect((await lab.send('POST', '/api/chat', request)).status).toBe(500);
});

test('a whole answer is broken off where a fault names its path', async () => {
  lab = await startLab({ installed: ['all-minilm'] });
  const whole = (await ask('/api/tags', undefined)).text;
  lab.fault('cut@50%:path=/api/tags');
  const cut = await ask('/api/tags', undefined);
  expect([cut.broken, whole.startsWith(cut.text)]).toEqual([true, true]);
  lab.fault('stall@50%:path=/api/tags');
  const stalled = await ask('/api/tags', undefined, 300);
  expect([stalled.broken, stalled.text.length]).toEqual([true, Math.floor(whole.length / 2)]);
});

test('it tells which faults have happened, and not those that were only meant to', async () => {
  lab = await startLab();
  const seen = async (): Promise<unknown> => (await lab.send('GET', '/sandbox/faults')).json();
  lab.fault('cut@50%:times=1', 'corrupt:times=1', '401:path=/api/tags', 'html:path=/sandbox/faults');
  expect(await seen()).toEqual({ fired: {} });
  await pull();
  await lab.send('GET', '/api/tags');
  await lab.send('GET', '/api/tags');
  expect(await seen()).toEqual({ fired: { cut: 1, corrupt: 1, '401': 2 } });
  lab.fault();
  await pull();
  expect(lab.sandbox.fired()).toEqual({ cut: 1, corrupt: 1, '401': 2 });
  expect(lab.sandbox.requests.some(({ path }) => path === '/sandbox/faults')).toBe(false);
});

test('several faults of one pull happen one after another, each at its place', async () => {
  lab = await startLab({ scale: 0.01 });
  lab.fault('frozen=200ms@30%', 'rolled-back@60%', 'error-line@90%');
  const seen = await pull();
  expect(seen.text).toMatch(/\{"error":"max retries exceeded: unexpected EOF"\}\n$/);
  expect(Object.keys(lab.sandbox.fired()).sort()).toEqual(['error-line', 'frozen', 'rolled-back']);
  const told = numbers(seen.text);
  const frozenAt = told.find((number, index) => number > 0 && number === told[index + 1]) ?? 0;
  const fellFrom = told.find((number, index) => (told[index + 1] ?? number) < number) ?? 0;
  expect(frozenAt).toBeGreaterThan(0);
  expect(fellFrom).toBeGreaterThan(frozenAt);
});

test('a fault that is limited is kept until it happens', async () => {
  lab = await startLab({ scale: 0.01 });
  lab.fault('cut@30%:times=1', 'no-space@60%:times=1');
  expect((await pull()).broken).toBe(true);
  expect((await pull()).text).toMatch(/no space left on device"\}\n$/);
  expect((await pull()).text).toMatch(/"success"\}\n$/);
});
