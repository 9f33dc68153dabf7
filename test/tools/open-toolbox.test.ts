import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { McpServer, Settings } from '../../src/config/schema.js';
import type { OllamaError } from '../../src/core/errors.js';
import type { ToolResult } from '../../src/tools/turn.js';
import type { Toolbox } from '../../src/tools/toolbox.js';
import { openToolbox } from '../../src/tools/open-toolbox.js';
import { serve } from '../support/fault-server.js';
import { testIo, type TestIo } from '../support/io.js';
import { serveMcp } from '../support/mcp-http.js';
import { ESCAPES } from '../support/run.js';

const FIXTURES = path.join(import.meta.dirname, '..', 'fixtures', 'mcp');
const CLOCK: McpServer = { command: process.execPath, args: [path.join(FIXTURES, 'stdio-server.js')] };
const odd = (...args: string[]): McpServer => ({
  command: process.execPath,
  args: [path.join(FIXTURES, 'odd-server.js'), ...args],
});

let folder: string;
let test: TestIo;
let open: Toolbox[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'toolbox-'));
  test = testIo({ cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, MY_SECRET: 'kept' } });
});
afterEach(async () => {
  await Promise.all(open.map(async (toolbox) => await toolbox.close()));
  open = [];
  rmSync(folder, { recursive: true, force: true });
});

type Options = Parameters<typeof openToolbox>[2];

async function openBox(mcp: Record<string, McpServer>, options: Options = {}): Promise<Toolbox> {
  const settings = { mcp } as unknown as Settings;
  const toolbox = await openToolbox({ io: test.io, settings }, Object.keys(mcp), options);
  open.push(toolbox);
  return toolbox;
}

async function call(
  toolbox: Toolbox,
  name: string,
  given: Record<string, unknown> = {},
  signal = new AbortController().signal,
): Promise<ToolResult> {
  return await toolbox.call({ function: { name, arguments: given } }, signal);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that has ended stays in the list until its new parent has looked, which is not ours to see to.
    const state = existsSync('/proc/self') ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
    return !/\) Z /.test(state);
  } catch {
    return false;
  }
}

async function failure(work: Promise<unknown>): Promise<OllamaError> {
  return await work.then(
    () => expect.fail('it went well'),
    (error: unknown) => error as OllamaError,
  );
}

describe('a server that is a program', () => {
  it('offers its functions, and calls them', async () => {
    const toolbox = await openBox({ clock: CLOCK });
    const [first] = toolbox.definitions;
    expect(first?.function).toMatchObject({
      name: 'get_time',
      description: 'The time in a city.\nMore words.',
      parameters: { type: 'object', required: ['city'] },
    });
    expect(toolbox.describe('get_time')).toEqual({
      server: 'clock',
      description: 'The time in a city.\nMore words.',
    });
    expect(toolbox.describe('get_date')).toBeUndefined();
    expect(await call(toolbox, 'get_time', { city: 'Rome' })).toMatchObject({
      text: '12:00 in Rome',
      isError: false,
    });
  });

  it.each([
    ['fail', {}, /^no such thing$/],
    ['throw', {}, /^broken by/],
    ['get_time', { town: 'Rome' }, /city/],
    ['nothing', {}, /There is no function nothing/],
  ])('gives what goes wrong with %s as a result', async (name, given, words) => {
    const result = await call(await openBox({ clock: CLOCK }), name, given);
    expect(result.isError).toBe(true);
    expect(result.text).toMatch(words);
  });

  it('tells in words what is no text, and cuts what is too long', async () => {
    const toolbox = await openBox({ clock: CLOCK });
    const { text } = await call(toolbox, 'get_parts');
    expect(text.split('\n')).toEqual([
      'one',
      '(image: image/png, 3 B; not shown to the model)',
      'file:///a.txt:',
      'inside',
      '(a resource: b, file:///b.txt)',
    ]);
    const long = (await call(toolbox, 'get_long')).text;
    expect(long).toMatch(/ä\n\(Cut here: these are the first 100 kB of 200 kB\.\)$/);
    expect(Buffer.byteLength(long)).toBeLessThan(100_100);
  });

  it('gets the environment that is configured, and no secret of ours; it runs in our folder', async () => {
    const toolbox = await openBox({ clock: { ...CLOCK, env: { SECRET_TOKEN: 'given' } } });
    const env = JSON.parse((await call(toolbox, 'get_env')).text) as Record<string, string>;
    expect(env).toMatchObject({ SECRET_TOKEN: 'given', HOME: folder });
    expect(env).not.toHaveProperty('MY_SECRET');
    expect((await call(toolbox, 'get_folder')).text).toBe(folder);
  });

  it('writes to a log for its owner alone, and not to the terminal', async () => {
    await (await openBox({ clock: CLOCK })).close();
    const log = path.join(folder, '.local', 'state', 'ollama-cli', 'logs', 'mcp-clock.log');
    expect(readFileSync(log, 'utf8')).toContain('the clock ticks');
    expect(statSync(log).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(log)).mode & 0o777).toBe(0o700);
    expect(test.stderr()).toBe('');
  });

  it('has a time limit for each call, which progress puts off', async () => {
    const toolbox = await openBox({ clock: { ...CLOCK, timeout: 400 } });
    expect(await call(toolbox, 'hang')).toMatchObject({
      text: 'It gave no result within 400 ms.',
      isError: true,
    });
    expect((await call(toolbox, 'progress')).text).toBe('ended well');
  });

  it('gives a call up when the person stops it', async () => {
    const toolbox = await openBox({ clock: CLOCK });
    const stop = new AbortController();
    const asked = call(toolbox, 'hang', {}, stop.signal);
    await sleep(50);
    stop.abort();
    expect(await asked).toMatchObject({ isError: true, text: expect.stringContaining('Stopped') as string });
    expect((await call(toolbox, 'get_time', { city: 'Bonn' })).isError).toBe(false);
  });

  it('that ends in the midst of a call is told, then and later', async () => {
    const toolbox = await openBox({ clock: CLOCK });
    for (const name of ['exit', 'fail']) {
      expect(await call(toolbox, name)).toMatchObject({
        text: 'The MCP server "clock" has ended.',
        isError: true,
      });
    }
  });

  it.each(['close', 'interrupt'])(
    'ends with all that it has started on %s, however stubborn',
    async (how) => {
      const file = path.join(folder, 'pids');
      const toolbox = await openBox({ stubborn: odd('stubborn', file) });
      const pids = readFileSync(file, 'utf8').trim().split('\n').map(Number);
      expect(pids.map(isAlive)).toEqual([true, true]);
      if (how === 'interrupt') test.abort('SIGINT');
      await toolbox.close();
      await sleep(100);
      expect(pids.map(isAlive)).toEqual([false, false]);
    },
  );
});

