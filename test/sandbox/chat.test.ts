import { request } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import type { Lab } from './lab.js';
import { parseLines, startLab } from './lab.js';

let lab: Lab;
afterEach(() => lab.sandbox.close());

type Event = Record<string, unknown>;
interface Message {
  readonly content: string;
  readonly thinking?: string;
  readonly tool_calls?: readonly { function: { name: string; arguments: unknown } }[];
}

const INSTALLED = { installed: ['llama3.2:1b', 'qwen3:0.6b', 'all-minilm', 'tinyllama', 'gemma3:4b'] };

async function chat(content: string, more: object = {}): Promise<Event[]> {
  return lab.events('/api/chat', { model: 'llama3.2:1b', messages: [{ role: 'user', content }], ...more });
}

function messageOf(event: Event | undefined): Message {
  return event?.['message'] as Message;
}

function said(events: readonly Event[]): string {
  return events.map((event) => messageOf(event).content).join('');
}

function thought(events: readonly Event[]): string {
  return events.map((event) => messageOf(event).thinking ?? '').join('');
}

describe('an answer', () => {
  test('says that it is a sandbox’s, whatever is asked', async () => {
    lab = await startLab(INSTALLED);
    for (const prompt of ['Hello', 'Show me a table in markdown', 'count to 5', '']) {
      expect(said(await chat(prompt))).toMatch(/sandbox/i);
    }
  });

  test('is the same for the same question and seed, and another for another seed', async () => {
    lab = await startLab(INSTALLED);
    const ask = async (seed: number): Promise<string> =>
      said(await chat('Why is the sky blue?', { options: { seed } }));
    expect(await ask(1)).toBe(await ask(1));
    const answers = new Set(await Promise.all([1, 2, 3, 4, 5, 6].map(ask)));
    expect(answers.size).toBeGreaterThan(1);
  });

  test('holds markdown where that is asked for', async () => {
    lab = await startLab(INSTALLED);
    const text = said(await chat('Answer with a markdown table and some code'));
    for (const part of ['## ', '| step |', '```python', '**bold**', '1. ', '> '])
      expect(text).toContain(part);
  });

  test('counts', async () => {
    lab = await startLab(INSTALLED);
    expect(said(await chat('Please count to 12'))).toContain('9 10 11 12');
  });

  test('heeds the system prompt of the request', async () => {
    lab = await startLab(INSTALLED);
    const messages = [
      { role: 'system', content: 'You are a pirate.' },
      { role: 'user', content: 'Hello' },
    ];
    const text = said(await lab.events('/api/chat', { model: 'llama3.2:1b', messages }));
    expect(text).toContain('You are a pirate.');
  });

  test('has metrics that add up, and as many tokens as it sent', async () => {
    lab = await startLab(INSTALLED);
    const events = await chat('Hello');
    const last = events.at(-1) as Record<string, number>;
    expect(last['total_duration']).toBe(
      (last['load_duration'] ?? 0) + (last['prompt_eval_duration'] ?? 0) + (last['eval_duration'] ?? 0),
    );
    expect(last['eval_count']).toBe(events.length - 1);
    expect(last['prompt_eval_count']).toBeGreaterThan(0);
  });

  test('ends at num_predict, and before a stop text', async () => {
    lab = await startLab(INSTALLED);
    const whole = said(await chat('Hello'));
    const short = await chat('Hello', { options: { num_predict: 5 } });
    expect([short.length, short.at(-1)?.['done_reason']]).toEqual([6, 'length']);
    const stopped = await chat('Hello', { options: { stop: ['was to answer'] } });
    expect(stopped.at(-1)?.['done_reason']).toBe('stop');
    expect(said(stopped)).toBe(whole.slice(0, whole.indexOf('was to answer')));
  });

  test('streams at the speed that it was given', async () => {
    lab = await startLab({ ...INSTALLED, tokensPerSecond: 200 });
    const last = (await chat('Hello', { options: { num_predict: 20 } })).at(-1) as Record<string, number>;
    expect((last['eval_duration'] ?? 0) / 1e6).toBeGreaterThanOrEqual(95);
  });

  test('comes whole where no stream is wanted', async () => {
    lab = await startLab(INSTALLED);
    const streamed = said(await chat('Hello'));
    const [one, ...more] = await chat('Hello', { stream: false });
    expect(more).toEqual([]);
    expect(messageOf(one).content).toBe(streamed);
  });
});

