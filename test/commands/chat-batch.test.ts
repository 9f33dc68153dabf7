import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { serve, type FaultServer, type Script } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { lines, run, schemaErrors, type Ran } from '../support/run.js';

interface Asked {
  readonly model: string;
  readonly messages: readonly { readonly content: string }[];
  readonly [field: string]: unknown;
}

let cwd: string;
let server: FaultServer;
let asked: Asked[] = [];
/** What the server does with a prompt; undefined answers it. */
let fault: (prompt: string) => Script | undefined | Promise<Script | undefined>;
let atOnce = 0;
let mostAtOnce = 0;

beforeEach(async () => {
  cwd = mkdtempSync(path.join(tmpdir(), 'chat-batch-'));
  asked = [];
  atOnce = 0;
  mostAtOnce = 0;
  fault = () => undefined;
  server = await serve(async (request) => {
    if (request.url === '/api/show') return { headers: JSON_TYPE, body: ['{"capabilities":["completion"]}'] };
    const body = JSON.parse(request.body) as Asked;
    const prompt = body.messages.at(-1)?.content ?? '';
    asked.push(body);
    atOnce++;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    const script = (await fault(prompt)) ?? { body: answer(`re: ${prompt}`) };
    atOnce--;
    return script;
  });
});
afterEach(async () => {
  await server.close();
  rmSync(cwd, { recursive: true, force: true });
});

const JSON_TYPE = { 'content-type': 'application/json' };
const BUSY: Script = { status: 503, headers: JSON_TYPE, body: ['{"error":"server busy"}'] };
const BROKEN: Script = { status: 500, headers: JSON_TYPE, body: ['{"error":"broken"}'] };

function answer(content: string): string[] {
  const end = {
    message: { content: '' },
    done: true,
    done_reason: 'stop',
    eval_count: 2,
    prompt_eval_count: 3,
  };
  return [`${JSON.stringify({ message: { content } })}\n`, `${JSON.stringify(end)}\n`];
}

const at = (name: string): string => path.join(cwd, name);
const put = (...prompts: unknown[]): void =>
  writeFileSync(at('in.jsonl'), prompts.map((prompt) => `${JSON.stringify(prompt)}\n`).join(''));
const out = (): Record<string, unknown>[] => lines(readFileSync(at('out.jsonl'), 'utf8'));
const prompts = (): string[] => asked.map(({ messages }) => messages.at(-1)?.content ?? '');
const contents = (all: readonly Record<string, unknown>[]): unknown[] =>
  all.map(({ message }) => (message as { content?: string } | undefined)?.content);

async function batch(argv: readonly string[] = [], options: Parameters<typeof run>[2] = {}): Promise<Ran> {
  return await run(['chat', 'm', '--batch', 'in.jsonl', ...argv], server.url, { cwd, ...options });
}