describe('servers that do what others do not', () => {
  it('have clean, unique names for a model, whatever they list', async () => {
    const told: OllamaError[] = [];
    const toolbox = await openBox({ odd: odd('hostile') }, { tell: (error) => told.push(error) });
    const names = toolbox.definitions.map((one) => one.function.name);
    expect(names).toEqual(['__0_owned_get_time__', 'get_time', 'get_time_2']);
    expect(told.map(({ message }) => message)).toEqual([
      'huge of odd is not offered: its description has 100 kB.',
    ]);
    // The server hears the name that it has itself.
    expect((await call(toolbox, 'get_time_2')).text).toContain('"get time"');
  });

  it('are listened to page by page, up to an end', async () => {
    const toolbox = await openBox({ odd: odd('pages') });
    expect(toolbox.definitions.map((one) => one.function.name)).toEqual(['page_0', 'page_1', 'page_2']);
    expect((await failure(openBox({ odd: odd('endless') }))).code).toBe('protocol');
  });

  it('offer a bounded number of functions', async () => {
    const told: string[] = [];
    const toolbox = await openBox({ odd: odd('many') }, { tell: ({ message }) => told.push(message) });
    expect(toolbox.definitions).toHaveLength(128);
    expect(told).toEqual(['odd has 300 functions: only the first 128 are offered.']);
    await openBox({ odd: odd('many') });
    expect(test.stderr()).toBe(`warning: ${told[0] ?? ''}\n`);
  });

  it('may write other things between their messages', async () => {
    const toolbox = await openBox({ odd: odd('babbles') });
    expect((await call(toolbox, 'get_time')).text).toContain('"get_time"');
  });

  it('get the name of their server before a function that two of them have', async () => {
    const toolbox = await openBox({ a: odd('plain'), b: odd('plain') });
    expect(toolbox.definitions.map((one) => one.function.name)).toEqual(['a__get_time', 'b__get_time']);
    expect(toolbox.describe('b__get_time')?.server).toBe('b');
  });
});

