import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { editText, findEditor, splitCommandLine } from '../../src/chat/editor.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'editor '));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program that does as the script says with `file`, and the arguments before it. */
function installEditor(script: string, name = 'my editor'): string {
  const file = path.join(folder, name);
  const lead = `#!${process.execPath}\nconst fs = require('fs'); const args = process.argv.slice(2); const file = args.pop();\n`;
  writeFileSync(file, lead + script);
  chmodSync(file, 0o755);
  return file;
}

const edit = (editor: string, text: string, signal = new AbortController().signal) =>
  editText({ env: { ...process.env, EDITOR: editor }, platform: 'linux', cwd: folder, signal }, text);

test.each<[Record<string, string>, NodeJS.Platform, string]>([
  [{ OLLAMA_EDITOR: 'a', VISUAL: 'b', EDITOR: 'c' }, 'linux', 'a'],
  [{ OLLAMA_EDITOR: ' ', VISUAL: 'b -x', EDITOR: 'c' }, 'linux', 'b -x'],
  [{ EDITOR: 'c' }, 'linux', 'c'],
  [{}, 'linux', 'vi'],
  [{}, 'win32', 'notepad'],
])('%j on %s is edited with %s', (env, platform, editor) => {
  expect(findEditor({ env, platform })).toBe(editor);
});

test.each<[string, NodeJS.Platform, string[]]>([
  ['code --wait', 'linux', ['code', '--wait']],
  ['"/Program Files/x" -f', 'linux', ['/Program Files/x', '-f']],
  ["'/a b/c'  d", 'linux', ['/a b/c', 'd']],
  ['/a\\ b/c "d\\"e" \'f"g\'', 'linux', ['/a b/c', 'd"e', 'f"g']],
  ['emacs -e ""', 'linux', ['emacs', '-e', '']],
  ['"a\\b"', 'linux', ['a\\b']],
  ['"C:\\Program Files\\x.exe" -f', 'win32', ['C:\\Program Files\\x.exe', '-f']],
  ['C:\\x\\y.exe', 'win32', ['C:\\x\\y.exe']],
])('%j on %s is the words %j', (line, platform, words) => {
  expect(splitCommandLine(line, platform)).toEqual(words);
});

describe.skipIf(process.platform === 'win32')('editing', () => {
  test('gives the text of several lines back as it was left, less the line end that editors add', async () => {
    const editor = installEditor(
      "fs.writeFileSync(file, fs.readFileSync(file, 'utf8') + '\\r\\nthree 日本\\n')",
    );
    expect(await edit(`"${editor}"`, 'one\ntwo')).toBe('one\ntwo\n\nthree 日本');
    expect(await edit(`"${editor}"`, 'one\n')).toBe('one\n\nthree 日本\n');
  });

  test('has what is appended to the file in a line of its own', async () => {
    const editor = installEditor("fs.appendFileSync(file, 'three\\n')");
    expect(await edit(`"${editor}"`, 'one\ntwo')).toBe('one\ntwo\nthree');
    expect(await edit(`"${editor}"`, '')).toBe('three');
  });

  test('passes arguments on, and takes an unquoted path with spaces for what it is', async () => {
    const editor = installEditor('fs.writeFileSync(file, JSON.stringify(args))');
    expect(await edit(`'${editor}' --wait "a b"`, '')).toBe('["--wait","a b"]');
    expect(await edit(editor, '')).toBe('[]');
  });

  test('runs no program of the working directory that is called as the editor is', async () => {
    installEditor("fs.writeFileSync(file, 'taken')", 'no-such-editor-here');
    await expect(edit('no-such-editor-here', 'text')).rejects.toMatchObject({ code: 'usage' });
  });

  test('is for the owner alone, and leaves nothing behind', async () => {
    const editor = installEditor(`
      const path = require('path');
      const mode = (name) => (fs.statSync(name).mode & 0o777).toString(8);
      fs.writeFileSync(file, [file, mode(file), mode(path.dirname(file))].join(' '));`);
    const [file = '', fileMode, folderMode] = ((await edit(`"${editor}"`, 'x')) ?? '').split(' ');
    expect([fileMode, folderMode, path.extname(file)]).toEqual(['600', '700', '.md']);
    expect(() => readdirSync(path.dirname(file))).toThrow('ENOENT');
  });

  test.each([
    ['is unchanged', ''],
    ['is unchanged but for a line end', "fs.appendFileSync(file, '\\n')"],
    ['was changed by an editor that failed', "fs.writeFileSync(file, 'new'); process.exit(1)"],
    ['was taken away', 'fs.unlinkSync(file)'],
  ])('comes to nothing where the text %s', async (_, script) => {
    expect(await edit(`"${installEditor(script)}"`, 'text')).toBeUndefined();
  });

  test('takes the file of an editor that puts a new one in its place', async () => {
    const editor = installEditor("fs.writeFileSync(file + '~', 'new'); fs.renameSync(file + '~', file)");
    expect(await edit(`"${editor}"`, 'text')).toBe('new');
  });

  test('names an editor that is not there, and the variables', async () => {
    await expect(edit('no-such-editor-here -x', 'text')).rejects.toMatchObject({
      code: 'usage',
      message: "The editor no-such-editor-here can't be started: there is no such program.",
      hint: expect.stringContaining('OLLAMA_EDITOR'),
    });
    const file = installEditor('');
    chmodSync(file, 0o644);
    await expect(edit(file, 'text')).rejects.toMatchObject({
      message: expect.stringContaining('not be run'),
    });
  });

  test('ends with the program', async () => {
    const started = path.join(folder, 'started');
    const editor = installEditor(
      `fs.writeFileSync(${JSON.stringify(started)}, String(process.pid)); setInterval(() => {}, 1e6)`,
    );
    const ending = new AbortController();
    const edited = edit(`"${editor}"`, 'text', ending.signal);
    await expect.poll(() => readFileSync(started, { encoding: 'utf8', flag: 'a+' })).not.toBe('');
    ending.abort();
    expect(await edited).toBeUndefined();
  });
});
