import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createContext, type Context } from '../../src/context.js';
import type { GlobalFlags } from '../../src/flags.js';
import type { SandboxOptions } from '../../src/sandbox/server.js';
import { startLab, type Lab } from '../sandbox/lab.js';
import { testIo, type TestIoOptions } from '../support/io.js';
import { run, type Ran } from '../support/run.js';

/** A server whose models lie in a folder that the test can reach, and a home of its own. */
export interface Library {
  readonly lab: Lab;
  readonly url: string;
  readonly dir: string;
  readonly home: string;
  /** Runs a command line that finds the folder. */
  run(argv: readonly string[], options?: TestIoOptions): Promise<Ran>;
  context(flags?: GlobalFlags, options?: TestIoOptions): Promise<Context>;
  blobFile(digest: string): string;
  /** The digests of a model's blobs, largest first. */
  blobsOf(model: string): { digest: string; size: number }[];
  /** Everything on disk: the models folder and the home, with contents. */
  state(): Record<string, string>;
  close(): Promise<void>;
}

export async function openLibrary(options: SandboxOptions = {}): Promise<Library> {
  const root = await mkdtemp(path.join(tmpdir(), 'library-'));
  const dir = path.join(root, 'models');
  const home = path.join(root, 'home');
  const lab = await startLab({ modelsDir: dir, installed: ['qwen3:0.6b', 'gemma3:1b'], ...options });
  const { url } = lab.sandbox;
  const env = { HOME: home, OLLAMA_MODELS: dir, OLLAMA_HOST: url };
  const blobFile = (digest: string): string => path.join(dir, 'blobs', digest.replace(':', '-'));
  return {
    lab,
    url,
    dir,
    home,
    blobFile,
    run: async (argv, more = {}) => await run(argv, url, { ...more, env: { ...env, ...more.env } }),
    context: async (flags = {}, more = {}) =>
      await createContext(testIo({ ...more, env: { ...env, ...more.env } }).io, flags),
    blobsOf: (model) => {
      const [name = '', tag = 'latest'] = model.split(':');
      const file = path.join(dir, 'manifests', 'registry.ollama.ai', 'library', name, tag);
      const { config, layers } = JSON.parse(readFileSync(file, 'utf8')) as {
        config: { digest: string; size: number };
        layers: { digest: string; size: number }[];
      };
      return [...layers, config].sort((a, b) => b.size - a.size);
    },
    state: () => ({ ...filesUnder(dir), ...filesUnder(home) }),
    close: async () => {
      await lab.sandbox.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

function filesUnder(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true }) as string[];
  } catch {
    return found;
  }
  for (const name of names) {
    const file = path.join(folder, name);
    const { mtimeMs, size } = statSync(file);
    found[file] = statSync(file).isFile() ? `${size} ${mtimeMs} ${readFileSync(file, 'latin1')}` : 'folder';
  }
  return found;
}