describe('thinking', () => {
  const ask = (more: object): Promise<Event[]> => chat('What is 2+2?', { model: 'qwen3:0.6b', ...more });

  test('comes first and by itself from a model that can, and not when it is told not to', async () => {
    lab = await startLab(INSTALLED);
    expect(thought(await ask({}))).not.toBe('');
    expect(thought(await ask({ think: true }))).not.toBe('');
    expect(thought(await ask({ think: false }))).toBe('');
    const events = await ask({});
    const firstContent = events.findIndex((event) => messageOf(event).content !== '');
    expect(events.slice(firstContent).every((event) => messageOf(event).thinking === undefined)).toBe(true);
  });

  test('is longer at a higher level; an unknown level is refused', async () => {
    lab = await startLab(INSTALLED);
    const lengths = [];
    for (const think of ['low', 'medium', 'high', 'max']) lengths.push(thought(await ask({ think })).length);
    expect([...lengths].sort((a, b) => a - b)).toEqual(lengths);
    expect(lengths[0]).toBeLessThan(lengths[3] ?? 0);
    const response = await lab.send('POST', '/api/chat', {
      model: 'qwen3:0.6b',
      think: 'very',
      messages: [{ role: 'user', content: 'x' }],
    });
    expect(response.status).toBe(400);
  });
});

describe('tools and formats', () => {
  const tool = (name: string, description: string, properties: object): object => ({
    type: 'function',
    function: {
      name,
      description,
      parameters: { type: 'object', properties, required: Object.keys(properties) },
    },
  });
  const tools = [
    tool('get_weather', 'The weather in a city', { city: { type: 'string' }, days: { type: 'integer' } }),
    tool('send_letter', 'Sends a letter', { to: { type: 'string' } }),
  ];

  test('the tool that the prompt is about is called, with arguments from it', async () => {
    lab = await startLab(INSTALLED);
    const events = await chat('What is the weather in Paris for 3 days?', { tools });
    const calls = events.flatMap((event) => messageOf(event).tool_calls ?? []);
    expect(calls.map((call) => call.function)).toEqual([
      { index: 0, name: 'get_weather', arguments: { city: 'Paris', days: 3 } },
    ]);
    expect((events.at(-1) as Record<string, number>)['eval_count']).toBeGreaterThan(5);
  });

  test('a prompt about something else calls none; a result is answered with words', async () => {
    lab = await startLab(INSTALLED);
    const other = await chat('Tell me a joke', { tools });
    expect(other.every((event) => messageOf(event).tool_calls === undefined)).toBe(true);
    const messages = [
      { role: 'user', content: 'What is the weather in Paris?' },
      { role: 'tool', tool_name: 'get_weather', content: '21 degrees' },
    ];
    expect(said(await lab.events('/api/chat', { model: 'llama3.2:1b', messages, tools }))).toContain(
      '21 degrees',
    );
  });

  test('format json gives JSON, a schema gives what fits it', async () => {
    lab = await startLab(INSTALLED);
    expect(JSON.parse(said(await chat('x', { format: 'json' })))).toHaveProperty('sandbox', true);
    const format = {
      type: 'object',
      properties: {
        colour: { type: 'string', enum: ['red', 'blue'] },
        sizes: { type: 'array', items: { type: 'number' }, minItems: 2 },
        sold: { type: 'boolean' },
      },
      required: ['colour', 'sizes', 'sold'],
    };
    expect(JSON.parse(said(await chat('a blue one of 4.5', { format })))).toEqual({
      colour: 'blue',
      sizes: [4.5, 4.5],
      sold: true,
    });
  });
});

describe('what a model cannot do is refused', () => {
  test.each([
    ['images', { messages: [{ role: 'user', content: 'x', images: ['aGk='] }] }, 500],
    ['what is no base64', { messages: [{ role: 'user', content: 'x', images: ['a b'] }] }, 400],
    ['no model for chats', { model: 'all-minilm' }, 400],
    ['a wrong option', { options: { num_ctx: 'many' } }, 500],
    ['a stop that is no list', { options: { stop: 'x' } }, 500],
    ['a wrong keep_alive', { keep_alive: 'soon' }, 400],
  ])('%s', async (_name, more, status) => {
    lab = await startLab(INSTALLED);
    const body = { model: 'llama3.2:1b', messages: [{ role: 'user', content: 'x' }], ...more };
    const response = await lab.send('POST', '/api/chat', body);
    expect(response.status).toBe(status);
    expect(await response.json()).toHaveProperty('error');
  });

  test('a model for embeddings says which of the two it was asked for', async () => {
    lab = await startLab(INSTALLED);
    const body = { model: 'all-minilm', messages: [{ role: 'user', content: 'x' }], prompt: 'x' };
    const errors = [];
    for (const path of ['/api/chat', '/api/generate']) errors.push(...(await lab.events(path, body)));
    expect(errors).toEqual([
      { error: '"all-minilm" does not support chat' },
      { error: '"all-minilm" does not support generate' },
    ]);
  });

  test('a model that sees takes images', async () => {
    lab = await startLab(INSTALLED);
    const messages = [{ role: 'user', content: 'What is this?', images: ['aGk='] }];
    const events = await lab.events('/api/chat', { model: 'gemma3:4b', messages });
    expect(events.at(-1)?.['done']).toBe(true);
  });
});

