import { once } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startLab, type Lab } from '../sandbox/lab.js';
import type { SandboxOptions } from '../../src/sandbox/server.js';
import { closedPort, serve, type Handler, type Script } from '../support/fault-server.js';
import { KEY, openWithProviders } from './providers-set.js';
import { readEvents } from './read-stream.js';

const CHAT = '/api/chat';
const SSE = { headers: { accept: 'text/event-stream' } };
const NDJSON = { headers: { accept: 'application/x-ndjson' } };

async function openLab(options: SandboxOptions = {}): Promise<Lab> {
  const lab = await startLab({ installed: ['gemma3:1b', 'qwen3:8b'], ...options });
  onTestFinished(() => lab.sandbox.close());
  return lab;
}

async function openServer(answer: Script | Handler): ReturnType<typeof serve> {
  const server = await serve(answer);
  onTestFinished(() => server.close());
  return server;
}

/** The chats that a sandbox was asked, by path. */
const chats = ({ sandbox }: Lab): (readonly [string, Record<string, unknown>])[] =>
  sandbox.requests
    .filter(({ path }) => path === '/v1/chat/completions' || path === '/api/chat')
    .map(({ path, body }) => [path, body as Record<string, unknown>]);

const block = (name: string, base: string, more: object = {}): object => ({
  name,
  enabled: true,
  model: 'gemma3:1b',
  base_url: `${base}/v1`,
  ...more,
});

