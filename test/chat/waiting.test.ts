import { afterEach, describe, expect, it, test } from 'vitest';
import {
  describeWaiting,
  isSilent,
  noteLook,
  openWaiting,
  type WaitingFacts,
} from '../../src/chat/waiting.js';
import { reduceChat, startAnswer } from '../../src/core/chat.js';
import { OllamaClient } from '../../src/core/client.js';
import { recordUse } from '../../src/models/usage.js';
import { closedPort, serve, type FaultServer, type Script } from '../support/fault-server.js';
import { testIo } from '../support/io.js';

const NOTHING: WaitingFacts = {
  wasLoaded: undefined,
  loadingSince: undefined,
  loadedAt: undefined,
  usualLoadMs: undefined,
  promptTokens: undefined,
};
const waiting = startAnswer(1000);
const thinking = reduceChat(waiting, { type: 'thinking', text: 'hm' }, 5000);
const answering = reduceChat(thinking, { type: 'token', text: 'Hi' }, 6000);

describe('what is said while an answer is awaited', () => {
  it.each<[string, Partial<WaitingFacts>, number, string]>([
    ['the server does not tell', {}, 4000, 'waiting for the model, 3s'],
    ['the model is not there', { wasLoaded: false }, 4000, 'seems to be loading the model, 3s'],
    [
      'its usual time is known',
      { wasLoaded: false, usualLoadMs: 5200 },
      4000,
      'seems to be loading the model, 3s (usually 5.2s)',
    ],
    ['it was there at once', { wasLoaded: true }, 4000, 'seems to be reading the prompt, 3s'],
    [
      'the prompt is long',
      { wasLoaded: true, promptTokens: 1200 },
      4000,
      'seems to be reading about 1.2k tokens, 3s',
    ],
    [
      'it has come meanwhile',
      { wasLoaded: false, loadedAt: 3000 },
      5000,
      'seems to be reading the prompt, 2s',
    ],
    [
      'it is in the list, but no load has ever been that short',
      { wasLoaded: false, loadedAt: 2000, usualLoadMs: 9000 },
      5000,
      'seems to be loading the model, 4s (usually 9.0s)',
    ],
    [
      'it is in the list, and its usual time is over',
      { wasLoaded: false, loadedAt: 2000, usualLoadMs: 3000 },
      5000,
      'seems to be reading the prompt, 3s',
    ],
    [
      'it is in the list, as the server loads it for another request of ours',
      { wasLoaded: true, loadingSince: -4000, usualLoadMs: 20_000 },
      5000,
      'seems to be loading the model, 9s (usually 20s)',
    ],
    [
      'the server does not tell, but another request of ours waits for it',
      { loadingSince: 500 },
      5000,
      'seems to be loading the model, 4s',
    ],
  ])('where %s', (_, known, now, words) => {
    expect(describeWaiting(waiting, { ...NOTHING, ...known }, 1000, now)).toEqual([words, 'Ctrl-C stops']);
  });

  it('is how long it thinks, then nothing but how to stop it', () => {
    expect(describeWaiting(thinking, NOTHING, 5500, 7000)).toEqual(['thinking, 2s', 'Ctrl-C stops']);
    expect(describeWaiting(answering, NOTHING, 6000, 7000)).toEqual(['Ctrl-C stops and keeps what came']);
  });

  it('is the silence, once an answer has begun and nothing came for ten seconds', () => {
    const keeps = 'Ctrl-C stops and keeps what came';
    expect(describeWaiting(answering, NOTHING, 6000, 15_999)).toEqual([keeps]);
    expect(describeWaiting(answering, NOTHING, 6000, 16_000)).toEqual(['no data for 10s', keeps]);
    expect(describeWaiting(thinking, NOTHING, 5000, 15_000)).toEqual(['no data for 10s', 'Ctrl-C stops']);
    expect([isSilent(waiting, 0, 60_000), isSilent(answering, 0, 60_000)]).toEqual([false, true]);
  });
});

let server: FaultServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const ps = (...names: string[]): Script => ({
  body: [JSON.stringify({ models: names.map((name) => ({ name, model: name, size: 1, digest: 'd' })) })],
});

function open(url: string, env = {}) {
  const { io, abort } = testIo({ env });
  const client = new OllamaClient(url, { env: {}, retry: { attempts: 1 } });
  const began = startAnswer(io.now());
  const seen = openWaiting({ io, client }, 'm:1', { promptTokens: 40 });
  return { io, client, abort, stop: seen.stop, words: () => seen.words(began, io.now(), io.now())[0] ?? '' };
}