describe('chat --batch', () => {
  it('answers each line, in order', async () => {
    put('one', { prompt: 'two', id: 'b' }, { messages: [{ role: 'user', content: 'three' }] });
    const ran = await batch();
    expect(ran.code).toBe(0);
    const answers = lines(ran.stdout);
    for (const line of answers) expect(schemaErrors('chat-batch-line', line)).toBe('');
    expect(answers).toMatchObject([{ index: 0 }, { index: 1, id: 'b' }, { index: 2 }]);
    expect(contents(answers)).toEqual(['re: one', 're: two', 're: three']);
    expect(ran.stderr).toContain('3 of 3 answered');
    expect((await batch(['-q'])).stderr).toBe('');
  });

  it('takes a line that does not begin as JSON for the prompt itself', async () => {
    writeFileSync(at('in.jsonl'), '\ufeffWhy is "it" so?\r\n\n7\n  "quoted: [1]"\nnull\n{"prompt": "last"}');
    expect((await batch()).code).toBe(0);
    expect(prompts()).toEqual(['Why is "it" so?', '7', 'quoted: [1]', 'null', 'last']);
  });

  it('asks a busy server again, each prompt by itself, and no more often than is set', async () => {
    put('one', 'two');
    const seen = new Map<string, number>();
    const busyUntil = (times: number) => (prompt: string) => {
      const nth = (seen.get(prompt) ?? 0) + 1;
      seen.set(prompt, nth);
      return nth < times ? BUSY : undefined;
    };
    const env = { OLLAMA_CLI_RETRY__DELAY: '1ms' };
    fault = busyUntil(3);
    const ran = await batch(['-j', '2'], { env });
    expect([ran.code, contents(lines(ran.stdout))]).toEqual([0, ['re: one', 're: two']]);
    seen.clear();
    asked = [];
    fault = busyUntil(4);
    expect((await batch([], { env })).code).toBe(1);
    expect(asked).toHaveLength(6);
  });

  it('gives each line its own settings over those of the command line', async () => {
    put('a', { prompt: 'b', system: 'B', model: 'other', options: { seed: 2 }, format: 'json' });
    fault = (prompt) => (prompt === 'b' ? { body: answer('{}') } : undefined);
    await batch(['--system', 'A', '--seed', '1', '--top-k', '3']);
    expect(asked).toMatchObject([
      { model: 'm', messages: [{ content: 'A' }, {}], options: { seed: 1, top_k: 3 } },
      { model: 'other', messages: [{ content: 'B' }, {}], options: { seed: 2, top_k: 3 }, format: 'json' },
    ]);
  });

  it('asks so many at once, and still writes in order', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `p${index}`);
    put(...names);
    fault = async (prompt) => {
      await new Promise((resolve) => setTimeout(resolve, prompt === 'p0' ? 150 : 10));
      return undefined;
    };
    const ran = await batch(['-j', '3']);
    expect(contents(lines(ran.stdout))).toEqual(names.map((name) => `re: ${name}`));
    expect(mostAtOnce).toBe(3);
  });

  it('goes on after a failure, and exits 8', async () => {
    put('one', 'bad', 'three');
    fault = (prompt) => (prompt === 'bad' ? BROKEN : undefined);
    const ran = await batch();
    expect(ran.code).toBe(8);
    const answers = lines(ran.stdout);
    for (const line of answers) expect(schemaErrors('chat-batch-line', line)).toBe('');
    expect(answers[1]).toMatchObject({ index: 1, error: { code: 'server_error' } });
    expect(contents(answers)).toEqual(['re: one', undefined, 're: three']);
    expect(ran.stderr).toMatch(/1 of 3 prompts failed, the first on line 2: .*broken/);
    put('bad', 'bad');
    expect((await batch()).code).toBe(1);
  });

  it('checks the answers of a schema, and counts those that do not follow it as failures', async () => {
    put('one', 'two');
    fault = (prompt) => ({ body: answer(prompt === 'one' ? '{"a":1}' : '{"a":"x"}') });
    const schema = JSON.stringify({ properties: { a: { type: 'integer' } } });
    const ran = await batch(['--format', schema]);
    expect(ran.code).toBe(8);
    expect(lines(ran.stdout)[1]).toMatchObject({ error: { code: 'protocol' } });
  });

  it.each([
    ['"one"\n\n{"prompt": 7}\n', 'in.jsonl:3:', 'must be a text'],
    ['"one"\n"not json\n', 'in.jsonl:2:', 'no JSON'],
    ['one\n[not json\n', 'in.jsonl:2:', 'in quotes where it begins with'],
    ['{"promt": "x"}\n', 'in.jsonl:1:', 'prompt'],
    ['{"id": 1}\n', 'in.jsonl:1:', 'nothing to ask'],
    ['{"prompt": "x", "options": {"top_q": 1}}', 'in.jsonl:1:', 'top_q'],
    ['{"prompt": "x", "options": {"top_k": "a"}}', 'in.jsonl:1:', 'top_k'],
    ['{"prompt": "x", "model": "a b"}', 'in.jsonl:1:', 'a b'],
    ['[]', 'in.jsonl:1:', 'nothing to ask'],
    ['"one"\n{"prompt": "x", "images": ["none.png"]}\n', 'in.jsonl:2:', 'none.png'],
  ])('exits 2 before anything is asked for %j', async (text, place, word) => {
    writeFileSync(at('in.jsonl'), text);
    const ran = await batch(['--json']);
    expect([ran.code, ran.stdout]).toEqual([2, '']);
    expect(ran.stderr).toContain(place);
    expect(ran.stderr).toContain(word);
    expect(server.requests).toHaveLength(0);
  });

  it('exits 2 for a file that is not there, and words beside it', async () => {
    expect((await batch()).code).toBe(2);
    put('a');
    expect((await batch(['and', 'this'])).code).toBe(2);
    expect((await batch(['-j', '0'])).code).toBe(2);
  });

  it('streams its events with --json', async () => {
    put('one', 'bad');
    fault = (prompt) => (prompt === 'bad' ? BROKEN : undefined);
    const ran = await batch(['--json']);
    const events = lines(ran.stdout);
    for (const event of events) expect(schemaErrors('chat-batch-event', event)).toBe('');
    expect(events.map(({ type }) => type)).toEqual(['start', 'answer', 'answer', 'error']);
    expect(events[0]).toMatchObject({ model: 'm', count: 2 });
    put('one');
    expect(lines((await batch(['--json'])).stdout).at(-1)).toMatchObject({
      type: 'result',
      count: 1,
      failed: 0,
    });
  });

  it('asks for no more, and waits for none, once all would fail', async () => {
    put('refused', 'slow', 'later');
    const ended: Promise<boolean>[] = [];
    const own = await serve(async (request) => {
      if (request.url === '/api/show')
        return { headers: JSON_TYPE, body: ['{"capabilities":["completion"]}'] };
      if (request.body.includes('refused')) {
        await expect.poll(() => ended.length).toBe(1);
        return { status: 401, headers: JSON_TYPE, body: ['{"error":"unauthorized"}'] };
      }
      ended.push(request.finished);
      return { body: [], then: 'stall' as const };
    });
    const ran = await run(['chat', 'm', '--batch', 'in.jsonl', '--jobs', '2'], own.url, { cwd });
    expect([ran.code, ran.stdout]).toEqual([4, '']);
    expect(await Promise.all(ended)).toEqual([false]);
    await own.close();
  });

  it('tells the next step of a failure for the server that was asked', async () => {
    put('x');
    fault = () => BROKEN;
    const ran = await run(['chat', 'm', '--batch', 'in.jsonl', '-H', server.url], undefined, { cwd });
    expect(lines(ran.stdout)).toMatchObject([
      { error: { hint: expect.stringContaining(`-H ${server.url}`) as unknown } },
    ]);
  });

  it('stops at once where no server is, and writes no line for what was not asked', async () => {
    put('one', 'two');
    const { url } = server;
    await server.close();
    const ran = await run(['chat', 'm', '--batch', 'in.jsonl'], url, { cwd });
    expect([ran.code, ran.stdout]).toEqual([5, '']);
  });
});