/** A stream of OpenAI's. */
const completion = (...deltas: readonly object[]): Script => ({
  headers: { 'content-type': 'text/event-stream' },
  body: [
    ...deltas.map((delta) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`),
    'data: [DONE]\n\n',
  ],
});

describe('a chat with the host in force', () => {
  it('goes through its OpenAI-compatible route, without a limit to its answer', async () => {
    const lab = await openLab();
    const send = await openWithProviders({ host: lab.sandbox.url });
    const response = await send('POST', CHAT, {
      message: 'And now?',
      system_prompt: 'Be short.',
      messages: [
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Hi' },
      ],
      provider: 'ollama',
      model: 'qwen3:8b',
    });
    expect(response.status).toBe(200);
    const body = (await response.json()) as Record<string, unknown>;
    expect(body).toMatchObject({
      message: { role: 'assistant', content: expect.any(String) },
      provider: 'ollama',
      model: 'qwen3:8b',
      usage: { prompt_tokens: expect.any(Number), completion_tokens: expect.any(Number) },
      tokens_estimated: false,
      cost: 0,
    });
    expect(body['response']).toBe((body['message'] as { content: string }).content);
    expect(body['response']).not.toBe('');
    expect(body['tokens_used']).toBe((body['usage'] as { total_tokens: number }).total_tokens);
    const [[path, asked]] = chats(lab) as [[string, Record<string, unknown>]];
    expect(path).toBe('/v1/chat/completions');
    expect(asked).not.toHaveProperty('max_tokens');
    expect(asked).not.toHaveProperty('max_completion_tokens');
    expect(asked['messages']).toEqual([
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hi' },
      { role: 'user', content: 'And now?' },
    ]);
  });

  it('asks for the configured model where none is named, by the first of the chain', async () => {
    const lab = await openLab();
    const send = await openWithProviders({ host: lab.sandbox.url, model: 'qwen3:8b' });
    expect(await (await send('POST', CHAT, { message: 'Hello' })).json()).toMatchObject({
      provider: 'ollama',
      model: 'qwen3:8b',
    });
    expect(chats(lab)[0]?.[1]).toMatchObject({ model: 'qwen3:8b' });
  });

  it('asks for the newest model that is no embedder where nobody has chosen one', async () => {
    const lab = await openLab({ installed: ['gemma3:1b', 'nomic-embed-text'] });
    const list = (await (await fetch(`${lab.sandbox.url}/api/tags`)).json()) as {
      models: { name: string }[];
    };
    expect(list.models[0]?.name).toBe('nomic-embed-text:latest');
    const send = await openWithProviders({ host: lab.sandbox.url, model: undefined });
    for (const body of [{}, { provider: 'ollama' }]) {
      const response = await send('POST', CHAT, { message: 'Hello', ...body });
      expect([response.status, await response.json()]).toMatchObject([200, { model: 'gemma3:1b' }]);
    }
    expect(await (await send('GET', '/api/providers/ollama')).json()).toMatchObject({ model: 'llama3.2' });
    const test = await (await send('POST', '/api/providers/ollama/test')).json();
    expect(test).toMatchObject({ status: 'connected' });
    expect(test).not.toHaveProperty('model_available');
  });

  it('names the field that it does not know', async () => {
    const lab = await openLab();
    const send = await openWithProviders({ host: lab.sandbox.url });
    const long = 'x'.repeat(500);
    for (const [field, told] of [
      ['prompt', ': "prompt"'],
      [long, `: "${'x'.repeat(80)}…"`],
    ] as const) {
      const response = await send('POST', CHAT, { message: 'Hello', [field]: 1 });
      expect([response.status, await response.json()]).toMatchObject([
        400,
        { error: { code: 'usage', message: `body must NOT have additional properties${told}` } },
      ]);
    }
  });

  it('says how to get a model where there is none to choose', async () => {
    const lab = await openLab({ installed: ['nomic-embed-text'] });
    const send = await openWithProviders({ host: lab.sandbox.url, model: undefined });
    const response = await send('POST', CHAT, { message: 'Hello' });
    expect([response.status, await response.json()]).toMatchObject([
      404,
      {
        error: {
          code: 'model_not_found',
          hint: expect.stringMatching(/^POST \/api\/providers\/ollama\/pull/),
        },
      },
    ]);
    expect(chats(lab)).toEqual([]);
  });

  it('goes to the next of a chain where the models of the first can not be told', async () => {
    const lab = await openLab();
    const send = await openWithProviders({
      ...{ host: `http://127.0.0.1:${String(await closedPort())}`, model: undefined },
      blocks: [block('cloud', lab.sandbox.url)],
      fallback: ['ollama', 'cloud'],
    });
    const response = await send('POST', CHAT, { message: 'Hello' });
    expect([response.status, await response.json()]).toMatchObject([200, { provider: 'cloud' }]);
  });

  it('says where the models are told to a caller who named none, where that one is not there', async () => {
    const lab = await openLab();
    const send = await openWithProviders({ host: lab.sandbox.url, model: 'absent:1b' });
    const hintOf = async (body: object): Promise<unknown> => {
      const response = await send('POST', CHAT, { message: 'Hello', ...body });
      expect(response.status).toBe(404);
      return ((await response.json()) as { error: { hint: string } }).error.hint;
    };
    expect(await hintOf({})).toBe('Name a model: GET /api/providers/ollama/models lists them.');
    expect(await hintOf({ model: 'absent:1b' })).not.toContain('GET /');
  });

  it.each([
    ['server-sent events, by the body', { stream: true }, {}, 'text/event-stream; charset=utf-8'],
    ['server-sent events, by Accept', {}, SSE, 'text/event-stream; charset=utf-8'],
    ['NDJSON, by Accept', { stream: true }, NDJSON, 'application/x-ndjson; charset=utf-8'],
  ])('comes as %s', async (_name, more, options, type) => {
    const lab = await openLab();
    const send = await openWithProviders({ host: lab.sandbox.url });
    const response = await send('POST', CHAT, { message: 'Hello', ...more }, options);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
    const events = await readEvents(response);
    expect(events[0]).toEqual({
      type: 'start',
      schema_version: 1,
      provider: 'ollama',
      model: 'gemma3:1b',
    });
    const text = events.flatMap((event) => (event.type === 'token' ? [event['text']] : [])).join('');
    expect(text).not.toBe('');
    expect(events.at(-1)).toMatchObject({ type: 'result', response: text, tokens_estimated: false });
  });

  it('is one document where the body says so, whatever Accept says', async () => {
    const lab = await openLab();
    const send = await openWithProviders({ host: lab.sandbox.url });
    const response = await send('POST', CHAT, { message: 'Hello', stream: false }, SSE);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('tells what the model thought and which functions it calls', async () => {
    const { url } = await openServer(
      completion(
        { content: '', reasoning: 'hm\u2028' },
        { content: 'a\nb\r\n\u2029data: c\n\n' },
        {
          tool_calls: [
            { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":' } },
          ],
        },
        { tool_calls: [{ index: 0, function: { arguments: '1}' } }] },
      ),
    );
    const send = await openWithProviders({ host: url });
    for (const options of [SSE, NDJSON]) {
      const events = await readEvents(await send('POST', CHAT, { message: 'Hello' }, options));
      expect(events.slice(1, -1)).toEqual([
        { type: 'thinking', text: 'hm\u2028' },
        { type: 'token', text: 'a\nb\r\n\u2029data: c\n\n' },
        { type: 'tool_call', id: 'call_1', name: 'f', arguments: { a: 1 } },
      ]);
      expect(events.at(-1)).toMatchObject({
        type: 'result',
        message: { thinking: 'hm\u2028', tool_calls: [{ function: { name: 'f', arguments: { a: 1 } } }] },
        // Nobody has told how many tokens these were.
        tokens_used: 5,
        tokens_estimated: true,
      });
    }
    const whole = (await (await send('POST', CHAT, { message: 'Hello' })).json()) as object;
    expect(whole).toMatchObject({
      message: { thinking: 'hm\u2028', tool_calls: [{ function: { name: 'f', arguments: { a: 1 } } }] },
      response: 'a\nb\r\n\u2029data: c\n\n',
    });
    expect(whole).not.toHaveProperty('usage');
  });

  it.each([
    [{}, 'usage'],
    [{ message: '' }, 'usage'],
    [{ message: 7 }, 'usage'],
    [{ message: 'a', model: '' }, 'usage'],
    [{ message: 'a', model: '../x' }, 'invalid_name'],
    [{ message: 'a', model: 'http://127.0.0.1:1/a/b' }, 'invalid_name'],
    [{ message: 'a', base_url: 'http://127.0.0.1:1' }, 'usage'],
    [{ message: 'a', messages: [{ role: 'root', content: '' }] }, 'usage'],
    [{ message: 'a', messages: [{ role: 'user', content: 'b', images: ['http://127.0.0.1:1/x'] }] }, 'usage'],
    [{ message: 'a', messages: 'b' }, 'usage'],
    [{ message: 'a', stream: 'yes' }, 'usage'],
    [[], 'usage'],
  ])('of %j is 400, and asks nobody', async (body, code) => {
    const lab = await openLab();
    const send = await openWithProviders({ host: lab.sandbox.url });
    const response = await send('POST', CHAT, body);
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code } }]);
    expect(chats(lab)).toEqual([]);
  });

  it('with a model that is not allowed is 403, and asks nobody', async () => {
    const lab = await openLab();
    const send = await openWithProviders({ host: lab.sandbox.url, allowed: ['qwen3:8b'] });
    expect((await send('POST', CHAT, { message: 'a' })).status).toBe(403);
    expect(chats(lab)).toEqual([]);
  });

  it.each([
    ['404', 404, 'model_not_found'],
    ['500', 500, 'server_error'],
    ['503', 503, 'server_error'],
    ['401', 500, 'unauthorized'],
    ['html', 500, 'protocol'],
    ['html-200', 500, 'protocol'],
    ['error-line@0', 500, 'server_error'],
  ])('that meets %s has its own status, streamed or not', async (fault, status, code) => {
    const lab = await openLab();
    lab.fault(fault);
    const send = await openWithProviders({ host: lab.sandbox.url });
    for (const options of [{}, SSE, NDJSON]) {
      const response = await send('POST', CHAT, { message: 'Hello' }, options);
      expect([response.status, await response.json()]).toEqual([
        status,
        { error: { code, message: expect.any(String), hint: expect.any(String) } },
      ]);
    }
  });

  it('that breaks off is an error all the same: as a status, and as the last event', async () => {
    const lab = await openLab();
    lab.fault('cut@50%');
    const send = await openWithProviders({ host: lab.sandbox.url });
    expect((await send('POST', CHAT, { message: 'Hello' })).status).toBe(500);
    const events = await readEvents(await send('POST', CHAT, { message: 'Hello' }, NDJSON));
    expect(events.some(({ type }) => type === 'token')).toBe(true);
    expect(events.at(-1)).toMatchObject({
      type: 'error',
      status: 500,
      error: { code: 'stream_cut', hint: 'Ask again; what came is not the whole answer.' },
    });
  });

  it('is 503 of a server that does not run', async () => {
    const send = await openWithProviders({ host: `http://127.0.0.1:${await closedPort()}` });
    const response = await send('POST', CHAT, { message: 'Hello' });
    expect([response.status, await response.json()]).toMatchObject([503, { error: { code: 'unreachable' } }]);
  });
});

