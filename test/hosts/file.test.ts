import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { changeFile, changeText } from '../../src/hosts/file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'file-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const GPU = { path: ['hosts', 'gpu'], value: { url: 'https://gpu' } };
const NO_GPU = { path: ['hosts', 'gpu'], value: undefined };

describe('a YAML file', () => {
  const text = `# my servers
default_model: 'qwen3:8b' # the small one

hosts:
  # in the cellar
  nas: {url: nas.lan}   # slow
options:
    seed: 4
fallback:
- nas
`;

  it('gets a host and keeps its comments, its order and its blank lines', () => {
    const changed = changeText(text, [GPU, { path: ['host'], value: 'gpu' }], false);
    expect(changed).toContain("# my servers\ndefault_model: 'qwen3:8b' # the small one\n\nhosts:\n");
    expect(changed).toContain('# in the cellar\n');
    expect(changed).toContain('# slow\n');
    expect(changed).toContain('\nfallback:\n- nas\n');
    expect(Object.keys(parse(changed) as object)).toEqual([
      'default_model',
      'hosts',
      'options',
      'fallback',
      'host',
    ]);
    expect(parse(changed)).toMatchObject({
      host: 'gpu',
      hosts: { nas: { url: 'nas.lan' }, gpu: { url: 'https://gpu' } },
    });
  });

  it('keeps the comment behind a word that is replaced', () => {
    const changed = changeText(
      "host: 'nas' # at home\ncolor: never\n",
      [{ path: ['host'], value: 'gpu' }],
      false,
    );
    expect(changed).toMatch(/^host: .gpu. # at home\ncolor: never\n$/);
    // What others repeat can't be changed for one alone.
    expect(() => changeText('host: &m a\nmodel: *m\n', [{ path: ['host'], value: 'gpu' }], false)).toThrow(
      /can't be changed by itself/,
    );
    const shared = 'model: &m a\nhost: *m\n';
    expect(parse(changeText(shared, [{ path: ['host'], value: 'gpu' }], false))).toEqual({
      model: 'a',
      host: 'gpu',
    });
  });

  it('is as it was after a host came and went', () => {
    const simple = '# a\nhosts:\n  nas:\n    url: nas # here\nsystem: hi\n';
    expect(changeText(changeText(simple, [GPU], false), [NO_GPU], false)).toBe(simple);
  });

  it.each([
    ['', 'hosts:\n  gpu:\n    url: https://gpu\n'],
    ['hosts:\n', 'hosts:\n  gpu:\n    url: https://gpu\n'],
    ['# only words\n', '# only words\n\nhosts:\n  gpu:\n    url: https://gpu\n'],
  ])('of %j becomes %j', (before, after) => {
    const changed = changeText(before, [GPU], false);
    expect(parse(changed)).toEqual(parse(after));
    if (before.startsWith('#')) expect(changed).toContain('# only words');
  });

  it('loses the map of hosts with its last host', () => {
    expect(changeText('system: hi\nhosts:\n  gpu: {url: a}\n', [NO_GPU], false)).toBe('system: hi\n');
  });

  it('reads a name as a name, whatever YAML makes of the word', () => {
    for (const name of ['true', '8080', 'null', '1e3', 'no']) {
      const changed = changeText('', [{ path: ['hosts', name], value: { url: 'a' } }], false);
      expect(Object.keys((parse(changed) as { hosts: object }).hosts)).toEqual([name]);
    }
  });
});

describe('a JSON file', () => {
  it('stays JSON, with its order and its indent', () => {
    const text = '{\n    "system": "hi",\n    "hosts": {"nas": {"url": "nas"}}\n}\n';
    const changed = changeText(text, [GPU], true);
    expect(changed.startsWith('{\n    "system": "hi",\n    "hosts": {')).toBe(true);
    expect(JSON.parse(changed)).toEqual({
      system: 'hi',
      hosts: { nas: { url: 'nas' }, gpu: { url: 'https://gpu' } },
    });
    expect(JSON.parse(changeText('', [GPU], true))).toEqual({ hosts: { gpu: { url: 'https://gpu' } } });
    expect(
      JSON.parse(changeText(changed, [NO_GPU, { path: ['hosts', 'nas'], value: undefined }], true)),
    ).toEqual({
      system: 'hi',
    });
  });
});

it('every change is what is read afterwards, in both languages', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9][\w-]{0,8}$/).filter((text) => !(text in Object.prototype));
  const value = fc.record({ url: fc.string({ minLength: 1 }), insecure: fc.boolean() });
  const start = fc.constantFrom<string>('', '# c\nsystem: hi\n', '{"system": "hi"}');
  fc.assert(
    fc.property(
      start,
      fc.array(fc.tuple(name, fc.option(value, { nil: undefined })), { maxLength: 6 }),
      (text, edits) => {
        const expected = new Map<string, unknown>();
        let current = text;
        for (const [key, host] of edits) {
          current = changeText(current, [{ path: ['hosts', key], value: host }], false);
          if (host === undefined) expected.delete(key);
          else expected.set(key, host);
        }
        const tree = (parse(current) ?? {}) as { hosts?: Record<string, unknown> };
        expect(tree.hosts ?? {}).toEqual(Object.fromEntries(expected));
      },
    ),
  );
});

