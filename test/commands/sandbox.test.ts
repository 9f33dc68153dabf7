import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { FAULTS } from '../../src/sandbox/faults.js';
import { testIo, type TestIo } from '../support/io.js';
import { run } from '../support/run.js';

/** A sandbox started as a person starts it; `end` is Ctrl-C. */
async function start(...argv: string[]): Promise<{ url: string; test: TestIo; end: () => Promise<number> }> {
  const test = testIo();
  const ran = main(['sandbox', '--listen', '0', ...argv], test.io);
  await expect.poll(() => test.stdout(), { timeout: 10_000 }).toMatch(/\n/);
  return {
    url: test.stdout().trim(),
    test,
    end: async () => {
      test.abort();
      return await ran;
    },
  };
}

describe('sandbox', () => {
  it('prints its bare URL first, says on stderr what it is, and ends at Ctrl-C', async () => {
    const { url, test, end } = await start();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(test.stderr()).toContain('not Ollama');
    expect((await run(['list', '-q'], url)).stdout.split('\n')).toHaveLength(4);
    await end();
    expect((await run(['list'], url)).code).toBe(5);
  });

  it('starts empty, at another size, with faults, and as an older server', async () => {
    const { url, end } = await start(
      '--empty',
      '--scale',
      '0.001',
      '--fault',
      '412:path=/api/pull',
      '--as',
      '0.5.13',
      '--token-rate',
      '1000',
    );
    expect((await run(['list', '-q'], url)).stdout).toBe('');
    expect((await run(['pull', 'smollm2:135m'], url)).code).toBe(1);
    expect((await run(['health', '--json'], url)).stdout).toContain('0.5.13-sandbox');
    await end();
  });

  it('loads models as long as it is told, and takes durations alone', async () => {
    const { url, end } = await start('--load', '300ms');
    const body = JSON.stringify({
      model: 'gemma3:1b',
      messages: [{ role: 'user', content: 'hi' }],
      stream: false,
    });
    const answer = (await (await fetch(`${url}/api/chat`, { method: 'POST', body })).json()) as object;
    expect(answer).toMatchObject({ load_duration: expect.any(Number) as number });
    expect((answer as { load_duration: number }).load_duration / 1e6).toBeGreaterThan(290);
    await end();
    const ran = await run(['sandbox', '--load', 'long']);
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(/--load/)]);
  });

  it('keeps its models in a folder', async () => {
    const folder = path.join(await mkdtemp(path.join(tmpdir(), 'sandbox-')), 'models');
    const first = await start('--models', folder, '--empty', '--scale', '0.001');
    expect((await run(['pull', 'smollm2:135m'], first.url)).code).toBe(0);
    await first.end();
    const second = await start('--models', folder, '--scale', '0.001');
    expect((await run(['list', '-q'], second.url)).stdout).toBe('smollm2:135m\n');
    await second.end();
  });

  it('lists its faults', async () => {
    const { stdout, code } = await run(['sandbox', '--fault', 'help']);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(Object.keys(FAULTS).length);
  });

  it('listens on this machine only', async () => {
    const ran = await run(['sandbox', '--listen', '192.168.1.1:0']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('192.168.1.1');
  });
});