describe('a server that can not be used', () => {
  it.each([
    ['ends at once', odd('dies'), /could not be used/],
    ['says nothing', odd('silent'), /not ready within 300 ms/],
    ['sends without end', odd('floods'), /could not be used/],
  ])('since it %s fails with where its words are', async (_what, server, words) => {
    const error = await failure(openBox({ odd: server }, { connectMs: 300 }));
    expect(error.code).toBe('protocol');
    expect(error.message).toMatch(words);
    expect(error.hint).toMatch(/mcp-odd\.log/);
  });

  it('since there is no such program names the setting', async () => {
    const error = await failure(openBox({ odd: { command: 'no-such-program-here' } }));
    expect(error).toMatchObject({ code: 'config' });
    expect(error.message).toBe('mcp.odd.command: there is no program no-such-program-here.');
  });

  it('is told, and the others go on, where somebody listens', async () => {
    const told: string[] = [];
    const servers = { clock: CLOCK, gone: { command: 'no-such-program-here' } };
    const toolbox = await openBox(servers, { tell: ({ message }) => told.push(message) });
    expect(told).toHaveLength(1);
    expect((await call(toolbox, 'get_time', { city: 'Rome' })).isError).toBe(false);
  });

  it('ends the others where nobody listens', async () => {
    const file = path.join(folder, 'pids');
    const servers = { stubborn: odd('stubborn', file), gone: { command: 'no-such-program-here' } };
    expect((await failure(openBox(servers))).code).toBe('config');
    await sleep(100);
    const pids = readFileSync(file, 'utf8').trim().split('\n').map(Number);
    expect(pids.map(isAlive)).toEqual([false, false]);
  });

  it.each([
    [{ clock: CLOCK }, 'clok', 'usage', 'Did you mean clock?'],
    [{}, 'clock', 'usage', 'mcp.clock.command'],
    [{ clock: {} }, 'clock', 'config', ''],
    [{ clock: { command: 'a', url: 'http://b' } }, 'clock', 'config', ''],
  ])('since it is not configured so is refused: %j', async (mcp, name, code, hint) => {
    const settings = { mcp } as unknown as Settings;
    const error = await failure(openToolbox({ io: test.io, settings }, [name]));
    expect(error.code).toBe(code);
    expect(error.hint ?? '').toContain(hint);
  });

  it('is told in a bounded line', async () => {
    const web = await serve(() => ({ status: 500, body: ['no\u001b[31m '.repeat(100_000)] }));
    try {
      const { message } = await failure(openBox({ web: { url: web.url } }));
      expect(message.length).toBeLessThan(400);
      expect(message).not.toMatch(ESCAPES);
    } finally {
      await web.close();
    }
  });

  it('never tells a secret', async () => {
    const toolbox = await openBox({ clock: { ...CLOCK, env: { SECRET_TOKEN: 'hush-hush' } } });
    const thrown = await call(toolbox, 'throw');
    // What a function says itself is its own affair; what is told of a failure is ours.
    expect(thrown.isError).toBe(true);
    const web = await serve(() => ({ status: 401, body: ['no: Bearer hush-hush'] }));
    try {
      const error = await failure(
        openBox({
          web: { url: `${web.url}/mcp?key=q1w2e3`, headers: { authorization: 'Bearer hush-hush' } },
        }),
      );
      const told = `${error.message} ${error.hint} ${String(error.cause)} ${error.stack}`;
      expect(told).not.toContain('hush-hush');
      expect(told).not.toContain('q1w2e3');
    } finally {
      await web.close();
    }
  });
});

describe('a server over HTTP', () => {
  it('offers its functions and gets its headers', async () => {
    const web = await serveMcp();
    try {
      const toolbox = await openBox({ web: { url: web.url, headers: { authorization: 'Bearer abc' } } });
      expect((await call(toolbox, 'get_time', { city: 'Rome' })).text).toBe('13:00 in Rome');
      expect(web.seen.length).toBeGreaterThan(2);
      expect(new Set(web.seen.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer abc']));
    } finally {
      await web.close();
    }
  });

  it('is not followed to another origin', async () => {
    const other = await serveMcp();
    const web = await serveMcp(other.url);
    try {
      const error = await failure(openBox({ web: { url: web.url, headers: { 'x-key': 'abc' } } }));
      expect(error.code).toBe('protocol');
      expect(other.seen).toEqual([]);
    } finally {
      await web.close();
      await other.close();
    }
  });

  it('that does not answer is given up', async () => {
    const web = await serve(() => ({ then: 'stall' }));
    try {
      const error = await failure(openBox({ web: { url: web.url } }, { connectMs: 300 }));
      expect(error.message).toMatch(/not ready within 300 ms/);
    } finally {
      await web.close();
    }
  });

  it('that is not there is told by its address', async () => {
    const gone = await serveMcp();
    await gone.close();
    const error = await failure(openBox({ web: { url: gone.url } }));
    expect(error.message).toMatch(/ECONNREFUSED/);
    expect(error.hint).toContain(gone.url);
  });
});