describe('the file itself', () => {
  it('is made for its owner alone, with its folder', async () => {
    const file = path.join(folder, 'new', 'config.yaml');
    await changeFile(file, [GPU]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
  });

  it('becomes its owner’s alone, and stays a link to where it is kept', async () => {
    mkdirSync(path.join(folder, 'dotfiles'));
    const real = path.join(folder, 'dotfiles', 'c.yaml');
    writeFileSync(real, 'system: hi\n', { mode: 0o644 });
    const link = path.join(folder, 'config.yaml');
    symlinkSync(real, link);
    await changeFile(link, [GPU]);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(statSync(real).mode & 0o777).toBe(0o600);
    expect(readFileSync(real, 'utf8')).toContain('gpu:');
  });

  it('stays as it was where it would not be read as it was meant', async () => {
    const file = path.join(folder, 'config.yaml');
    writeFileSync(file, 'system: hi\n');
    await expect(changeFile(file, [{ path: ['hosts', 'a b'], value: { url: 'x' } }])).rejects.toMatchObject({
      code: 'config',
    });
    expect(readFileSync(file, 'utf8')).toBe('system: hi\n');
    writeFileSync(file, 'system: [hi\n');
    await expect(changeFile(file, [GPU])).rejects.toMatchObject({ code: 'config' });
    expect(readFileSync(file, 'utf8')).toBe('system: [hi\n');
  });
});

describe('several changes at once', () => {
  it('are all there in the end', async () => {
    const file = path.join(folder, 'deep', 'config.yaml');
    const names = Array.from({ length: 12 }, (_, at) => `host${at}`);
    await Promise.all(
      names.map(async (name) => await changeFile(file, [{ path: ['hosts', name], value: { url: name } }])),
    );
    const { hosts } = parse(readFileSync(file, 'utf8')) as { hosts: object };
    expect(Object.keys(hosts).sort()).toEqual(names.sort());
    expect(readdirSync(path.dirname(file))).toEqual(['config.yaml']);
  });

  it('do not wait for a program that was killed in the middle of its own', async () => {
    const file = path.join(folder, 'config.yaml');
    writeFileSync(`${file}.lock`, '');
    utimesSync(`${file}.lock`, new Date(0), new Date(0));
    await changeFile(file, [GPU]);
    expect(readdirSync(folder)).toEqual(['config.yaml']);
  });

  it('leave the way free after one that could not be made', async () => {
    const file = path.join(folder, 'config.yaml');
    writeFileSync(file, 'hosts: [');
    await expect(changeFile(file, [GPU])).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(['config.yaml']);
  });
});