describe('chat --batch --output', () => {
  const OUT = ['--output', 'out.jsonl'];

  it('asks nothing again that has its answer', async () => {
    put('one', 'two');
    await batch(OUT);
    const before = readFileSync(at('out.jsonl'), 'utf8');
    const ran = await batch([...OUT, '--json']);
    expect(ran.code).toBe(0);
    expect(lines(ran.stdout).at(-1)).toMatchObject({ type: 'result', count: 2, skipped: 2 });
    expect(asked).toHaveLength(2);
    expect(readFileSync(at('out.jsonl'), 'utf8')).toBe(before);
    expect(ran.stderr).toBe('');
    expect((await batch(OUT)).stderr).toContain('2 answers were there already.\n');
    put('one', 'two', 'three');
    const more = await batch(OUT);
    expect(more.stderr).toMatch(/3 of 3 answered\n2 answers were there already\.\n$/);
    expect((await batch([...OUT, '-q'])).stderr).toBe('');
  });

  it('asks again what failed and what is another question now, and ends in order', async () => {
    put('one', 'bad', 'three', 'four');
    fault = (prompt) => (prompt === 'bad' ? BROKEN : undefined);
    expect((await batch(OUT)).code).toBe(8);
    fault = () => undefined;
    asked = [];
    put('one', 'bad', 'drei', 'four');
    expect((await batch(OUT)).code).toBe(0);
    expect(prompts()).toEqual(['bad', 'drei']);
    expect(out().map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(contents(out())).toEqual(['re: one', 're: bad', 're: drei', 're: four']);
    asked = [];
    await batch([...OUT, '--seed', '3']);
    expect(asked).toHaveLength(4);
    expect(readdirSync(cwd).filter((name) => name.includes('out'))).toEqual(['out.jsonl']);
  });

  it('leaves a file at Ctrl-C that goes on where it stopped', async () => {
    put('one', 'two', 'three');
    fault = (prompt) => (prompt === 'two' ? { body: [answer('half')[0] ?? ''], then: 'stall' } : undefined);
    const test = testIo({ cwd, env: { OLLAMA_HOST: server.url } });
    const ran = main(['chat', 'm', '--batch', 'in.jsonl', ...OUT, '--json'], test.io);
    await expect.poll(() => asked.length).toBe(2);
    test.abort();
    expect(await ran).toBe(130);
    expect(lines(test.stdout()).at(-1)).toMatchObject({ type: 'error', error: { code: 'interrupted' } });
    expect(contents(out())).toEqual(['re: one']);
    fault = () => undefined;
    asked = [];
    expect((await batch(OUT)).code).toBe(0);
    expect(prompts()).toEqual(['two', 'three']);
    expect(contents(out())).toEqual(['re: one', 're: two', 're: three']);
  });

  it('cuts off a line that a kill tore', async () => {
    put('one', 'two');
    await batch(OUT);
    const whole = readFileSync(at('out.jsonl'), 'utf8');
    for (const length of [whole.length - 1, whole.indexOf('\n') + 5, 5]) {
      writeFileSync(at('out.jsonl'), whole.slice(0, length));
      expect((await batch(OUT)).code).toBe(0);
      expect(contents(out())).toEqual(['re: one', 're: two']);
    }
  });

  it('leaves a file alone that holds something else', async () => {
    put('one');
    for (const text of ['my notes\n', '{"a":1}\n', 'notes without an end']) {
      writeFileSync(at('out.jsonl'), text);
      expect((await batch(OUT)).code).toBe(2);
      expect(readFileSync(at('out.jsonl'), 'utf8')).toBe(text);
    }
    expect(asked).toHaveLength(0);
  });
});