describe('a chat with another provider', () => {
  it('gives it a limit to its answer, and its key to it alone', async () => {
    const [own, other] = [await openLab(), await openServer(completion({ content: 'one two three' }))];
    const send = await openWithProviders({
      host: own.sandbox.url,
      blocks: [block('cloud', other.url, { api_key: KEY, model: 'big' })],
    });
    const response = await send('POST', CHAT, { message: 'Hello', provider: 'cloud' });
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { provider: 'cloud', model: 'big', response: 'one two three', tokens_used: 4, tokens_estimated: true },
    ]);
    const [request] = other.requests;
    expect(request?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ model: 'big', max_tokens: 4_096 });
    expect(chats(own)).toEqual([]);
  });

  it('is 404 for one that is not configured, 403 for one that is not enabled', async () => {
    const lab = await openLab();
    const send = await openWithProviders({
      host: lab.sandbox.url,
      blocks: [block('off', lab.sandbox.url, { enabled: false })],
    });
    const ask = async (provider: string): Promise<Response> =>
      await send('POST', CHAT, { message: 'Hello', provider });
    for (const name of ['nobody', '__proto__', 'http://127.0.0.1:1']) {
      expect([name, (await ask(name)).status]).toEqual([name, 404]);
    }
    const off = await ask('off');
    expect([off.status, await off.json()]).toMatchObject([403, { error: { code: 'not_allowed' } }]);
    expect(chats(lab)).toEqual([]);
  });

  it('does not fall back where one is named', async () => {
    const lab = await openLab();
    const send = await openWithProviders({
      host: lab.sandbox.url,
      blocks: [block('gone', `http://127.0.0.1:${await closedPort()}`)],
      fallback: ['gone', 'ollama'],
    });
    const response = await send('POST', CHAT, { message: 'Hello', provider: 'gone' });
    expect(response.status).toBe(503);
    expect(chats(lab)).toEqual([]);
  });
});

