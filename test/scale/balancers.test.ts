import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { chatRequest, startConversation, withMessage, type ChatEvent } from '../../src/core/chat.js';
import { OllamaClient } from '../../src/core/client.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { run } from '../support/run.js';
import { hasBalancer, readBlock, startBalancer, type BalancerName } from './balancer.js';

const MODELS = [
  ...['llama3.2:1b', 'llama3.2:3b', 'qwen3:0.6b', 'qwen3:8b', 'gemma3:1b', 'gemma3:4b'],
  ...['nomic-embed-text:latest'],
];
const MODEL = 'llama3.2:1b';

/** Programs that are not here: their tests are skipped, and the summary says so. */
const BALANCERS: readonly BalancerName[] = ['haproxy', 'nginx'];

for (const name of BALANCERS) {
  describe.skipIf(!hasBalancer(name))(`${name}, with its configuration of docs/scale.md`, () => {
    let servers: Sandbox[];
    let url: string;
    beforeEach(async () => {
      const options = { installed: MODELS, tokensPerSecond: 300, loadMs: 1, scale: 0.001 };
      servers = await Promise.all([startSandbox(options), startSandbox(options)]);
      url = await startBalancer(
        name,
        servers.map((server) => server.url),
      );
    });
    afterEach(async () => void (await Promise.all(servers.map((server) => server.close()))));

    const open = (model = MODEL): OllamaClient =>
      new OllamaClient(url, { env: {}, headers: { 'x-ollama-model': model } });
    const ask = (words: string, model = MODEL) =>
      chatRequest(withMessage(startConversation(model), { role: 'user', content: words }));
    const counts = (path: string): number[] =>
      servers.map(({ requests }) => requests.filter((request) => request.path === path).length);
    const fault = (...faults: string[]): void =>
      servers.forEach((server) => server.setFaults(faults.map(parseFault)));
    async function read(events: AsyncIterable<ChatEvent>): Promise<{ text: string; last: string }> {
      let text = '';
      let last = '';
      for await (const event of events) {
        if (event.type === 'token') text += event.text;
        last = event.type === 'error' ? event.error.code : event.type;
      }
      return { text, last };
    }

    it('passes on a list, and an answer of a command', async () => {
      const listed = await run(['list', '--json'], url);
      expect(listed.code).toBe(0);
      expect((JSON.parse(listed.stdout) as { models: object[] }).models).toHaveLength(MODELS.length);
      const answer = await run(['chat', MODEL, 'Say hello'], url);
      expect(answer.code).toBe(0);
      expect(answer.stdout.trim()).not.toBe('');
    });

    it('gives each piece of an answer when it comes, and not at the end', async () => {
      // After a few tokens nothing more comes: a proxy that gathers would keep those too.
      fault('stall@6%');
      const stop = new AbortController();
      for await (const event of open().chat(ask('Say prose-50'), { signal: stop.signal }))
        if (event.type === 'token') stop.abort();
      expect(stop.signal.aborted).toBe(true);
    });

    it('passes a pull with its progress, and one that is taken back', async () => {
      let progress = 0;
      let last = '';
      for await (const event of open('phi4-mini').pullModelStream('phi4-mini')) {
        if (event.type === 'ChunkProgress') progress += 1;
        last = event.type === 'Error' ? event.message : event.type;
      }
      expect(last).toBe('Success');
      expect(progress).toBeGreaterThan(0);

      fault('stall@50%');
      const stop = new AbortController();
      for await (const event of open('mistral').pullModelStream('mistral', {
        signal: stop.signal,
        stallMs: 0,
      })) {
        if (event.type === 'ChunkProgress' && (event.completed ?? 0) > 0) stop.abort();
        last = event.type === 'Error' ? event.error.code : event.type;
      }
      expect(last).toBe('interrupted');
    });

    it('asks the same server for the same model, and both for many', async () => {
      for (let turn = 0; turn < 5; turn += 1)
        expect((await read(open().chat(ask(`Say ${turn}`)))).last).toBe('done');
      expect(counts('/api/chat').toSorted()).toEqual([0, 5]);
      for (let n = 0; n < 24; n += 1)
        await open(`made-${n}`)
          .show(`made-${n}`)
          .catch(() => undefined);
      expect(Math.min(...counts('/api/show'))).toBeGreaterThan(0);
    });

    it('takes a long conversation with images as it is', async () => {
      const images = [Buffer.alloc(3_000_000, 7).toString('base64')];
      const request = chatRequest(
        withMessage(startConversation(MODEL), { role: 'user', content: 'Say hello', images }),
      );
      const length = JSON.stringify({ ...request, stream: true }).length;
      await read(open().chat(request));
      const seen = servers.flatMap(({ requests }) => requests).find(({ path }) => path === '/api/chat');
      // What a sandbox keeps of a large request.
      expect(seen?.body).toBe(`${length} bytes`);
    });

    it('asks the other server where one is gone, at once', async () => {
      await read(open().chat(ask('Say one')));
      const home = counts('/api/chat').indexOf(1);
      await servers[home]?.close();
      for (let turn = 0; turn < 4; turn += 1) {
        const { last, text } = await read(open().chat(ask('Say two')));
        expect(last).toBe('done');
        expect(text).not.toBe('');
      }
      expect(counts('/api/chat')[1 - home]).toBe(4);
      expect(await open().list({ force: true })).toHaveLength(MODELS.length);
    });

    it('ends an answer whose server goes away, and does not leave it hanging', async () => {
      fault('cut@50%');
      const { last, text } = await read(open().chat(ask('Say prose-50')));
      expect(text).not.toBe('');
      expect(last).toBe('stream_cut');
    });
  });
}

if (hasBalancer('haproxy')) {
  it('haproxy finds the model in the request where no header tells it', async () => {
    const servers = await Promise.all([startSandbox({ installed: [] }), startSandbox({ installed: [] })]);
    const url = await startBalancer(
      'haproxy',
      servers.map((server) => server.url),
    );
    const show = async (model: string): Promise<number[]> => {
      const before = servers.map(({ requests }) => requests.length);
      await fetch(`${url}/api/show`, { method: 'POST', body: JSON.stringify({ model }) });
      return servers
        .map(({ requests }, at) => requests.slice(before[at]))
        .flatMap((requests, at) => (requests.some(({ path }) => path === '/api/show') ? [at] : []));
    };
    const homes: number[] = [];
    for (let n = 0; n < 12; n += 1) {
      const [home = -1] = await show(`model-${n}`);
      homes.push(home);
      // A name in its other forms is the same model.
      expect(await show(`model-${n}:latest`)).toEqual([home]);
      expect(await show(`MODEL-${n}`)).toEqual([home]);
    }
    expect(new Set(homes)).toEqual(new Set([0, 1]));
    await Promise.all(servers.map((server) => server.close()));
  });
}

describe('Kubernetes, on paper', () => {
  it('is YAML with the three things that it needs', () => {
    const documents = parseAllDocuments(readBlock('yaml'));
    expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
    expect(documents.map((document) => document.get('kind'))).toEqual(['StatefulSet', 'Service', 'Ingress']);
  });
});
