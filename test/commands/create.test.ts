import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { folderOf, gguf, safetensors } from '../modelfile/files.js';
import { ESCAPES, lines, run, schemaErrors, TERMINAL, type Ran } from '../support/run.js';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: ['llama3.2:1b'] });
});
afterEach(async () => await sandbox.close());

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function createJson(
  cwd: string,
  ...argv: string[]
): Promise<{ code: number; stderr: string; events: Record<string, unknown>[] }> {
  const { code, stdout, stderr } = await run(['create', 'mine', '--json', ...argv], sandbox.url, { cwd });
  const events = lines(stdout);
  for (const event of events) expect(schemaErrors('create-event', event)).toBe('');
  return { code, stderr, events };
}

async function show(model: string): Promise<Record<string, unknown>> {
  return JSON.parse((await run(['show', model, '--json'], sandbox.url)).stdout) as Record<string, unknown>;
}

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly mediaType: string }[];
}

/** The manifest of a model, as the sandbox's registry has it once it was pushed there. */
async function pushed(model: string): Promise<Manifest> {
  await run(['cp', model, `me/${model}`], sandbox.url);
  await run(['push', `me/${model}`, '-q'], sandbox.url);
  return (await (await fetch(`${sandbox.url}/v2/me/${model}/manifests/latest`)).json()) as Manifest;
}

function uploads(): string[] {
  const posts = sandbox.requests.filter(
    ({ method, path: route }) => method === 'POST' && route.includes('/api/blobs/'),
  );
  return posts.map(({ path: route }) => decodeURIComponent(route.slice('/api/blobs/'.length)));
}

function requests(route: string): number {
  return sandbox.requests.filter((request) => request.path === route).length;
}

