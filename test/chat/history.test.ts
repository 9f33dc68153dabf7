import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openHistory, parseHistory } from '../../src/chat/history.js';

let folder = '';
let file = '';

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'history-'));
  file = path.join(folder, 'state', 'history');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const open = () => openHistory(file, process.platform);

describe('the history', () => {
  test('is empty without a file, and what is added is there the next time, line ends included', async () => {
    const first = await open();
    expect(first).toMatchObject({ entries: [], problem: undefined });
    expect(await first.add('one')).toBeUndefined();
    await first.add('two\nlines "quoted" \\');
    expect((await open()).entries).toEqual(['one', 'two\nlines "quoted" \\']);
  });

  test.skipIf(process.platform === 'win32')(
    'is for its owner alone, also where it was not before',
    async () => {
      const history = await open();
      await history.add('secret');
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect((await stat(path.dirname(file))).mode & 0o777).toBe(0o700);
      await rm(file);
      await writeFile(file, '', { mode: 0o644 });
      await (await open()).add('secret again');
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    },
  );

  test('keeps no blank text, no repeat of the last one and no enormous one', async () => {
    const history = await open();
    for (const text of ['a', 'a', '  ', 'x'.repeat(100_001), 'b', 'a']) await history.add(text);
    expect((await open()).entries).toEqual(['a', 'b', 'a']);
  });

  test('takes lines of several processes as they come', async () => {
    const [one, two] = [await open(), await open()];
    const texts = Array.from({ length: 40 }, (_, index) => `text ${index}\n${'x'.repeat(index * 50)}`);
    await Promise.all(texts.map((text, index) => (index % 2 === 0 ? one : two).add(text)));
    expect([...(await open()).entries].sort()).toEqual([...texts].sort());
  });

  test('keeps the last 1,000, and writes a file that grew past twice that anew', async () => {
    await (await open()).add('first');
    const lines = Array.from(
      { length: 2500 },
      (_, index) => `${JSON.stringify({ text: `entry ${index}` })}\n`,
    );
    await writeFile(file, lines.join(''));
    const history = await open();
    expect(history.entries).toHaveLength(1000);
    expect(history.entries.at(-1)).toBe('entry 2499');
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(1001);
    expect(await readdir(path.dirname(file))).toEqual(['history']);
    await history.add('after');
    expect((await open()).entries.slice(-2)).toEqual(['entry 2499', 'after']);
  });

  test('keeps the last two million characters, and writes a file that grew far past them anew', async () => {
    await (await open()).add('first');
    const lines = Array.from({ length: 100 }, (_, index) =>
      JSON.stringify({ text: `${index} ${'x'.repeat(90_000)}` }),
    );
    await writeFile(file, `${lines.join('\n')}\n`);
    const history = await open();
    expect(history.entries).toHaveLength(22);
    expect(history.entries.at(-1)).toMatch(/^99 /);
    expect((await stat(file)).size).toBeLessThan(2_100_000);
  });

  test('keeps a text once that is sent again and again', async () => {
    const history = await open();
    for (const text of ['one', 'one', 'two', 'two']) await history.add(text);
    expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(2);
  });

  test('tells once why nothing is kept, and goes on', async () => {
    await writeFile(path.join(folder, 'state'), 'a file where the folder should be');
    const history = await open();
    const problems = [history.problem, await history.add('one'), await history.add('two')];
    expect(problems.filter((problem) => problem instanceof Error)).toHaveLength(1);
  });
});

describe('parseHistory', () => {
  test('passes over damaged lines and what is not ours', () => {
    const content = '{"text":"a"}\n{"te\nnull\n[]\n7\n{"text":5}\n{"text":""}\n{"text":"a"}\n{"text":"b"}';
    expect(parseHistory(content)).toEqual(['a', 'b']);
  });

  test('lets no escape sequence through', () => {
    expect(parseHistory(JSON.stringify({ text: '\u001B[31mred\u0007' }))).toEqual(['[31mred']);
  });

  test('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (content) => Array.isArray(parseHistory(content))));
  });
});
