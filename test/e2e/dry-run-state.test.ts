import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gguf } from '../modelfile/files.js';
import { openLibrary, type Library } from '../models/library.js';
import { TERMINAL } from '../support/run.js';

let library: Library;
let work: string;

beforeAll(async () => {
  let aheadMs = 0;
  const installed = ['qwen3:0.6b', 'gemma3:1b', 'smollm2:135m'];
  library = await openLibrary({ installed, now: () => Date.now() + aheadMs });
  // What is newer has been pushed after what is installed.
  aheadMs = 3_600_000;
  work = path.join(library.home, 'work');
  mkdirSync(work, { recursive: true });
  writeFileSync(path.join(work, 'Modelfile'), 'FROM ./weights.gguf\nSYSTEM "You are short."\n');
  writeFileSync(path.join(work, 'weights.gguf'), gguf());
  writeFileSync(
    path.join(work, 'models.yaml'),
    'models:\n  - gemma3:1b\n  - all-minilm:22m\n  - {name: mine, from: gemma3:1b}\n',
  );
  writeFileSync(path.join(work, 'names.txt'), 'all-minilm:22m\nqwen3:0.6b\n');
  // What a repair is for.
  const [broken] = library.blobsOf('smollm2:135m');
  writeFileSync(library.blobFile(broken?.digest ?? ''), 'not what it was');
});
afterAll(async () => await library.close());

/** Everything below the server's folder and the person's home: kinds, modes, times and contents. */
function wholeState(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const root of [library.dir, library.home]) {
    for (const name of ['.', ...(readdirSync(root, { recursive: true }) as string[])]) {
      const file = path.join(root, name);
      const stat = lstatSync(file);
      const content = stat.isFile() ? createHash('sha256').update(readFileSync(file)).digest('hex') : '';
      found[file] = [stat.mode.toString(8), stat.size, stat.mtimeMs, content].join(' ');
    }
  }
  return found;
}

/** What only asks: of the server, and of its registry. */
const ASKS = /^(?:GET|HEAD) |^POST \/api\/show$/;

const CASES: readonly (readonly [line: string, told: RegExp])[] = [
  ['pull all-minilm:22m --dry-run', /all-minilm/],
  ['pull gemma3:1b all-minilm:22m --dry-run', /all-minilm/],
  ['pull --from names.txt --dry-run', /all-minilm/],
  ['rm qwen3:0.6b --dry-run', /qwen3/],
  ['rm * --dry-run', /gemma3/],
  ['prune --older-than 1ms --dry-run', /qwen3/],
  ['sync models.yaml --prune --dry-run', /all-minilm/],
  ['verify --repair --dry-run', /smollm2/],
  ['cp gemma3:1b copy --dry-run', /copy/],
  ['mv gemma3:1b moved --dry-run', /moved/],
  ['create mine --dry-run', /weights\.gguf|sha256:/],
  ['update --all --dry-run', /gemma3/],
  ['update gemma3:1b --dry-run', /gemma3/],
  ['stop --all --dry-run', /gemma3/],
];

describe.each([
  ['as JSON', ['--json'], {}],
  ['in a pipe', [], {}],
  ['in a terminal', [], TERMINAL],
] as const)('%s', (_how, flags, io) => {
  test.each(CASES)('%s writes nothing anywhere', async (line, told) => {
    // Loaded, so that there is something to unload.
    await library.lab.send('POST', '/api/generate', { model: 'gemma3:1b' });
    // There is a newer build of everything only where one is wanted: a broken layer of an old one is no more to be had.
    library.lab.fault(...(line.startsWith('update') ? ['newer'] : []));
    const before = wholeState();
    const asked = library.lab.sandbox.requests.length;
    const { code, stdout, stderr } = await library.run([...line.split(' '), ...flags], { ...io, cwd: work });
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('✗')]);
    expect(stdout).toMatch(told);
    const requests = library.lab.sandbox.requests.slice(asked);
    const wrote = requests
      .map(({ method, path: route }) => `${method} ${route}`)
      .filter((one) => !ASKS.test(one));
    expect(wrote).toEqual([]);
    expect(wholeState()).toEqual(before);
  });
});

test('without it each of them would have written', async () => {
  const before = wholeState();
  const { code } = await library.run(['cp', 'gemma3:1b', 'copy'], { cwd: work });
  expect(code).toBe(0);
  expect(wholeState()).not.toEqual(before);
});