describe('create', () => {
  const MODELFILE =
    'FROM llama3.2:1b\nSYSTEM """You are\na pirate."""\nPARAMETER temperature 0.5\nMESSAGE user Ahoy\n';

  it('makes a model of another one, and tells it as the events of a pull', async () => {
    const { code, stderr, events } = await createJson(folderOf({ Modelfile: MODELFILE }));
    expect([code, stderr]).toEqual([0, '']);
    expect(events[0]).toEqual({ type: 'start', schema_version: 1, host: sandbox.url, models: ['mine'] });
    expect(events.at(-2)).toMatchObject({ type: 'model_result', model: 'mine', bytes_downloaded: 0 });
    expect(events.at(-1)).toEqual({ type: 'result', succeeded: ['mine'], failed: [] });
    expect(events).toContainEqual({ type: 'status', model: 'mine', status: 'writing manifest' });
    expect(await show('mine')).toMatchObject({
      system: 'You are\na pirate.',
      parameters_parsed: { temperature: 0.5 },
      messages: [{ role: 'user', content: 'Ahoy' }],
    });
  });

  it('sends a GGUF file once, with its progress, and makes a model of it', async () => {
    const weights = gguf({}, 3_000_000);
    const cwd = folderOf({ Modelfile: 'FROM ./tiny.gguf\n', 'tiny.gguf': weights });
    const first = await createJson(cwd);
    expect(first.code).toBe(0);
    const progress = first.events.filter(({ type }) => type === 'progress');
    expect(progress[0]).toMatchObject({ digest: digestOf(weights), total: weights.length, completed: 0 });
    expect(progress.at(-1)).toMatchObject({ completed: weights.length, layer_done: true });
    expect(first.events.at(-2)).toMatchObject({ bytes_downloaded: weights.length, bytes_reused: 0 });
    expect(await show('mine')).toMatchObject({
      details: { format: 'gguf', family: 'llama', quantization_level: 'F16' },
    });

    const second = await createJson(cwd);
    expect(second.events.at(-2)).toMatchObject({ bytes_downloaded: 0, bytes_reused: weights.length });
    expect(uploads()).toEqual([digestOf(weights)]);
  });

  it('sends a folder of safetensors with what belongs to it, and has it quantized', async () => {
    const files = {
      'model-00001-of-00002.safetensors': safetensors(1000),
      'model-00002-of-00002.safetensors': safetensors(2000),
      'config.json': Buffer.from('{"model_type": "qwen3"}'),
      'tokenizer.json': Buffer.from('{"a": 1}'),
    };
    const cwd = folderOf({ ...files, 'sub/Modelfile': 'FROM ..\nRENDERER qwen\nREQUIRES 0.14.0' });
    const { code, events } = await createJson(cwd, '-f', 'sub/Modelfile', '--quantize', 'q4_K_M');
    expect(code).toBe(0);
    expect(uploads().sort()).toEqual(Object.values(files).map(digestOf).sort());
    expect(events).toContainEqual({ type: 'status', model: 'mine', status: 'converting model' });
    expect(await show('mine')).toMatchObject({ details: { family: 'qwen3', quantization_level: 'Q4_K_M' } });
    const { config } = await pushed('mine');
    const blob = await fetch(`${sandbox.url}/v2/me/mine/blobs/${config.digest}`);
    expect(await blob.json()).toMatchObject({ renderer: 'qwen', requires: '0.14.0' });
  });

  it('sends an adapter and a draft as what they are', async () => {
    const [lora, draft] = [gguf({}, 10), gguf({}, 11)];
    const cwd = folderOf({
      Modelfile: 'FROM llama3.2:1b\nADAPTER lora.gguf\nDRAFT draft.gguf',
      'lora.gguf': lora,
      'draft.gguf': draft,
    });
    expect((await createJson(cwd)).code).toBe(0);
    expect(uploads()).toEqual([digestOf(lora), digestOf(draft)]);
    const { layers } = await pushed('mine');
    const kind = (digest: string): string | undefined =>
      layers.find((layer) => layer.digest === digest)?.mediaType;
    expect(kind(digestOf(lora))).toBe('application/vnd.ollama.image.adapter');
    expect(kind(digestOf(draft))).toBe('application/vnd.ollama.image.draft');
  });

  it.skipIf(process.platform === 'win32')(
    'takes a Modelfile from a named pipe, as of a shell’s <(…)',
    async () => {
      const pipe = path.join(folderOf({}), 'pipe');
      execFileSync('mkfifo', [pipe]);
      const written = writeFile(pipe, 'FROM qwen3:8b');
      const named = await run(['create', 'piped', '-f', pipe, '--dry-run', '--json'], sandbox.url);
      await written;
      expect(JSON.parse(named.stdout)).toMatchObject({ base: { name: 'qwen3:8b' } });
    },
  );

  it('needs no Modelfile in a folder that is a model, and takes one from stdin', async () => {
    expect((await createJson(folderOf({ 'only.gguf': gguf() }))).code).toBe(0);
    const piped = await run(['create', 'piped', '-f', '-'], sandbox.url, { stdin: MODELFILE });
    expect(piped.code).toBe(0);
    expect(await show('piped')).toMatchObject({ system: 'You are\na pirate.' });
    const wrong = await run(['create', 'piped', '--file', '-'], sandbox.url, { stdin: 'FROM a\nSYTEM b' });
    expect(wrong.stderr).toContain('stdin:2:1: "SYTEM" is no instruction');
  });

  it('writes plain lines into a pipe, draws in a terminal, and is silent with --quiet', async () => {
    const cwd = folderOf({
      Modelfile: 'FROM ./tiny.gguf\nPARAMETER mirostat 1',
      'tiny.gguf': gguf({}, 2_000_000),
    });
    const plain = await run(['create', 'mine'], sandbox.url, { cwd });
    expect([plain.code, plain.stdout]).toEqual([0, '']);
    expect(plain.stderr).toMatch(
      /^warning: Modelfile:2: the parameter mirostat is no longer used\ncreating mine/,
    );
    expect(plain.stderr).not.toMatch(ESCAPES);
    for (const how of ['ink', 'bar']) {
      const drawn = await run(['create', 'mine', '--progress', how], sandbox.url, { ...TERMINAL, cwd });
      expect([drawn.code, drawn.stdout]).toEqual([0, '']);
      expect(drawn.stderr).toContain('✓');
    }
    const quiet = await run(['create', 'mine', '-q', '-f', '-'], sandbox.url, { stdin: 'FROM llama3.2:1b' });
    expect(quiet).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('says with --dry-run what it would send, and sends nothing', async () => {
    const weights = gguf();
    const cwd = folderOf({ Modelfile: 'FROM ./tiny.gguf\nSYSTEM x', 'tiny.gguf': weights });
    const dry = async (...argv: string[]): Promise<Ran> =>
      await run(['create', 'mine', '--dry-run', ...argv], sandbox.url, { cwd });
    const told = async (): Promise<unknown> => {
      const { code, stdout } = await dry('--json');
      const document: unknown = JSON.parse(stdout);
      expect([code, schemaErrors('create', document)]).toEqual([0, '']);
      return document;
    };
    const file = { role: 'files', name: 'tiny.gguf', digest: digestOf(weights), size: weights.length };
    expect(await told()).toEqual({
      schema_version: 1,
      host: sandbox.url,
      dry_run: true,
      model: 'mine',
      files: [{ ...file, present: false }],
      bytes_to_send: weights.length,
      bytes_present: 0,
      request: { model: 'mine', system: 'x', files: { 'tiny.gguf': digestOf(weights) } },
    });
    expect((await dry()).stdout).toBe(
      `role\tname\tdigest\tsize\tpresent\nfiles\ttiny.gguf\t${digestOf(weights)}\t${weights.length}\tfalse\n`,
    );
    expect([uploads(), requests('/api/create')]).toEqual([[], 0]);

    await createJson(cwd);
    expect(await told()).toMatchObject({
      files: [{ present: true }],
      bytes_to_send: 0,
      bytes_present: weights.length,
    });
    const drawn = await run(['create', 'mine', '-n'], sandbox.url, { ...TERMINAL, cwd });
    expect(drawn.stdout).toMatch(/tiny\.gguf .*\n\n0 B would be sent, .* are there already\.\n$/s);
    const picked = await dry('--json', '--fields', 'name');
    expect(JSON.parse(picked.stdout)).toMatchObject({ files: [{ name: 'tiny.gguf' }] });
    expect((await dry('--fields', 'nome')).code).toBe(2);
  });

  it('says with --dry-run whether the model that it is made of is there', async () => {
    const dry = async (from: string): Promise<unknown> => {
      const options = { stdin: `FROM ${from}` };
      const { stdout } = await run(['create', 'mine', '-n', '-f', '-', '--json'], sandbox.url, options);
      expect(schemaErrors('create', JSON.parse(stdout))).toBe('');
      return JSON.parse(stdout);
    };
    expect(await dry('llama3.2:1b')).toMatchObject({
      base: { name: 'llama3.2:1b', present: true },
      files: [],
    });
    expect(await dry('qwen3:8b')).toMatchObject({ base: { name: 'qwen3:8b', present: false } });
    const drawn = await run(['create', 'mine', '-n', '-f', '-'], sandbox.url, {
      tty: true,
      stdin: 'FROM qwen3:8b',
    });
    expect(drawn.stdout).toBe('Made of qwen3:8b, which the server would pull first.\n');
    expect(requests('/api/pull') + requests('/api/create')).toBe(0);
  });
});

describe('create refuses before it sends anything', () => {
  it.skipIf(process.platform === 'win32')('an endless Modelfile', async () => {
    const endless = await run(['create', 'mine', '-f', '/dev/zero'], sandbox.url);
    expect(endless.code).toBe(2);
    expect(endless.stderr).toContain('/dev/zero is too long for a Modelfile');
  });

  it.each<[string, Record<string, string | Buffer>, string[], string]>([
    [
      'a mistake, with its place',
      { Modelfile: 'FROM a\nPARAMETER top_k x' },
      [],
      'Modelfile:2:17: top_k takes a whole number',
    ],
    [
      'a file that is not there',
      { 'a/m.txt': 'FROM ./b.gguf' },
      ['-f', 'a/m.txt'],
      'a/m.txt:1:6: there is no file or folder',
    ],
    [
      'PyTorch weights',
      { Modelfile: 'FROM ./w.pt', 'w.pt': 'PK\x03\x04' },
      [],
      "w.pt can't be used: PyTorch weights.",
    ],
    ['no Modelfile', { 'notes.txt': '' }, [], 'There is no Modelfile in'],
    ['a folder of something else', { 'model.onnx': 'x' }, [], "model.onnx can't be used: an ONNX model."],
    [
      'a Modelfile that is not there',
      {},
      ['--file', 'nowhere'],
      "nowhere can't be read: there is no such file",
    ],
    ['a folder for a Modelfile', { 'a/Modelfile': 'FROM b' }, ['--file', 'a'], 'a is a folder'],
    [
      'weights for a Modelfile',
      { 'a.gguf': gguf({}, 20_000_000) },
      ['--file', 'a.gguf'],
      'this is a GGUF file',
    ],
    [
      'a text without an end',
      { a: Buffer.alloc(17_000_000, 35) },
      ['--file', 'a'],
      'is too long for a Modelfile',
    ],
    ['a name that is none', { Modelfile: 'FROM a@b' }, [], '"a@b" is no model name'],
  ])('%s', async (_, files, argv, message) => {
    const { code, events, stderr } = await createJson(folderOf(files), ...argv);
    expect(code).toBe(2);
    expect(events.map(({ type }) => type)).toEqual(['start', 'model_error', 'error']);
    expect((JSON.parse(stderr) as { error: { message: string } }).error.message).toContain(message);
    expect(sandbox.requests).toEqual([]);
  });

  it('a model that may not be used, and a name outside the grammar', async () => {
    const env = { OLLAMA_CLI_ALLOWED_MODELS: 'qwen*' };
    const ran = await run(['create', 'mine', '-f', '-'], sandbox.url, { env, stdin: 'FROM llama3.2:1b' });
    expect([ran.code, requests('/api/create')]).toEqual([7, 0]);
    expect((await run(['create', 'a@b', '-f', '-'], sandbox.url, { stdin: 'FROM a' })).code).toBe(2);
  });
});

describe('create fails', () => {
  it.each([
    ['cut@50%:path=/api/create', 6, 'stream_cut'],
    ['no-done:path=/api/create', 6, 'stream_cut'],
    ['error-line:path=/api/create', 1, 'server_error'],
    ['500', 1, 'server_error'],
    ['401', 4, 'unauthorized'],
    ['html', 1, 'protocol'],
  ])('with the fault %s: exit %i, and calls nothing done', async (fault, exit, error) => {
    sandbox.setFaults([parseFault(fault)]);
    const { code, events } = await createJson(folderOf({ Modelfile: 'FROM llama3.2:1b' }));
    expect([code, events.at(-1)]).toMatchObject([exit, { type: 'error', error: { code: error } }]);
    expect(events.some(({ type }) => type === 'model_result' || type === 'result')).toBe(false);
    // What a pull would be advised goes on with nothing here.
    expect(JSON.stringify(events.at(-1))).not.toContain('ollama-cli pull');
  });

  it('names the base that no registry has, and not the model that was to be made', async () => {
    const { code, events } = await createJson(folderOf({ Modelfile: 'FROM no-such-model' }));
    expect(code).toBe(3);
    expect(events.at(-1)).toMatchObject({ error: { code: 'model_not_found', model: 'no-such-model' } });
  });

  it('says what the server has against it', async () => {
    const cwd = folderOf({ Modelfile: 'FROM ./a.gguf', 'a.gguf': gguf() });
    const { code, events } = await createJson(cwd, '--quantize', 'Q1_X');
    expect(code).toBe(1);
    expect(events.at(-1)).toMatchObject({
      error: { message: expect.stringContaining('unsupported quantization type Q1_X') as string, hint: '' },
    });
  });

  it('refuses in plain words what a Modelfile has wrong', async () => {
    const cwd = folderOf({});
    writeFileSync(path.join(cwd, 'Modelfile'), 'FROM llama3.2:1b\nSYSTEM """never closed\n');
    const { code, stdout, stderr } = await run(['create', 'mine'], sandbox.url, { cwd });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Modelfile:2:8: the quote """ that opens here is never closed');
    expect(stderr).not.toMatch(/creating/i);
  });
});
