import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createContext } from '../../src/context.js';
import { openChain, openProviders } from '../../src/providers/configured.js';
import { testIo } from '../support/io.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'configured-'));
  const folder = path.join(home, '.config', 'ollama-cli');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    path.join(folder, 'config.yaml'),
    `hosts: {gpu: {url: "http://127.0.0.1:2"}}
providers: {far: {enabled: true, base_url: "http://127.0.0.1:1/v1"}}
fallback: [far, gpu]
`,
  );
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

it.each([
  [undefined, ['far', 'gpu'], 'http://127.0.0.1:11434/v1'],
  ['http://127.0.0.1:3', ['ollama', 'far', 'gpu'], 'http://127.0.0.1:3/v1'],
  ['gpu', ['ollama', 'far'], 'http://127.0.0.1:2/v1'],
])('with -H %s those are asked: %j', async (host, names, own) => {
  const { io } = testIo({ env: { HOME: home } });
  const set = openProviders(await createContext(io, host === undefined ? {} : { host }));
  expect(set.chain().map(({ info }) => info.name)).toEqual(names);
  expect(set.get('ollama').info.base_url).toBe(own);
});

it("names the file and the line of a name in fallback that is nobody's", async () => {
  const file = path.join(home, '.config', 'ollama-cli', 'config.yaml');
  writeFileSync(file, 'hosts: {gpu: {url: "http://127.0.0.1:2"}}\nfallback: [ollama, gpo]\n');
  const context = await createContext(testIo({ env: { HOME: home } }).io, {});
  await expect(openChain(context, openProviders(context))).rejects.toMatchObject({
    code: 'config',
    message: `${file}:2: fallback names "gpo", which is neither a provider nor a host.`,
    hint: 'Did you mean gpu?',
  });
  const { io } = testIo({ env: { HOME: home, OLLAMA_CLI_FALLBACK: 'gpo' } });
  const other = await createContext(io, {});
  await expect(openChain(other, openProviders(other))).rejects.toThrow(
    /^OLLAMA_CLI_FALLBACK: fallback names/,
  );
});
