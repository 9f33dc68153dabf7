import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomic } from '../../src/config/atomic-write.js';
import { isTrusted, trust } from '../../src/config/trust.js';

let home: string;

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'ollama-cli-trust-'));
});

afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

const place = () => ({ env: { HOME: home }, platform: 'linux' as const });
const memory = () => path.join(home, '.local/state/ollama-cli/trusted-hosts.json');
const host = { file: '/repo/.ollamarc', url: 'http://gpu:1' };

describe('trust in the host of a project file', () => {
  it('is remembered for this file and this address only', async () => {
    expect(await isTrusted(place(), host)).toBe(false);
    await trust(place(), host);
    await trust(place(), { file: '/other/.ollamarc', url: 'http://nas:2' });
    expect(await isTrusted(place(), host)).toBe(true);
    expect(await isTrusted(place(), { ...host, url: 'http://evil:1' })).toBe(false);
    expect(await isTrusted(place(), { ...host, file: '/repo2/.ollamarc' })).toBe(false);
  });

  it('is kept once, for the owner alone', async () => {
    await trust(place(), host);
    await trust(place(), host);
    expect(JSON.parse(readFileSync(memory(), 'utf8'))).toEqual({ trusted: [host] });
    expect(statSync(memory()).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(memory())).mode & 0o777).toBe(0o700);
  });

  it.each(['', '[]', 'null', '{"trusted": 5}', '{"trusted": [5, null, {"file": 1}]}', '{ broken'])(
    'is not read out of %j, and can be given again',
    async (content) => {
      mkdirSync(path.dirname(memory()), { recursive: true });
      writeFileSync(memory(), content);
      expect(await isTrusted(place(), host)).toBe(false);
      await trust(place(), host);
      expect(await isTrusted(place(), host)).toBe(true);
    },
  );
});

describe('writeFileAtomic', () => {
  it('replaces the file, closes it to others, and leaves nothing else behind', async () => {
    const file = path.join(home, 'a', 'b', 'file');
    await writeFileAtomic(file, 'one');
    await writeFileAtomic(file, 'two');
    expect(readFileSync(file, 'utf8')).toBe('two');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(path.dirname(file))).toEqual(['file']);
  });

  it('leaves nothing behind where it fails', async () => {
    mkdirSync(path.join(home, 'folder', 'inside'), { recursive: true });
    await expect(writeFileAtomic(path.join(home, 'folder'), 'x')).rejects.toThrow();
    expect(readdirSync(home)).toEqual(['folder']);
  });
});
