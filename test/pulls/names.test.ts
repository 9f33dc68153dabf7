import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parseNameList, readNameList } from '../../src/pulls/name-list.js';
import { groupNames } from '../../src/pulls/names.js';
import { testIo } from '../support/io.js';

describe('groupNames', () => {
  it.each([
    [
      ['a', 'b'],
      [
        { model: 'a', alsoAs: [] },
        { model: 'b', alsoAs: [] },
      ],
    ],
    [['a', 'a'], [{ model: 'a', alsoAs: [] }]],
    [
      ['b', 'a', 'a:latest', 'library/a'],
      [
        { model: 'b', alsoAs: [] },
        { model: 'a', alsoAs: ['a:latest', 'library/a'] },
      ],
    ],
    [
      ['registry.ollama.ai/library/a:latest', 'A'],
      [{ model: 'registry.ollama.ai/library/a:latest', alsoAs: ['A'] }],
    ],
    [
      ['a:1b', 'a'],
      [
        { model: 'a:1b', alsoAs: [] },
        { model: 'a', alsoAs: [] },
      ],
    ],
    [['hf.co/u/r:Q4_K_M', 'hf.co/u/r:q4_k_m'], [{ model: 'hf.co/u/r:Q4_K_M', alsoAs: ['hf.co/u/r:q4_k_m'] }]],
  ])('%j', (names, groups) => {
    expect(groupNames(names)).toEqual(groups);
  });
});

describe('parseNameList', () => {
  it.each([
    ['a\nb:1b\n', ['a', 'b:1b']],
    ['\ufeffa\r\n\r\n  b  \r\n', ['a', 'b']],
    ['# all of it\na # the small one\n\t#b\nhf.co/u/r:Q4_K_M', ['a', 'hf.co/u/r:Q4_K_M']],
    ['', []],
    ['a\na\n', ['a', 'a']],
  ])('%j', (text, names) => {
    expect(parseNameList(text, 'list')).toEqual(names);
  });

  it.each([
    ['a\nb@c\n', 'list:2: "b@c" is no model name'],
    ['a#b', 'list:1: "a#b" is no model name'],
    ['\n\na b', 'list:3: "a b" is no model name'],
  ])('names the line of what is no name: %j', (text, message) => {
    expect(() => parseNameList(text, 'list')).toThrow(message);
  });
});

describe('readNameList', () => {
  it('reads a file beside the working directory, and stdin', async () => {
    const cwd = await mkdtemp(path.join(tmpdir(), 'names-'));
    await writeFile(path.join(cwd, 'models.txt'), 'a\nb\n');
    expect(await readNameList(testIo({ cwd }).io, 'models.txt')).toEqual(['a', 'b']);
    expect(await readNameList(testIo({ stdin: Readable.from(['c\n', 'd']) }).io, '-')).toEqual(['c', 'd']);
  });

  it.each([
    ['absent.txt', "The list absent.txt can't be read: there is no such file."],
    ['.', "The list . can't be read"],
    ['-', 'There is no model name in stdin.'],
  ])('refuses %s', async (file, message) => {
    await expect(readNameList(testIo({ stdin: '\n# nothing\n' }).io, file)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message) as string,
    });
  });
});
