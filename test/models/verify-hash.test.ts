import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashFiles } from '../../src/models/verify-hash.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'hash-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function makeFile(size: number): { file: string; size: number; digest: string } {
  const bytes = randomBytes(size);
  const file = path.join(dir, `${size}`);
  writeFileSync(file, bytes);
  return { file, size, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

const never = new AbortController().signal;

describe('hashing files', () => {
  it('gives each its digest, whatever its length', async () => {
    const files = [0, 1, 1 << 20, (1 << 20) + 1, 5_000_001, 77, 78, 79].map(makeFile);
    const hashed = await hashFiles(files, { signal: never });
    for (const { file, digest } of files) expect(hashed.get(file)).toEqual({ digest });
    expect(await hashFiles([], { signal: never })).toEqual(new Map());
  });

  it('says of one that can’t be read why, and goes on', async () => {
    const there = makeFile(10);
    const gone = { file: path.join(dir, 'gone'), size: 10 };
    const hashed = await hashFiles([gone, there, { file: dir, size: 10 }], { signal: never });
    expect(hashed.get(gone.file)).toEqual({ failed: 'ENOENT' });
    expect(hashed.get(dir)).toEqual({ failed: 'EISDIR' });
    expect(hashed.get(there.file)).toEqual({ digest: there.digest });
  });

  it('does not follow a file that never ends', async () => {
    const hashed = await hashFiles([{ file: '/dev/zero', size: 3_000_000 }], { signal: never });
    expect(hashed.get('/dev/zero')).toHaveProperty('digest');
  });

  it('stops at the signal', async () => {
    const stop = new AbortController();
    const endless = hashFiles([{ file: '/dev/zero', size: Number.MAX_SAFE_INTEGER }], {
      signal: stop.signal,
    });
    setTimeout(() => stop.abort('SIGINT'), 50);
    await expect(endless).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }) as Error);
    await expect(
      hashFiles([{ file: '/dev/zero', size: 1 }], { signal: AbortSignal.abort() }),
    ).rejects.toThrow();
  });
});
