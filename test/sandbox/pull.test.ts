import { afterEach, expect, test } from 'vitest';
import type { Lab } from './lab.js';
import { readUntil, startLab } from './lab.js';

let lab: Lab;
afterEach(() => lab.sandbox.close());

const PULL = { model: 'all-minilm:22m' };
type Event = Record<string, unknown>;

function completedOf(events: readonly Event[]): number[] {
  const digest = events.find((event) => event['digest'] !== undefined)?.['digest'];
  return events.filter((event) => event['digest'] === digest).map((event) => Number(event['completed'] ?? 0));
}

/** Pulls while the connection is cut; gives what had arrived. */
async function pullCut(): Promise<Event[]> {
  const events: Event[] = [];
  await readUntil(lab, '/api/pull', PULL, (event) => {
    events.push(event);
    return false;
  }).catch(() => undefined);
  return events;
}

test('a pull moves through its layers, the largest with growing numbers at the given rate', async () => {
  lab = await startLab({ scale: 0.01, rate: 1_500_000 });
  const events = await lab.events('/api/pull', PULL);
  const numbers = completedOf(events);
  expect(numbers.length).toBeGreaterThan(3);
  expect([...numbers].sort((a, b) => a - b)).toEqual(numbers);
  expect(numbers.at(-1)).toBe(459_000);
  expect(events.slice(-3).map((event) => event['status'])).toEqual([
    'verifying sha256 digest',
    'writing manifest',
    'success',
  ]);
});

test('a pull after a cut goes on where it was', async () => {
  lab = await startLab({ scale: 0.01, rate: 1_500_000 });
  lab.fault('cut@60%:times=1');
  const first = completedOf(await pullCut()).at(-1) ?? 0;
  expect(first).toBeGreaterThan(0.55 * 459_000);
  const events = await lab.events('/api/pull', PULL);
  expect(completedOf(events)[0]).toBeGreaterThanOrEqual(first);
  expect(events.at(-1)).toEqual({ status: 'success' });
});

test('a client that hangs up stops the download and keeps it', async () => {
  lab = await startLab({ scale: 0.01, rate: 500_000 });
  const events = await readUntil(lab, '/api/pull', PULL, (event) => Number(event['completed']) > 50_000);
  const kept = completedOf(events).at(-1) ?? 0;
  await new Promise((resolve) => setTimeout(resolve, 300));
  const again = await readUntil(lab, '/api/pull', PULL, (event) => event['completed'] !== undefined);
  const next = completedOf(again)[0] ?? 0;
  expect(next).toBeGreaterThanOrEqual(kept);
  // Going on would have brought 150 kB more meanwhile.
  expect(next).toBeLessThan(kept + 120_000);
});

test('two pulls of one layer share its download, which ends with the last of them', async () => {
  lab = await startLab({ scale: 0.01, rate: 800_000 });
  const first = readUntil(lab, '/api/pull', PULL, (event) => Number(event['completed']) > 150_000);
  const second = lab.events('/api/pull', { model: 'all-minilm:latest' });
  const seen = completedOf(await first).at(-1) ?? 0;
  const events = await second;
  const numbers = completedOf(events);
  expect([...numbers].sort((a, b) => a - b)).toEqual(numbers);
  expect(numbers.find((number) => number >= seen)).toBeDefined();
  expect(events.at(-1)).toEqual({ status: 'success' });
});

test('without a stream only the end is told', async () => {
  lab = await startLab();
  const response = await lab.send('POST', '/api/pull', { name: 'all-minilm', stream: false });
  expect(await response.json()).toEqual({ status: 'success' });
  const missing = await lab.send('POST', '/api/pull', { name: 'no-such-model', stream: false });
  expect([missing.status, await missing.json()]).toEqual([
    500,
    { error: 'pull model manifest: file does not exist' },
  ]);
});

test('a newer build takes the place of the old one, whose layers are removed', async () => {
  lab = await startLab();
  const digestOf = async (): Promise<string> => {
    const { models } = (await (await lab.send('GET', '/api/tags')).json()) as {
      models: { digest: string }[];
    };
    return models[0]?.digest ?? '';
  };
  await lab.events('/api/pull', PULL);
  const old = await digestOf();
  lab.fault('newer');
  const remote = await lab.send('HEAD', '/v2/library/all-minilm/manifests/22m');
  expect(remote.headers.get('ollama-content-digest')).not.toBe(old);
  expect(Number(remote.headers.get('ollama-push-time'))).toBeGreaterThan(Date.now() / 1000 - 60);
  const events = await lab.events('/api/pull', PULL);
  expect(events.slice(-3).map((event) => event['status'])).toEqual([
    'writing manifest',
    'removing unused layers',
    'success',
  ]);
  expect(await digestOf()).toBe(remote.headers.get('ollama-content-digest'));
});

test('a corrupt layer is fetched again by the next pull, the others are kept', async () => {
  lab = await startLab();
  lab.fault('corrupt:times=1');
  const bad = await lab.events('/api/pull', PULL);
  expect(String(bad.at(-1)?.['error'])).toMatch(
    /^digest mismatch, file must be downloaded again: want sha256:\w{64}, got sha256:\w{64}$/,
  );
  const good = await lab.events('/api/pull', PULL);
  expect(good.at(-1)).toEqual({ status: 'success' });
  expect((await lab.send('POST', '/api/show', PULL)).status).toBe(200);
});

test('layers that are there are not fetched again, whatever the rate', async () => {
  lab = await startLab({ installed: ['all-minilm'], rate: 1 });
  const events = await lab.events('/api/pull', PULL);
  expect(events.at(-1)).toEqual({ status: 'success' });
  expect(completedOf(events)).toEqual([45_900]);
});
