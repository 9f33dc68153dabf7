import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openOutputFile } from '../../src/answers/output-file.js';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'output-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));
const at = (name: string): string => path.join(cwd, name);

describe('openOutputFile', () => {
  it('writes nothing before the whole is there, and leaves nothing beside it', async () => {
    const file = await openOutputFile({ cwd }, 'a.txt');
    expect(readdirSync(cwd)).toEqual([]);
    await file.write('whole');
    expect(readFileSync(at('a.txt'), 'utf8')).toBe('whole');
    expect(readdirSync(cwd)).toEqual(['a.txt']);
  });

  it('keeps the mode of what it replaces, and a link as one', async () => {
    writeFileSync(at('real'), 'old');
    chmodSync(at('real'), 0o640);
    symlinkSync('real', at('link'));
    await (await openOutputFile({ cwd }, 'link')).write('new');
    expect(readFileSync(at('real'), 'utf8')).toBe('new');
    expect(statSync(at('real')).mode & 0o777).toBe(0o640);
  });

  it('keeps a part beside the file, and the file as it was', async () => {
    writeFileSync(at('a'), 'old');
    expect(await (await openOutputFile({ cwd }, 'a')).keepPart('half')).toBe('a.partial');
    expect(readFileSync(at('a'), 'utf8')).toBe('old');
    expect(readFileSync(at('a.partial'), 'utf8')).toBe('half');
  });

  it('writes into a device as it is', async () => {
    await (await openOutputFile({ cwd }, '/dev/null')).write('gone');
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it('refuses a folder, and a file in a folder that is not there', async () => {
    mkdirSync(at('dir'));
    await expect(openOutputFile({ cwd }, 'dir')).rejects.toThrow('it is a folder');
    await expect(openOutputFile({ cwd }, 'none/a')).rejects.toThrow('there is no such folder');
    expect(existsSync(at('none'))).toBe(false);
  });
});
