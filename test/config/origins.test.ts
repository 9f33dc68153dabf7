import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadSettings } from '../../src/config/load.js';
import { locateOrigins } from '../../src/config/origins.js';

const home = mkdtempSync(path.join(tmpdir(), 'ollama-cli-origins-'));
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

it('finds the line of every value that a file set, by whichever name it was set', async () => {
  const project = path.join(home, 'package.json');
  writeFileSync(
    project,
    '{\n  "host": "not ours",\n  "ollama": {\n    "port": 1,\n    "options": {\n      "max_tokens": 5 }}}',
  );
  const user = path.join(home, '.config', 'ollama-cli', 'config.yaml');
  mkdirSync(path.dirname(user), { recursive: true });
  writeFileSync(
    user,
    'history: false\nauto_pull_model: true\nsystem: x\nheaders:\n  X-Key: k\nhosts:\n  Gpu: {url: a}',
  );
  const io = { env: { HOME: home, OLLAMA_CLI_SYSTEM: 'y' }, cwd: home, platform: 'linux' as const };
  const resolved = await loadSettings(io, { host: '127.0.0.1' });
  const origins = await locateOrigins(resolved);
  const file = (key: string) => origins.get(key)?.file;
  expect(origins.get('host')).toEqual({ kind: 'flag', name: '--host' });
  expect(origins.get('system')).toEqual({ kind: 'environment', name: 'OLLAMA_CLI_SYSTEM' });
  expect(origins.get('color')).toEqual({ kind: 'default' });
  const lines = [...origins]
    .filter(([, { line }]) => line !== undefined)
    .map(([key, { line }]) => [key, line, file(key)]);
  expect(lines).toEqual([
    ['auto_pull', 2, user],
    ['history', 1, user],
    ['headers.x-key', 5, user],
    ['hosts.Gpu.url', 7, user],
    ['options.num_predict', 6, project],
  ]);
  expect((await locateOrigins(await loadSettings(io, {}))).get('host')).toEqual({
    kind: 'project',
    file: project,
    line: 4,
  });
});