describe('a chat with a chain', () => {
  it('is answered by the next one, and says who did and why', async () => {
    const lab = await openLab();
    const send = await openWithProviders({
      host: lab.sandbox.url,
      blocks: [block('gone', `http://127.0.0.1:${await closedPort()}`)],
      fallback: ['gone', 'ollama'],
    });
    const whole = await (await send('POST', CHAT, { message: 'Hello' })).json();
    const fallback = [{ name: 'ollama', reason: expect.stringContaining('gone') }];
    expect(whole).toMatchObject({ provider: 'ollama', model: 'gemma3:1b', fallback });
    const events = await readEvents(await send('POST', CHAT, { message: 'Hello' }, SSE));
    expect(events.slice(0, 2)).toMatchObject([
      { type: 'start', provider: 'gone' },
      { type: 'provider', name: 'ollama', model: 'gemma3:1b' },
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'result', provider: 'ollama', fallback });
    // Each in its own way: the second is the host in force.
    expect(chats(lab).map(([path]) => path)).toEqual(['/v1/chat/completions', '/v1/chat/completions']);
    expect(chats(lab)[0]?.[1]).not.toHaveProperty('max_tokens');
  });

  it('asks the host in force in its own way, by whatever name it stands there', async () => {
    const lab = await openLab();
    const send = await openWithProviders({
      host: lab.sandbox.url,
      blocks: [block('mine', lab.sandbox.url, { type: 'ollama' })],
      fallback: ['mine'],
    });
    const answer = await (await send('POST', CHAT, { message: 'Hello' })).json();
    expect(answer).toMatchObject({ provider: 'mine' });
    expect(chats(lab)).toEqual([
      ['/v1/chat/completions', expect.not.objectContaining({ max_tokens: 4_096 })],
    ]);
  });

  it('goes past one that is late with its first token', async () => {
    const lab = await openLab();
    const slow = await openServer({ then: 'stall' });
    const send = await openWithProviders({
      host: lab.sandbox.url,
      blocks: [block('slow', slow.url)],
      fallback: ['slow', 'ollama'],
      firstTokenMs: 100,
    });
    const response = await send('POST', CHAT, { message: 'Hello' });
    expect(await response.json()).toMatchObject({ provider: 'ollama' });
    expect(await slow.requests[0]?.finished).toBe(false);
  });

  it('is 503 where none can be reached', async () => {
    const gone = `http://127.0.0.1:${await closedPort()}`;
    const send = await openWithProviders({
      host: gone,
      blocks: [block('other', gone)],
      fallback: ['ollama', 'other'],
    });
    const response = await send('POST', CHAT, { message: 'Hello' }, SSE);
    expect([response.status, await response.json()]).toMatchObject([503, { error: { code: 'unreachable' } }]);
  });
});