describe('the context window', () => {
  const long = 'word '.repeat(500);

  test('is the request’s num_ctx; what does not fit is cut in silence or refused', async () => {
    lab = await startLab(INSTALLED);
    const cut = await chat(long, { options: { num_ctx: 256, num_predict: 1 } });
    expect(cut.at(-1)?.['prompt_eval_count']).toBe(256);
    const fits = await chat(long, { truncate: false, options: { num_ctx: 2048, num_predict: 1 } });
    expect(Number(fits.at(-1)?.['prompt_eval_count'])).toBeGreaterThan(500);
    const refused = await chat(long, { truncate: false, options: { num_ctx: 256 } });
    expect(refused).toEqual([{ error: 'the input length exceeds the context length' }]);
  });

  test('is never larger than the model was made for, whatever is asked', async () => {
    lab = await startLab(INSTALLED);
    await chat('hi', { options: { num_ctx: 400_000, num_predict: 1 } });
    const response = await lab.send('GET', '/api/ps');
    expect(await response.json()).toMatchObject({ models: [{ context_length: 131_072 }] });
  });

  test('ends an answer where it is full, unless it may be shifted on', async () => {
    lab = await startLab(INSTALLED);
    const small = { options: { num_ctx: 60 } };
    const ended = await chat('Please count to 90', { ...small, shift: false });
    const last = ended.at(-1);
    expect(last?.['done_reason']).toBe('length');
    expect(Number(last?.['prompt_eval_count']) + Number(last?.['eval_count'])).toBe(61);
    const whole = await chat('Please count to 90', small);
    expect([whole.at(-1)?.['done_reason'], said(whole)]).toEqual(['stop', expect.stringMatching(/ 90$/)]);
  });
});

describe('a last message of the model’s own', () => {
  const after = async (content: string): Promise<string> =>
    said(
      await lab.events('/api/chat', {
        model: 'llama3.2:1b',
        messages: [
          { role: 'user', content: 'Please count to 12' },
          { role: 'assistant', content },
        ],
      }),
    );

  test('is gone on with, and not answered', async () => {
    lab = await startLab(INSTALLED);
    const whole = said(await chat('Please count to 12'));
    const half = whole.slice(0, whole.length / 2);
    expect(half + (await after(half))).toBe(whole);
    expect(await after(whole)).toMatch(/^ And so/);
    expect(await after('Something else')).toMatch(/^ And so/);
  });
});

describe('generate', () => {
  test('answers a prompt; the context it returns stands for all tokens', async () => {
    lab = await startLab(INSTALLED);
    const events = await lab.events('/api/generate', {
      model: 'llama3.2:1b',
      prompt: 'Hello',
      system: 'Be kind.',
    });
    const text = events.map((event) => String(event['response'])).join('');
    expect(text).toContain('Be kind.');
    expect((events.at(-1)?.['context'] as number[]).length).toBeGreaterThan(events.length - 1);
  });

  test('thinks apart from its response', async () => {
    lab = await startLab(INSTALLED);
    const [whole] = await lab.events('/api/generate', {
      model: 'qwen3:0.6b',
      prompt: 'Hello',
      stream: false,
    });
    expect(whole?.['thinking']).not.toBe('');
    expect(String(whole?.['response'])).toMatch(/sandbox/);
  });
});

