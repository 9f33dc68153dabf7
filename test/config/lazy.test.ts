import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadSettings } from '../../src/config/load.js';

const root = mkdtempSync(path.join(tmpdir(), 'ollama-cli-lazy-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

// Alone in its file: what another test has loaded stays loaded.
it('loads cosmiconfig only for a file that is there, and a YAML parser only for one that is no JSON', async () => {
  const { cache } = createRequire(import.meta.url);
  const packages = ['cosmiconfig', 'js-yaml', 'yaml'];
  const loadedAfter = async (name: string, content: string) => {
    writeFileSync(path.join(root, name), content);
    await loadSettings({ env: { HOME: root }, cwd: root, platform: 'linux' }).catch(() => undefined);
    const files = Object.keys(cache).map((file) => file.replaceAll('\\', '/'));
    return packages.filter((one) => files.some((file) => file.includes(`/node_modules/${one}/`)));
  };
  mkdirSync(path.join(root, '.config'));
  expect(await loadedAfter('package.json', '{"dependencies": {"ollama": "1"}}')).toEqual([]);
  expect(await loadedAfter('.ollamarc', '{"host": "localhost"}')).toEqual(['cosmiconfig']);
  expect(await loadedAfter('.ollamarc', 'host: localhost')).toEqual(['cosmiconfig', 'js-yaml']);
  expect(await loadedAfter('.ollamarc', 'hots: localhost')).toEqual(packages);
});