describe('a model that takes its time', () => {
  it('has a stream begin all the same, and be kept up, as no proxy waits for ever', async () => {
    const server = await openServer({ headers: { 'content-type': 'text/event-stream' }, then: 'stall' });
    const send = await openWithProviders({ host: server.url });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const caller = new AbortController();
    const answer = send('POST', CHAT, { message: 'Hello' }, { ...SSE, signal: caller.signal });
    while (server.requests.length === 0) await new Promise(setImmediate);
    vi.advanceTimersByTime(15_000);
    const reader = (await answer).body?.getReader();
    const read = async (): Promise<string> => new TextDecoder().decode((await reader?.read())?.value);
    expect(await read()).toMatch(/^data: {"type":"start".*}\n\n$/);
    vi.advanceTimersByTime(30_000);
    expect(await read()).toBe(':\n\n');
    caller.abort();
    expect(await server.requests[0]?.finished).toBe(false);
  });
});

describe('a caller of a chat', () => {
  it('who leaves ends the question, streamed or not', async () => {
    const first = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'a' } }] })}\n\n`;
    const server = await openServer({
      headers: { 'content-type': 'text/event-stream' },
      body: [first],
      then: 'stall',
    });
    const send = await openWithProviders({ host: server.url });
    for (const [at, options] of [{}, SSE].entries()) {
      const caller = new AbortController();
      const answer = send('POST', CHAT, { message: 'Hello' }, { ...options, signal: caller.signal });
      if (at === 1) await (await answer).body?.getReader().read();
      const outcome = answer.catch(() => undefined);
      while (server.requests.length <= at) await new Promise((resolve) => setTimeout(resolve, 10));
      caller.abort();
      expect(await server.requests[at]?.finished).toBe(false);
      await outcome;
    }
  });

  it('who does not read holds the provider back, and fills no memory', async () => {
    const piece = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'x'.repeat(65_536) } }] })}\n\n`;
    let sent = 0;
    const server = await openServer(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const closed = once(response, 'close');
      while (sent < 2_000 && !response.destroyed) {
        if (!response.write(piece)) await Promise.race([once(response, 'drain'), closed]);
        sent++;
      }
      return undefined;
    });
    const send = await openWithProviders({ host: server.url });
    const caller = new AbortController();
    const response = await send('POST', CHAT, { message: 'Hello' }, { ...SSE, signal: caller.signal });
    expect(response.status).toBe(200);
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    // What fits into the buffers of the system on both ways, of 130 MB.
    expect(sent).toBeLessThan(1_000);
    caller.abort();
    expect(await server.requests[0]?.finished).toBe(false);
  });
});
