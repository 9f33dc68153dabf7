// Makes the code caches of the program's packs: runs what people run, then has V8 write down what it compiled for it.
// A cache holds for this version of Node alone; any other one passes it over.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';

const cli = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'cli');

const DETAILS = {
  parent_model: '',
  format: 'gguf',
  family: 'a',
  families: ['a'],
  parameter_size: '1B',
  quantization_level: 'Q4_0',
};
const model = (name) => ({
  name: `${name}:1b`,
  model: `${name}:1b`,
  modified_at: '2026-01-02T03:04:05.678901234Z',
  size: 1_000_000,
  digest: name.repeat(64),
  details: DETAILS,
});
const LAYER = { status: 'pulling aaaaaaaaaaaa', digest: `sha256:${'a'.repeat(64)}`, total: 100 };
const ANSWERS = {
  // They look the same, and their list does not tell all: the lookup of what it lacks is compiled too.
  '/api/tags': [{ models: [model('a'), model('b')] }],
  '/api/show': [
    {
      modelfile: `FROM /blobs/sha256-${'c'.repeat(64)}\n`,
      details: DETAILS,
      model_info: { 'general.architecture': 'a', 'a.context_length': 1024 },
      capabilities: ['completion'],
    },
  ],
  '/api/ps': [{ models: [] }],
  // So that the registry that is asked is this one, and none out there.
  '/api/version': [{ version: '0.24.0-sandbox' }],
  '/api/pull': [
    { status: 'pulling manifest' },
    LAYER,
    { ...LAYER, completed: 100 },
    { status: 'verifying sha256 digest' },
    { status: 'writing manifest' },
    { status: 'success' },
  ],
  '/api/chat': [
    { model: 'a:1b', message: { role: 'assistant', content: 'a' }, done: false },
    { model: 'a:1b', message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop' },
  ],
};
const SETTINGS = { json: '{ "options": { "seed": 1 } }', yaml: 'options:\n  seed: 1\n' };

/** The commands that end at once: what is in the caches of the packs that all share, and no more, as they are read each time. */
const SHORT = [
  { argv: ['--help'] },
  { argv: ['list', '--json'] },
  { argv: ['list', '--json'] }, // which finds what the first one kept
  { argv: ['list', '--json'], folder: 'json' },
  { argv: ['list', '--json'], folder: 'yaml' },
];
/** What the caches of the other files are made for. */
const LONG = [
  { argv: ['list'] },
  { argv: ['list'], isTTY: true },
  { argv: ['pull', 'a:1b'] },
  { argv: ['chat', 'a:1b', 'a'] },
  { argv: ['chat', 'a:1b', 'a'], stdin: 'a' },
  { argv: ['health'] },
  { argv: ['ps'] },
  { argv: ['df'] },
  { argv: ['outdated'] },
];
/** The packs that short commands read: what the long ones do in them is not in their caches. */
const READ_BY_ALL = ['program.js', 'commands.js'];

function makeFolders() {
  const home = mkdtempSync(path.join(tmpdir(), 'code-cache-'));
  for (const [name, text] of Object.entries(SETTINGS)) {
    // The search for settings ends at a repository's root.
    mkdirSync(path.join(home, name, '.git'), { recursive: true });
    writeFileSync(path.join(home, name, '.ollamarc'), text);
  }
  return home;
}

function openOutput(isTTY) {
  const stream = new PassThrough();
  stream.resume();
  return isTTY ? Object.assign(stream, { isTTY, columns: 80, rows: 24 }) : stream;
}

async function runOnce(main, { argv, folder = '', isTTY = false, stdin }, home, host) {
  const said = [];
  const stderr = openOutput(false);
  stderr.on('data', (chunk) => said.push(chunk));
  const code = await main(argv, {
    stdin: Object.assign(new PassThrough().end(stdin), { isTTY: stdin === undefined }),
    stdout: openOutput(isTTY),
    stderr,
    env: { OLLAMA_HOST: host, HOME: home, USERPROFILE: home, APPDATA: home, LOCALAPPDATA: home },
    cwd: path.join(home, folder),
    platform: process.platform,
    signal: new AbortController().signal,
    interrupt: () => undefined,
    now: Date.now,
  });
  if (code !== 0) throw new Error(`ollama-cli ${argv.join(' ')} ended with ${code}: ${said.join('')}`);
}

const server = createServer((request, response) => {
  const lines = ANSWERS[request.url] ?? [{ error: 'not found' }];
  response.writeHead(request.url in ANSWERS ? 200 : 404, { 'content-type': 'application/json' });
  response.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
});
const home = makeFolders();
try {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { main, scripts } = createRequire(import.meta.url)(path.join(cli, 'main.js'));
  const caches = new Map();
  for (const runs of [SHORT, LONG]) {
    for (const run of runs) await runOnce(main, run, home, `http://127.0.0.1:${server.address().port}`);
    for (const [file, script] of Object.entries(scripts)) {
      if (runs === LONG && READ_BY_ALL.includes(path.basename(file))) continue;
      caches.set(file, script.createCachedData());
    }
  }
  for (const [file, cache] of caches) writeFileSync(`${file}.cache`, cache);
} finally {
  server.close();
  rmSync(home, { recursive: true, force: true });
}
