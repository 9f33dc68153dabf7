import { createHash } from 'node:crypto';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { openLibrary, type Library } from '../models/library.js';
import { startLab, type Lab } from '../sandbox/lab.js';

let library: Library;
let registry: Lab;
let model: string;
beforeEach(async () => {
  library = await openLibrary();
  // What is pushed there is newer than what is pulled now.
  registry = await startLab({ now: () => Date.now() + 3_600_000 });
  model = `127.0.0.1:${registry.sandbox.port}/library/all-minilm:latest`;
  await library.lab.events('/api/pull', { model, insecure: true });
});
afterEach(async () => {
  await registry.sandbox.close();
  await library.close();
});

/** The digest of the model's first layer, as its registry has it. */
async function weights(): Promise<string> {
  const manifest = await registry.send('GET', '/v2/library/all-minilm/manifests/latest');
  const { layers } = (await manifest.json()) as { layers: { digest: string }[] };
  return layers[0]?.digest ?? '';
}

const HTTP_ONLY = /server gave HTTP response to HTTPS client/;

describe('a model of a registry that speaks no TLS', () => {
  it('is updated with --insecure alone', async () => {
    registry.sandbox.setFaults([parseFault('newer')]);
    expect((await library.run(['outdated', model, '--insecure', '-q'])).stdout).toBe(`${model}\n`);
    const without = await library.run(['update', model, '--retries', '0']);
    expect(without.code).toBe(6);
    expect(without.stderr).toMatch(HTTP_ONLY);
    expect((await library.run(['update', model, '--insecure'])).code).toBe(0);
    expect((await library.run(['outdated', model, '-q'])).stdout).toBe('');
  });

  it.each([[[]], [['--json']]])('is repaired with --insecure, %s', async (more) => {
    const file = library.blobFile(await weights());
    truncateSync(file, 100);
    const ran = await library.run(['verify', model, '--repair', '--yes', '--insecure', ...more]);
    expect(ran.code).toBe(0);
    expect(`sha256-${createHash('sha256').update(readFileSync(file)).digest('hex')}`).toBe(
      path.basename(file),
    );
  });

  it('is brought by sync with --insecure', async () => {
    const file = path.join(library.dir, '..', `sync-${registry.sandbox.port}.txt`);
    writeFileSync(file, `${model}\ngemma3:1b\nqwen3:0.6b\n`);
    try {
      await library.lab.send('DELETE', '/api/delete', { model });
      expect((await library.run(['sync', file, '--yes', '--retries', '0'])).code).toBe(6);
      expect((await library.run(['sync', file, '--yes', '--insecure'])).code).toBe(0);
      expect((await library.run(['list', '-q', model])).stdout).toBe(`${model}\n`);
    } finally {
      rmSync(file);
    }
  });

  it('is told with --insecure in the command that goes on', async () => {
    registry.sandbox.setFaults([parseFault('registry-500')]);
    const other = model.replace('all-minilm', 'smollm2');
    const ran = await library.run(['pull', other, '--insecure', '--retries', '1'], {
      env: { OLLAMA_CLI_RETRY__DELAY: '1ms' },
    });
    expect(ran.code).toBe(6);
    expect(ran.stderr).toContain(`ollama-cli pull ${other} --insecure  (what has come`);
    // The registry's words end with a line's end.
    expect(ran.stderr).toMatch(/internal server error"\}\]\}, after 2 tries\.\n/);
  });

  it('is looked up in that registry where it has none of the name', async () => {
    const absent = model.replace('all-minilm:latest', 'nothing:1b');
    const ran = await library.run(['pull', absent, '--insecure']);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain(`ollama-cli tags ${absent.replace(':1b', '')} `);
    expect(ran.stderr).not.toContain('ollama.com');
  });
});