describe('models in memory', () => {
  const running = async (): Promise<Event[]> => {
    const { models } = (await (await lab.send('GET', '/api/ps')).json()) as { models: Event[] };
    return models;
  };

  test('stay for their keep-alive and are gone after it', async () => {
    let now = Date.UTC(2026, 0, 1);
    lab = await startLab({ ...INSTALLED, now: () => now, keepAliveMs: 60_000 });
    await chat('hi');
    await chat('hi', { model: 'tinyllama', keep_alive: '2m' });
    expect((await running()).map((model) => [model['name'], model['expires_at']])).toEqual([
      ['tinyllama:latest', '2026-01-01T00:02:00Z'],
      ['llama3.2:1b', '2026-01-01T00:01:00Z'],
    ]);
    now += 60_000;
    expect((await running()).map((model) => model['name'])).toEqual(['tinyllama:latest']);
    now += 60_000;
    expect(await running()).toEqual([]);
  });

  test('are unloaded by keep_alive 0, and by removal; a negative one keeps them for ever', async () => {
    lab = await startLab(INSTALLED);
    await chat('hi', { keep_alive: -1 });
    expect(String((await running())[0]?.['expires_at'])).toMatch(/^2318/);
    await chat('hi', { keep_alive: 0 });
    expect(await running()).toEqual([]);
    await chat('hi', { model: 'tinyllama', options: { num_ctx: 1024 } });
    expect((await running())[0]?.['context_length']).toBe(1024);
    await lab.send('DELETE', '/api/delete', { model: 'tinyllama' });
    expect(await running()).toEqual([]);
  });

  test('are there once they are loaded, and anew for another window', async () => {
    lab = await startLab({ ...INSTALLED, loadMs: 600 });
    const loads = async (more = {}): Promise<number> =>
      Number((await chat('hi', more)).at(-1)?.['load_duration']) / 1e6;
    const first = loads();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await running()).toEqual([]);
    expect(await first).toBeGreaterThan(590);
    expect(await running()).toHaveLength(1);
    expect(await loads()).toBeLessThan(550);
    expect(await loads({ options: { num_ctx: 1024 } })).toBeGreaterThan(590);
  });

  test('are loaded once for all who wait, and not at all once the last of them has gone', async () => {
    lab = await startLab({ ...INSTALLED, loadMs: 1200 });
    const load = { model: 'llama3.2:1b', messages: [] };
    const [leaves, waits] = [new AbortController(), new AbortController()];
    const left = lab.send('POST', '/api/chat', load, leaves.signal).catch(() => 'left');
    await new Promise((resolve) => setTimeout(resolve, 900));
    const begun = performance.now();
    const stays = lab.send('POST', '/api/chat', load, waits.signal);
    await new Promise((resolve) => setTimeout(resolve, 20));
    leaves.abort();
    expect(await left).toBe('left');
    expect((await stays).status).toBe(200);
    expect(performance.now() - begun).toBeLessThan(1150);
    await chat('hi', { keep_alive: 0 });
    const alone = new AbortController();
    const gone = lab.send('POST', '/api/chat', load, alone.signal).catch(() => 'left');
    await new Promise((resolve) => setTimeout(resolve, 50));
    alone.abort();
    await gone;
    await new Promise((resolve) => setTimeout(resolve, 1300));
    expect(await running()).toEqual([]);
  });

  test.each(['/api/generate', '/api/chat'])('are unloaded by %s also if they only embed', async (route) => {
    lab = await startLab({ installed: ['all-minilm'] });
    await lab.send('POST', '/api/embed', { model: 'all-minilm', input: 'a' });
    expect(await running()).toHaveLength(1);
    expect((await lab.send('POST', route, { model: 'all-minilm' })).status).toBe(400);
    const response = await lab.send('POST', route, { model: 'all-minilm', keep_alive: 0 });
    expect(await response.json()).toMatchObject({ done: true, done_reason: 'unload' });
    expect(await running()).toEqual([]);
  });
});

describe('the OpenAI-compatible routes', () => {
  const ask = (more: object): Promise<Response> =>
    lab.send('POST', '/v1/chat/completions', {
      model: 'llama3.2:1b',
      messages: [{ role: 'user', content: 'Hello' }],
      ...more,
    });

  test('say the same as the native ones', async () => {
    lab = await startLab(INSTALLED);
    const native = said(await chat('Hello'));
    const body = (await (await ask({})).json()) as { choices: { message: { content: string } }[] };
    expect(body.choices[0]?.message.content).toBe(native);
  });

  test('take content in parts, tools, and a response format', async () => {
    lab = await startLab(INSTALLED);
    const tools = [
      {
        type: 'function',
        function: {
          name: 'get_time',
          description: 'The time',
          parameters: { type: 'object', properties: { city: { type: 'string' } } },
        },
      },
    ];
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'What time is it in Rome?' }] }];
    const called = (await (await ask({ messages, tools })).json()) as {
      choices: { finish_reason: string; message: { tool_calls: { function: { arguments: string } }[] } }[];
    };
    expect(called.choices[0]?.finish_reason).toBe('tool_calls');
    expect(JSON.parse(called.choices[0]?.message.tool_calls[0]?.function.arguments ?? '')).toEqual({
      city: 'Rome',
    });
    const json = (await (await ask({ response_format: { type: 'json_object' } })).json()) as {
      choices: { message: { content: string } }[];
    };
    expect(JSON.parse(json.choices[0]?.message.content ?? '')).toHaveProperty('sandbox');
  });

  test('stream no usage unless asked, and end with [DONE]', async () => {
    lab = await startLab(INSTALLED);
    const text = await (await ask({ stream: true })).text();
    expect(text).not.toContain('usage');
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
  });

  test('show one model, or 404', async () => {
    lab = await startLab(INSTALLED);
    expect(await (await lab.send('GET', '/v1/models/llama3.2:1b')).json()).toMatchObject({
      id: 'llama3.2:1b',
      owned_by: 'library',
    });
    expect((await lab.send('GET', '/v1/models/none')).status).toBe(404);
  });
});