describe('a look for the model among the loaded ones', () => {
  const look = (facts: Partial<WaitingFacts>, isLoaded: boolean): Partial<WaitingFacts> => {
    const { wasLoaded, loadedAt } = noteLook({ ...NOTHING, ...facts }, isLoaded, 5000);
    return { wasLoaded, loadedAt };
  };

  it.each<[string, Partial<WaitingFacts>, boolean, Partial<WaitingFacts>]>([
    ['is the first', {}, true, { wasLoaded: true, loadedAt: undefined }],
    ['finds it again', { wasLoaded: true }, true, { wasLoaded: true, loadedAt: undefined }],
    ['finds it at last', { wasLoaded: false }, true, { wasLoaded: false, loadedAt: 5000 }],
    ['finds it as before', { wasLoaded: false, loadedAt: 1 }, true, { wasLoaded: false, loadedAt: 1 }],
    ['misses it still', { wasLoaded: false }, false, { wasLoaded: false, loadedAt: undefined }],
    ['misses one whose process died', { wasLoaded: true }, false, { wasLoaded: false, loadedAt: undefined }],
    ['misses it again', { wasLoaded: false, loadedAt: 1 }, false, { wasLoaded: false, loadedAt: undefined }],
  ])('%s', (_, facts, isLoaded, expected) => {
    expect(look(facts, isLoaded)).toEqual(expected);
  });
});

describe('looking at what the server does', () => {
  it('sees a model that is loaded, and one that comes meanwhile', async () => {
    const answers = [ps('other:1'), ps('other:1'), ps('M:1')];
    server = await serve(() => answers.shift() ?? ps('M:1'));
    const { words, stop } = open(server.url);
    await expect.poll(words).toMatch(/^seems to be loading the model/);
    await expect.poll(words, { timeout: 6000 }).toMatch(/^seems to be reading about 40 tokens/);
    stop();
  });

  it('knows when another request of ours has loaded the model', async () => {
    const { url } = (server = await serve(ps('m:1')));
    const { io } = testIo();
    const client = new OllamaClient(url, { env: {} });
    let loadingSince: number | undefined = 0;
    const seen = openWaiting({ io, client }, 'm:1', { loadingSince: () => loadingSince });
    const words = (now: number) => seen.words(startAnswer(1000), now, now)[0];
    expect(words(3000)).toBe('seems to be loading the model, 3s');
    loadingSince = undefined;
    expect(words(9000)).toBe('seems to be reading the prompt, 0s');
    expect(words(11_000)).toBe('seems to be reading the prompt, 2s');
    seen.stop();
  });

  it('reads from the beginning where the model was there at once', async () => {
    const { url, requests } = (server = await serve(ps('m:1')));
    const { io } = testIo();
    const seen = openWaiting({ io, client: new OllamaClient(url, { env: {} }) }, 'm:1');
    await expect.poll(() => requests.length, { timeout: 6000 }).toBe(3);
    const began = { ...startAnswer(0), startedAt: io.now() - 60_000 };
    expect(seen.words(began, io.now(), io.now())[0]).toMatch(/^seems to be reading the prompt, 1m 0\ds$/);
    seen.stop();
  });

  it('ends with the first token, and when it is stopped', async () => {
    const { url, requests } = (server = await serve(ps()));
    const { io } = testIo();
    const client = new OllamaClient(url, { env: {} });
    const seen = openWaiting({ io, client }, 'm:1');
    await expect.poll(() => requests.length).toBe(1);
    seen.words(answering, io.now(), io.now());
    await new Promise((resolve) => setTimeout(resolve, 1300));
    expect(requests).toHaveLength(1);
    const other = open(url);
    await expect.poll(() => requests.length).toBe(2);
    other.stop();
    await new Promise((resolve) => setTimeout(resolve, 1300));
    expect(requests).toHaveLength(2);
  });

  it('knows how long the model took to load the last time on this host', async () => {
    server = await serve(ps());
    const env = { XDG_STATE_HOME: `${testIo().io.cwd}/state-${server.port}` };
    const { io } = testIo({ env });
    const use = { model: 'm:1', at: 0, loadMs: 5200 };
    await recordUse(io, { history: true }, { ...use, host: server.url });
    await recordUse(io, { history: true }, { ...use, host: 'http://gpu:1', loadMs: 90_000 });
    const { words, stop } = open(server.url, env);
    await expect.poll(words).toMatch(/usually 5\.2s/);
    stop();
  });

  test.each<[string, () => Promise<string>]>([
    ['a server that knows no such list', async () => (server = await serve({ status: 404 })).url],
    ['one that says nonsense', async () => (server = await serve({ body: ['nonsense'] })).url],
    ['none at all', async () => `http://127.0.0.1:${await closedPort()}`],
  ])('%s explains nothing, and fails nothing', async (_, start) => {
    const { words, stop } = open(await start());
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(words()).toMatch(/^waiting for the model/);
    stop();
  });
});
