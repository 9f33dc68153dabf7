import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { main } from '../../src/main.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { lines, run, schemaErrors, type Ran } from '../support/run.js';

let sandbox: Sandbox;
let cwd: string;
let server: FaultServer | undefined;
beforeAll(async () => {
  sandbox = await startSandbox({
    installed: ['qwen3:8b', 'gemma3:1b', 'qwen2.5-coder:1.5b', 'llava:7b'],
    tokensPerSecond: Infinity,
    loadMs: 0,
  });
});
beforeEach(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'chat-answer-'));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(cwd, { recursive: true, force: true });
});
afterAll(async () => await sandbox.close());

const at = (name: string): string => path.join(cwd, name);
const read = (name: string): string => readFileSync(at(name), 'utf8');

function last(route: string): Record<string, unknown> {
  return sandbox.requests.filter((request) => request.path === route).at(-1)?.body as Record<string, unknown>;
}

async function chat(argv: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<Ran> {
  return await run(['chat', ...argv], server?.url ?? sandbox.url, { cwd, ...options });
}

/** A server that says one thing, whatever it is asked. */
async function saying(content: string, more: object = {}): Promise<void> {
  server = await serve((request) =>
    request.url === '/api/chat'
      ? {
          body: [
            `${JSON.stringify({ message: { role: 'assistant', content } })}\n`,
            `${JSON.stringify({ message: { content: '' }, done: true, done_reason: 'stop', ...more })}\n`,
          ],
        }
      : { status: 404, body: ['{"error":"not here"}'] },
  );
}

const CODE = 'Here:\n\n```js\nlet a = 1;\n```\n\nor\n\n```py\na = 1\n```\n';

describe('what is sent', () => {
  it('is the prompt, stdin, then each file under its name', async () => {
    writeFileSync(at('a.txt'), 'text of a\n');
    writeFileSync(at('b.md'), 'text of b');
    await chat(['gemma3:1b', 'compare', '-f', 'a.txt', '-f', 'b.md'], { stdin: 'piped' });
    const [message] = last('/api/chat')['messages'] as { content: string }[];
    const places = ['compare\n\npiped\n\n', 'a.txt', 'text of a', 'b.md', 'text of b'].map((text) =>
      message?.content.indexOf(text),
    );
    expect(places).toEqual([...places].sort((a, b) => (a ?? 0) - (b ?? 0)));
    expect(places).not.toContain(-1);
  });

  it('takes a file in the prompt by @, and none out of what is piped in', async () => {
    writeFileSync(at('note.txt'), 'remember');
    await chat(['gemma3:1b', 'see @note.txt'], { stdin: 'mail @note.txt' });
    const [message] = last('/api/chat')['messages'] as { content: string }[];
    expect(message?.content.match(/remember/g)).toHaveLength(1);
    await chat(['gemma3:1b', 'sum up'], { stdin: '@note.txt' });
    expect(last('/api/chat')['messages']).toEqual([{ role: 'user', content: 'sum up\n\n@note.txt' }]);
  });

  it('sends an image to a model that sees, and nothing to one that does not', async () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
    writeFileSync(at('a.png'), png);
    expect((await chat(['llava:7b', 'what?', '--image', 'a.png'])).code).toBe(0);
    expect(last('/api/chat')['messages']).toMatchObject([{ images: [png.toString('base64')] }]);
    const before = sandbox.requests.filter(({ path: route }) => route === '/api/chat').length;
    const blind = await chat(['gemma3:1b', 'what?', '--image', 'a.png', '--json']);
    expect(blind.code).toBe(7);
    expect(lines(blind.stdout).map(({ type }) => type)).toEqual(['start', 'error']);
    expect(sandbox.requests.filter(({ path: route }) => route === '/api/chat')).toHaveLength(before);
  });

  it('exits 2 for a file that is not there', async () => {
    const ran = await chat(['gemma3:1b', 'x', '-f', 'none.txt']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('none.txt');
  });

  it('has options by their names, of which stop repeats', async () => {
    const flags = [
      '--temperature',
      '0.3',
      '--top-k',
      '5',
      '--top-p',
      '0.8',
      '--min-p',
      '0.1',
      '--num-ctx',
      '1024',
    ];
    const more = [
      '--max-tokens',
      '9',
      '--seed',
      '4',
      '--repeat-penalty',
      '1.1',
      '--stop',
      'a',
      '--stop',
      'b',
    ];
    await chat(['gemma3:1b', 'x', '--option', 'stop=c', ...flags, ...more]);
    expect(last('/api/chat')['options']).toEqual({
      ...{ temperature: 0.3, top_k: 5, top_p: 0.8, min_p: 0.1, num_ctx: 1024, num_predict: 9, seed: 4 },
      ...{ repeat_penalty: 1.1, stop: ['a', 'b', 'c'] },
    });
  });

  it.each([
    ['--temperature', 'warm'],
    ['--top-p', '2'],
    ['--num-ctx', '0'],
    ['--max-tokens', 'many'],
    ['--seed', 'x'],
  ])('names %s, which was given %s', async (flag, value) => {
    const ran = await chat(['gemma3:1b', 'x', flag, value]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(`${flag} must be`);
    expect(ran.stderr).not.toContain('--option');
  });

  it('is no piped image', async () => {
    const ran = await chat(['gemma3:1b', 'what?'], { stdin: '\x89PNG\r\n\x1a\n\0\0\0\rIHDR' });
    expect([ran.code, ran.stdout]).toEqual([2, '']);
    expect(ran.stderr).toContain('--image');
  });

  it('lets the server cut a long prompt only with --truncate', async () => {
    const long = ['gemma3:1b', '--num-ctx', '64', 'word '.repeat(500)];
    const refused = await chat(long);
    expect(refused.code).toBe(9);
    expect(refused.stderr).toContain('--truncate');
    const cut = await chat([...long, '--truncate']);
    expect(cut.code).toBe(0);
    expect(last('/api/chat')['truncate']).not.toBe(false);
    expect(cut.stderr).toContain('cut the beginning');
  });

  it('answers without thinking where a model can not, and says so once', async () => {
    const ran = await chat(['gemma3:1b', 'x', '--think']);
    expect(ran.code).toBe(0);
    expect(ran.stderr.match(/does not think/g)).toHaveLength(1);
    expect(ran.stdout).toContain('sandbox');
    expect('think' in last('/api/chat')).toBe(false);
    const json = await chat(['gemma3:1b', 'x', '--think=high', '--json']);
    expect(lines(json.stdout).at(-1)).toMatchObject({ type: 'result' });
  });

  it('thinks unseen with --hide-thinking', async () => {
    const ran = await chat(['qwen3:8b', 'x', '--think', '--hide-thinking']);
    expect(ran.stderr).toBe('');
    expect(last('/api/chat')['think']).toBe(true);
    const shown = await chat(['qwen3:8b', 'x', '--think', '--json']);
    expect(shown.stdout).toContain('"thinking"');
    const json = await chat(['qwen3:8b', 'x', '--think', '--hide-thinking', '--json']);
    expect(json.stdout).not.toContain('thinking');
    expect(lines(json.stdout).at(-1)).toMatchObject({ type: 'result', message: { role: 'assistant' } });
  });
});

describe('whom is asked', () => {
  it('takes --model, and all words as the prompt', async () => {
    await chat(['-m', 'gemma3:1b', 'qwen3:8b', 'is what?']);
    expect(last('/api/chat')).toMatchObject({
      model: 'gemma3:1b',
      messages: [{ role: 'user', content: 'qwen3:8b is what?' }],
    });
  });

  it('begins with a preset, whose settings stand under the flags', async () => {
    writeFileSync(
      at('.ollamarc'),
      'system: general\noptions: {seed: 1, top_k: 3}\npresets: {short: {model: "gemma3:1b", system: Be short., options: {seed: 2, num_ctx: 2048}}}\n',
    );
    await chat(['--preset', 'short', 'Why', 'not?', '--num-ctx', '4096']);
    expect(last('/api/chat')).toMatchObject({
      model: 'gemma3:1b',
      messages: [{ content: 'Be short.' }, { content: 'Why not?' }],
      options: { seed: 2, num_ctx: 4096, top_k: 3 },
    });
    await chat(['--preset', 'short', 'llava:7b', 'Why?']);
    expect(last('/api/chat')).toMatchObject({ model: 'llava:7b', messages: [{}, { content: 'Why?' }] });
    const none = await chat(['--preset', 'shirt', 'x']);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('short');
  });

  it('chooses by itself, and says which and why', async () => {
    const ran = await chat(['--auto', 'Write a Python function']);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(/^qwen2\.5-coder:1\.5b: .*code/);
    const json = await chat(['--auto', 'Write a Python function', '--json']);
    const [start] = lines(json.stdout);
    expect(schemaErrors('chat-event', start)).toBe('');
    expect(start).toMatchObject({
      type: 'start',
      model: 'qwen2.5-coder:1.5b',
      reason: expect.any(String) as unknown,
    });
  });

  it('takes no model that is named beside --auto for the question', async () => {
    const ran = await chat(['--auto', 'llava:7b', 'What is this?']);
    expect([ran.code, ran.stdout]).toEqual([2, '']);
    expect(ran.stderr).toContain('llava:7b would be part of the prompt');
    expect(ran.stderr).toContain('--model llava:7b');
    expect((await chat(['--auto', 'llava', 'is', 'what?'])).code).toBe(0);
  });

  it('chooses by what is named and piped in too', async () => {
    writeFileSync(at('a.png'), Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'));
    writeFileSync(at('a.py'), 'pass\n');
    const chosen = async (argv: readonly string[], stdin = ''): Promise<unknown> => {
      const ran = await chat(['--auto', ...argv], { stdin });
      expect(ran.code).toBe(0);
      return last('/api/chat')['model'];
    };
    expect(await chosen(['What is @a.png?'])).toBe('llava:7b');
    expect(await chosen(['Sum this up'])).not.toBe('qwen2.5-coder:1.5b');
    expect(await chosen(['Sum this up', '-f', 'a.py'])).toBe('qwen2.5-coder:1.5b');
    expect(await chosen(['Sum this up'], 'export function run() {\n')).toBe('qwen2.5-coder:1.5b');
  });

  it('begins a stream with start also where nobody could be chosen', async () => {
    server = await serve({ status: 500, body: ['{"error":"broken"}'] });
    const ran = await chat(['--auto', 'x', '--json']);
    expect(lines(ran.stdout).map(({ type }) => type)).toEqual(['start', 'error']);
    // The word is the question.
    expect(lines(ran.stdout)[0]).toMatchObject({ model: '' });
    expect(ran.code).toBe(1);
  });

  it.each([
    ['--auto', '-m', 'a', 'x'],
    ['--auto', 'llava:7b', 'x'],
    ['m', 'x', '--continue', '--resume', 'a'],
    ['m', 'x', '--jobs', '2'],
    ['m', 'x', '--raw', '--system', 's'],
    ['m', 'x', '--allow-tool', 't'],
    ['m', 'x', '--extract=0'],
    ['m', 'x', '--batch', 'f', '--continue'],
    ['m', 'x', '--num-predict=1', '--max-tokens=2'],
    ['m', 'x', '--stop', ''],
  ])('exits 2 for %s %s %s %s', async (...argv) => {
    const ran = await chat(argv.filter((word) => word !== undefined));
    expect(ran.code).toBe(2);
    expect(ran.stdout).toBe('');
  });
});

describe('--format', () => {
  const SCHEMA = { type: 'object', required: ['city'], properties: { city: { type: 'string' } } };

  it('takes a schema from a file, and lets pass what follows it', async () => {
    writeFileSync(at('s.json'), JSON.stringify(SCHEMA));
    const ran = await chat(['gemma3:1b', 'Where?', '--format', 's.json']);
    expect(ran.code).toBe(0);
    expect(last('/api/chat')['format']).toEqual(SCHEMA);
    expect(JSON.parse(ran.stdout)).toHaveProperty('city');
  });

  it('exits 1 for an answer that does not follow it, and names the place', async () => {
    await saying('{"city": 7}');
    const ran = await chat(['m', 'x', '--format', JSON.stringify(SCHEMA)]);
    expect(ran.code).toBe(1);
    expect(ran.stdout).toBe('{"city": 7}');
    expect(ran.stderr).toContain('/city must be string');
    const json = await chat(['m', 'x', '--json', '--format', JSON.stringify(SCHEMA)]);
    expect(lines(json.stdout).map(({ type }) => type)).toEqual(['start', 'token', 'error']);
    expect(lines(json.stdout).at(-1)).toMatchObject({ error: { code: 'protocol' } });
  });

  it.each([
    ['none.json', undefined, 'none.json'],
    ['s.json', '{\n  "type": objekt\n}', 's.json:2:'],
    ['s.json', '{"type": "objekt"}', 'no JSON schema'],
    ['s.json', '[]', 'a JSON schema is an object'],
  ])('exits 2 before anything is asked for %s with %j', async (file, text, words) => {
    if (text !== undefined) writeFileSync(at(file), text);
    const before = sandbox.requests.length;
    const ran = await chat(['gemma3:1b', 'x', '--format', file]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(words);
    expect(sandbox.requests).toHaveLength(before);
  });
});

describe('--output and --extract', () => {
  it('writes the whole answer into a file, byte for byte, and nothing to stdout', async () => {
    await saying(CODE);
    const ran = await chat(['m', 'x', '--output', 'a.md']);
    expect(ran).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(read('a.md')).toBe(CODE);
    expect(readdirSync(cwd).filter((name) => name.includes('a.md'))).toEqual(['a.md']);
  });

  it('takes one code block', async () => {
    await saying(CODE);
    expect((await chat(['m', 'x', '--extract'])).stdout).toBe('let a = 1;\n');
    expect((await chat(['m', 'x', '--extract=2'])).stdout).toBe('a = 1\n');
    expect((await chat(['m', '--extract', 'x', '-o', 'a.js'])).code).toBe(0);
    expect(read('a.js')).toBe('let a = 1;\n');
    const json = await chat(['m', 'x', '--extract=2', '--json']);
    const result = lines(json.stdout).at(-1);
    expect(schemaErrors('chat-event', result)).toBe('');
    expect(result).toMatchObject({ type: 'result', extracted: 'a = 1\n', message: { content: CODE } });
  });

  it('exits 1 where there is no such block, and shows the answer on stderr', async () => {
    await saying('No code today.');
    const ran = await chat(['m', 'x', '--extract']);
    expect([ran.code, ran.stdout]).toEqual([1, '']);
    expect(ran.stderr).toContain('No code today.');
    expect(ran.stderr).toContain('no code block');
    expect(ran.stderr).not.toContain('--extract');
  });

  it('shows what came of an answer that broke off before its block', async () => {
    server = await serve({ body: ['{"message":{"content":"half of it"}}\n'] });
    const ran = await chat(['m', 'x', '--extract']);
    expect([ran.code, ran.stdout]).toEqual([6, '']);
    expect(ran.stderr).toMatch(/^half of it\n/);
  });

  it('keeps what came of an answer that broke off beside the file', async () => {
    server = await serve({ body: ['{"message":{"content":"half"}}\n'], then: 'reset' });
    writeFileSync(at('a.md'), 'old');
    const ran = await chat(['m', 'x', '--output', 'a.md']);
    expect(ran.code).toBe(6);
    expect(ran.stderr).toContain('a.md.partial');
    expect([read('a.md'), read('a.md.partial')]).toEqual(['old', 'half']);
  });

  it('does so at Ctrl-C too', async () => {
    server = await serve({ body: ['{"message":{"content":"half"}}\n'], then: 'stall' });
    const test = testIo({ cwd, env: { OLLAMA_HOST: server.url } });
    const ran = main(['chat', 'm', 'x', '--output', 'a.md', '--json'], test.io);
    await expect.poll(() => test.stdout()).toContain('half');
    test.abort();
    expect(await ran).toBe(130);
    expect(read('a.md.partial')).toBe('half');
    expect(lines(test.stdout()).at(-1)).toMatchObject({ type: 'error', error: { code: 'interrupted' } });
  });

  it('exits 2 before anything is asked for a file that can not be written', async () => {
    const before = sandbox.requests.length;
    expect((await chat(['gemma3:1b', 'x', '-o', 'none/a.md'])).code).toBe(2);
    expect(sandbox.requests).toHaveLength(before);
  });
});

describe('--raw and --suffix', () => {
  it('complete by the generate endpoint', async () => {
    const raw = await chat(['gemma3:1b', 'Once', '--raw', '--seed', '1']);
    expect(raw.code).toBe(0);
    expect(raw.stdout).toContain('sandbox');
    expect(last('/api/generate')).toMatchObject({
      prompt: 'Once',
      raw: true,
      truncate: false,
      options: { seed: 1 },
    });
    const env = { OLLAMA_CLI_SYSTEM: 'S' };
    await chat(['gemma3:1b', 'Once', '--raw'], { env });
    expect('system' in last('/api/generate')).toBe(false);
    const between = await chat(['qwen2.5-coder:1.5b', 'def a(', '--suffix', 'return', '--json'], { env });
    expect(lines(between.stdout).at(-1)).toMatchObject({ type: 'result', message: { role: 'assistant' } });
    expect(last('/api/generate')).toMatchObject({ prompt: 'def a(', suffix: 'return', system: 'S' });
    expect(lines(between.stdout)[0]).not.toHaveProperty('session');
  });

  it('tell what a model can not do', async () => {
    const ran = await chat(['gemma3:1b', 'a', '--suffix', 'b']);
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain('gemma3:1b');
  });
});

describe('the window', () => {
  it('is told in the result as the loaded model has it', async () => {
    const ran = await chat(['gemma3:1b', 'x', '--json', '--num-ctx', '2048']);
    expect(lines(ran.stdout).at(-1)).toMatchObject({ context: { limit: 2048 } });
  });

  it.each([
    ['0.5.13', 'llama3.2:1b', []],
    ['0.24.0', 'llama3.2:1b', ['cut-window']],
  ] as const)(
    'that Ollama %s has cut a prompt to is told, also where nobody asked for one',
    async (version, model, faults) => {
      const old = await startSandbox({
        installed: [model],
        tokensPerSecond: Infinity,
        loadMs: 0,
        version,
        faults: faults.map(parseFault),
      });
      onTestFinished(() => old.close());
      // 4,500 tokens, of which 4,096 are read.
      const long = 'word '.repeat(4500);
      const told = /seems to have cut the beginning/;
      expect((await run(['chat', model, long], old.url)).stderr).toMatch(told);
      expect((await run(['chat', model, 'word '.repeat(3500)], old.url)).stderr).toBe('');
      const events = lines((await run(['chat', model, long, '--json'], old.url)).stdout);
      expect(events.at(-1)).toMatchObject({ type: 'result', context: { truncated: true } });
    },
  );
});

describe('on a terminal', () => {
  it('explains what is being waited for, and wipes that when the answer begins', async () => {
    server = await serve((request) => {
      if (request.url === '/api/ps')
        return { headers: { 'content-type': 'application/json' }, body: ['{"models":[]}'] };
      return {
        body: [
          { wait: 2_500 },
          '{"message":{"content":"here"}}\n',
          '{"message":{"content":""},"done":true}\n',
        ],
      };
    });
    const ran = await chat(['m', 'x', '--color', 'never'], { tty: 'stderr', columns: 80 });
    expect(ran.stdout).toBe('here');
    expect(ran.stderr).toMatch(/seems to be loading the model, 2s/);
    expect(ran.stderr.endsWith('\r\x1b[K')).toBe(true);
  });
});