describe('embeddings', () => {
  const embed = async (body: object): Promise<number[][]> => {
    const response = await lab.send('POST', '/api/embed', { model: 'all-minilm', ...body });
    return ((await response.json()) as { embeddings: number[][] }).embeddings;
  };
  const dot = (a: readonly number[] = [], b: readonly number[] = []): number =>
    a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

  test('have length one and the model’s dimensions, and are near for like texts', async () => {
    lab = await startLab(INSTALLED);
    const [cat, cats, tax] = await embed({
      input: ['the cat sat down', 'the cat sat up', 'quarterly tax return'],
    });
    expect(cat?.length).toBe(384);
    expect(dot(cat, cat)).toBeCloseTo(1, 5);
    expect(dot(cat, cats)).toBeGreaterThan(dot(cat, tax));
    expect(await embed({ input: 'the cat sat down' })).toEqual([cat]);
  });

  test('of nothing are none; of a long text are cut or refused; dimensions can be fewer', async () => {
    lab = await startLab(INSTALLED);
    expect(await embed({ input: [] })).toEqual([]);
    const long = 'word '.repeat(600);
    expect((await embed({ input: long })).length).toBe(1);
    const refused = await lab.send('POST', '/api/embed', {
      model: 'all-minilm',
      input: long,
      truncate: false,
    });
    expect(refused.status).toBe(400);
    const [few] = await embed({ input: 'x', dimensions: 16 });
    expect([few?.length, Math.round(dot(few, few))]).toEqual([16, 1]);
  });

  test('come by the older route and by the OpenAI one, there also as base64', async () => {
    lab = await startLab(INSTALLED);
    const [vector = []] = await embed({ input: 'hello' });
    const old = await lab.send('POST', '/api/embeddings', { model: 'all-minilm', prompt: 'hello' });
    expect(await old.json()).toEqual({ embedding: vector });
    const body = { model: 'all-minilm', input: 'hello', encoding_format: 'base64' };
    const openAi = (await (await lab.send('POST', '/v1/embeddings', body)).json()) as {
      data: { embedding: string }[];
    };
    const bytes = Buffer.from(openAi.data[0]?.embedding ?? '', 'base64');
    expect([bytes.length / 4, bytes.readFloatLE(0)]).toEqual([384, vector[0]]);
  });
});

test('a reader that is slow gets all of a long answer', async () => {
  lab = await startLab(INSTALLED);
  const body = JSON.stringify({ model: 'tinyllama', messages: [{ role: 'user', content: 'count to 9999' }] });
  const text = await new Promise<string>((resolve, reject) => {
    request(`${lab.sandbox.url}/api/chat`, { method: 'POST' }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (chunks.length % 10 !== 0) return;
        response.pause();
        setTimeout(() => response.resume(), 5);
      });
      response.on('end', () => {
        resolve(Buffer.concat(chunks).toString());
      });
    })
      .on('error', reject)
      .end(body);
  });
  const events = parseLines(text);
  expect(said(events)).toMatch(/ 9998 9999$/);
  expect(events.at(-1)?.['eval_count']).toBe(events.length - 1);
});

test('a client that hangs up stops the answer', async () => {
  lab = await startLab({ ...INSTALLED, tokensPerSecond: 20 });
  const hangUp = new AbortController();
  const response = await lab.send(
    'POST',
    '/api/chat',
    { model: 'llama3.2:1b', messages: [{ role: 'user', content: 'long story' }] },
    hangUp.signal,
  );
  const reader = response.body?.getReader();
  const first = await reader?.read();
  expect(parseLines(Buffer.from(first?.value ?? []).toString()).length).toBeGreaterThan(0);
  hangUp.abort();
  await lab.sandbox.close();
});
