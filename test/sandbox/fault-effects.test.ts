import { afterEach, expect, test } from 'vitest';
import type { FaultName } from '../../src/sandbox/faults.js';
import { FAULTS } from '../../src/sandbox/faults.js';
import { HOSTILE_NAME } from '../../src/sandbox/models.js';
import type { Lab } from './lab.js';
import { startLab } from './lab.js';

let lab: Lab;
afterEach(() => lab.sandbox.close());

const NAME = 'all-minilm:22m';

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
const CHATS = { installed: ['tinyllama'] };

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
  'escape-names': async () => {
    lab.fault('escape-names');
    const { text } = await ask('/api/tags', undefined);
    const { models } = JSON.parse(text) as { models: { name: string }[] };
    expect(models[0]?.name).toBe(HOSTILE_NAME);
    expect(HOSTILE_NAME).toContain('\u001b[2J');
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
