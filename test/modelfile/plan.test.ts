import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isOllamaError } from '../../src/core/errors.js';
import { parseHost } from '../../src/core/url.js';
import { planCreate, type CreatePlan } from '../../src/modelfile/plan.js';
import { folderOf, gguf, safetensors } from './files.js';

const MODEL = { 'config.json': '{}', 'model.safetensors': safetensors() };

async function plan(
  text: string,
  folder = folderOf({}),
  options: { version?: string; draftQuantize?: string; quantize?: string } = {},
): Promise<CreatePlan> {
  const { version = '0.33.0', ...rest } = options;
  const client = { host: parseHost('127.0.0.1:1'), version: () => Promise.resolve(version) };
  return await planCreate(
    client,
    text,
    { file: 'Modelfile', folder, home: path.join(folder, 'home') },
    { model: 'mine', ...rest },
  );
}

async function mistakeOf(...args: Parameters<typeof plan>): Promise<string> {
  try {
    await plan(...args);
  } catch (error) {
    if (isOllamaError(error)) return `${error.code} ${error.message} | ${error.hint ?? ''}`;
    throw error;
  }
  return 'no mistake';
}

const names = ({ files }: CreatePlan): string[] => files.map(({ role, name }) => `${role}/${name}`);

describe('what a Modelfile asks the server for', () => {
  it('is its words in the fields of the request', async () => {
    const { request, files, warnings } = await plan(
      `FROM test\nPARAMETER temperature 0.5\nPARAMETER top_k 1\nPARAMETER use_mmap T\nPARAMETER stop a\nPARAMETER stop "b "
SYSTEM You are a bot.\nTEMPLATE {{ .Prompt }}\nLICENSE license1\nLICENSE license2\nRENDERER r\nPARSER p\nREQUIRES v0.14.0
MESSAGE user Hello there!\nMESSAGE assistant Hi: how are you?`,
      undefined,
      { quantize: 'Q4_K_M' },
    );
    expect(request).toEqual({
      model: 'mine',
      from: 'test',
      template: '{{ .Prompt }}',
      system: 'You are a bot.',
      renderer: 'r',
      parser: 'p',
      requires: '0.14.0',
      license: ['license1', 'license2'],
      parameters: { temperature: 0.5, top_k: 1, use_mmap: true, stop: ['a', 'b '] },
      messages: [
        { role: 'user', content: 'Hello there!' },
        { role: 'assistant', content: 'Hi: how are you?' },
      ],
      quantize: 'Q4_K_M',
    });
    expect([files, warnings]).toEqual([[], []]);
  });

  it('is no more than FROM where there is no more', async () => {
    expect((await plan('FROM llama3.2:1b')).request).toEqual({ model: 'mine', from: 'llama3.2:1b' });
  });

  it('is the last word where one is given twice, and the one before it is named', async () => {
    const { request, warnings } = await plan(
      'FROM a\nSYSTEM one\nSYSTEM two\nPARAMETER seed 1\nPARAMETER seed 2\nPARAMETER mirostat 1',
    );
    expect(request).toMatchObject({ system: 'two', parameters: { seed: 2 } });
    expect(request.parameters).not.toHaveProperty('mirostat');
    expect(warnings).toEqual([
      'Modelfile:3: this SYSTEM counts, not the one of line 2',
      'Modelfile:5: this PARAMETER seed counts, not the one of line 4',
      'Modelfile:6: the parameter mirostat is no longer used',
    ]);
  });

  it('says of an empty text that it takes nothing away from the base', async () => {
    const { warnings } = await plan('FROM a\nSYSTEM ""\nTEMPLATE \nLICENSE ""\nMESSAGE user ""');
    expect(warnings).toEqual([
      'Modelfile:2: an empty SYSTEM changes nothing: that of FROM stays',
      'Modelfile:3: an empty TEMPLATE changes nothing: that of FROM stays',
    ]);
  });

  it.each([
    ['PARAMETER temprature 1', "2:11: Unknown parameter 'temprature'. Did you mean 'temperature'?"],
    ['PARAMETER temperature hot', "2:23: temperature takes a number, not 'hot'."],
    ['PARAMETER top_k 1.5', "2:17: top_k takes a whole number, not '1.5'."],
    ['PARAMETER use_mmap maybe', '2:20: use_mmap takes true or false'],
    ['REQUIRES newest', '2:10: REQUIRES needs a version'],
    ['FROM b', '2:1: a second FROM: line 1 names a model already.'],
    ['ADAPTER ./none', '2:9: there is no file or folder'],
    ['DRAFT none', '2:7: there is no file or folder'],
  ])('refuses %j', async (line, message) => {
    expect(await mistakeOf(`FROM a\n${line}`)).toContain(`usage Modelfile:${message}`);
  });
});

describe('FROM', () => {
  const folder = folderOf({
    'model.gguf': gguf(),
    'mmproj.gguf': gguf({ 'general.architecture': 'clip' }),
    'home/mine.gguf': gguf(),
    'sub/model.gguf': gguf({}, 65),
    'old.bin': 'lmgg....',
    'weights.pt': Buffer.from('PK\x03\x04....archive/data.pkl'),
    'one.safetensors': safetensors(),
    'llama3.2/notes.txt': 'a folder that is called as the model',
    'torch/pytorch_model.bin': Buffer.from('PK\x03\x04'),
    'two/a.gguf': gguf(),
    'two/b.gguf': gguf(),
    'seeing/model.gguf': gguf(),
    'seeing/mmproj-f16.gguf': gguf(),
  });

  it.each([
    ['./model.gguf', 'model.gguf'],
    ['model.gguf', 'model.gguf'],
    ['~/mine.gguf', 'mine.gguf'],
    [path.join(folder, 'model.gguf'), 'model.gguf'],
  ])('%s is a file', async (value, name) => {
    const { request, files } = await plan(`FROM ${value}`, folder);
    expect(request).toEqual({ model: 'mine' });
    expect(files).toMatchObject([{ role: 'files', name, size: expect.any(Number) as number }]);
  });

  it('takes several GGUF files, such as a model and what it sees with', async () => {
    expect(names(await plan('FROM ./model.gguf\nFROM ./mmproj.gguf', folder))).toEqual([
      'files/model.gguf',
      'files/mmproj.gguf',
    ]);
    expect(names(await plan('FROM ./seeing', folder))).toEqual(['files/mmproj-f16.gguf', 'files/model.gguf']);
  });

  it('names a model where a folder of that name holds none', async () => {
    expect((await plan('FROM llama3.2', folder)).request.from).toBe('llama3.2');
    expect((await plan('FROM hf.co/user/repo.gguf', folder)).request.from).toBe('hf.co/user/repo.gguf');
  });

  it.each([
    ['./missing', '1:6: there is no file or folder'],
    ['missing.gguf', '1:6: there is no file or folder'],
    ['"~other/x"', '1:6: the home folder of another user'],
    ['a model', '1:6: "a model" is no model name'],
    ['llama3.2:1b # small', 'A comment has a line of its own.'],
    ['./old.bin', "old.bin can't be used: a file of the old GGML format."],
    ['./weights.pt', "weights.pt can't be used: PyTorch weights. | Convert them"],
    ['./one.safetensors', 'is one file of safetensors: Ollama needs its folder'],
    ['./torch', "pytorch_model.bin can't be used: PyTorch weights."],
    ['./llama3.2', 'there is no model in'],
    ['./two', 'holds 2 GGUF models: name one of its files.'],
    ['/dev/null', '/dev/null is neither a file nor a folder.'],
    ['./model.gguf\nFROM ./sub/model.gguf', 'Modelfile:2:6: two files are called model.gguf'],
    ['llama3.2:1b\nFROM ./model.gguf', 'Modelfile:2:1: FROM names a model and files: line 1 has the other.'],
    ['./model.gguf\nDRAFT model.gguf', 'Modelfile:2:7: DRAFT names the same files as FROM'],
    ['a@b', '"a@b" is no model name: a digest can\'t be asked for by "@". And there is no such file.'],
  ])('refuses %j before anything is sent', async (value, message) => {
    expect(await mistakeOf(`FROM ${value}`, folder)).toContain(message);
  });

  it.skipIf(process.getuid?.() === 0)('says of a file that it cannot be read', async () => {
    const closed = folderOf({ 'model.gguf': gguf() });
    chmodSync(path.join(closed, 'model.gguf'), 0);
    expect(await mistakeOf('FROM ./model.gguf', closed)).toContain("can't be read (EACCES)");
  });

  it.skipIf(process.platform === 'win32')('does not wait for a pipe', async () => {
    const piped = folderOf({});
    execFileSync('mkfifo', [path.join(piped, 'model.gguf')]);
    expect(await mistakeOf('FROM ./model.gguf', piped)).toContain('is neither a file nor a folder');
    const shard = folderOf({ 'm-00001-of-00002.gguf': gguf() });
    execFileSync('mkfifo', [path.join(shard, 'm-00002-of-00002.gguf')]);
    expect(await mistakeOf('FROM ./m-00001-of-00002.gguf', shard)).toContain(
      '00002-of-00002.gguf is no file',
    );
    const folder = folderOf(MODEL);
    execFileSync('mkfifo', [path.join(folder, 'tokenizer.json')]);
    expect(await mistakeOf('FROM .', folder)).toContain('1:6: ');
    expect(await mistakeOf('FROM .', folder)).toContain('tokenizer.json is no file');
  });

  it('takes a model in several GGUF files where the server does, and only whole', async () => {
    const split = folderOf({ 'm-00001-of-00002.gguf': gguf(), 'm-00002-of-00002.gguf': gguf() });
    const shard = 'FROM ./m-00001-of-00002.gguf';
    expect(names(await plan(shard, split, { version: '0.35.0' }))).toEqual([
      'files/m-00001-of-00002.gguf',
      'files/m-00002-of-00002.gguf',
    ]);
    expect(names(await plan('FROM .', split, { version: '1.2.0-sandbox' }))).toHaveLength(2);
    expect(await mistakeOf(shard, split)).toMatch(
      /1:6: .* several GGUF files, .* since 0\.35; .* is 0\.33\.0\..*--merge/,
    );
    const half = folderOf({ 'm-00001-of-00003.gguf': gguf(), 'm-00002-of-00003.gguf': gguf() });
    expect(await mistakeOf(shard.replace('2.gguf', '3.gguf'), half, { version: '0.35.0' })).toContain(
      'm-00003-of-00003.gguf missing',
    );
    expect(await mistakeOf('FROM .', half, { version: '0.35.0' })).toContain('is not complete');
  });
});

// The cases of Ollama's TestFilesForModel.
describe('a folder of safetensors', () => {
  it.each<[string, Record<string, string | Buffer>, string[]]>([
    [
      'with its texts',
      {
        ...MODEL,
        'tokenizer.json': '{}',
        'chat_template.jinja': '{{ messages }}',
        'tokenizer.model': Buffer.alloc(512, 1),
        'README.md': '# no',
        '.cache/x.json': '{}',
      },
      ['model.safetensors', 'chat_template.jinja', 'config.json', 'tokenizer.json', 'tokenizer.model'],
    ],
    [
      'in shards, which count before a consolidated one',
      {
        'config.json': '{}',
        'model-00001-of-00002.safetensors': safetensors(),
        'model-00002-of-00002.safetensors': safetensors(),
        'consolidated.safetensors': safetensors(),
      },
      ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', 'config.json'],
    ],
    [
      'that is consolidated',
      { 'config.json': '{}', 'consolidated.safetensors': safetensors() },
      ['consolidated.safetensors', 'config.json'],
    ],
    [
      'of a sentence transformer',
      { ...MODEL, '2_Dense/config.json': '{}', '2_Dense/model.safetensors': safetensors() },
      ['model.safetensors', 'config.json', '2_Dense/config.json', '2_Dense/model.safetensors'],
    ],
    [
      'with its tokenizer in a folder',
      { ...MODEL, 'original/tokenizer.model': Buffer.alloc(9, 1) },
      ['model.safetensors', 'config.json', 'original/tokenizer.model'],
    ],
  ])('%s', async (_, files, expected) => {
    expect(names(await plan('FROM .', folderOf(files)))).toEqual(expected.map((name) => `files/${name}`));
  });

  it.each<[string, Record<string, string | Buffer>, string]>([
    [
      'without a configuration',
      { 'model.safetensors': safetensors() },
      'has no config.json beside its weights',
    ],
    [
      'with a shard missing',
      { 'config.json': '{}', 'model-00001-of-00002.safetensors': safetensors() },
      'model-00002-of-00002.safetensors missing',
    ],
    [
      'with a Git LFS pointer',
      { 'config.json': '{}', 'model.safetensors': 'version https://git-lfs.github.com/spec/v1\n' },
      "model.safetensors can't be used: a Git LFS pointer and not the weights. | Fetch them: git lfs pull",
    ],
    [
      'with a pointer for its tokenizer',
      { ...MODEL, 'tokenizer.model': 'version https://git-lfs.github.com/spec/v1\n' },
      "tokenizer.model can't be used: a Git LFS pointer",
    ],
    [
      'of something else',
      { 'config.json': '{}', 'model.safetensors': 'hello' },
      'in no format that is known',
    ],
    ['with nothing in it', { 'README.md': '' }, 'there is no model in'],
  ])('%s is refused', async (_, files, message) => {
    expect(await mistakeOf('SYSTEM x\nFROM .', folderOf(files))).toContain('usage Modelfile:2:6: ');
    expect(await mistakeOf('FROM .', folderOf(files))).toContain(message);
  });

  it('sends no file that a link has brought in from elsewhere', async () => {
    const outside = folderOf({ 'secret.json': '{"key": 1}' });
    const folder = folderOf(MODEL);
    symlinkSync(path.join(outside, 'secret.json'), path.join(folder, 'tokenizer.json'));
    expect(await mistakeOf('FROM .', folder)).toContain(
      'tokenizer.json is a link that leads out of its folder',
    );

    const cached = folderOf({ 'config.json': '{}' });
    mkdirSync(path.join(cached, '..', '.cache'), { recursive: true });
    const blob = path.join(cached, '..', '.cache', `blob-${path.basename(cached)}`);
    writeFileSync(blob, safetensors());
    symlinkSync(blob, path.join(cached, 'model.safetensors'));
    expect(await mistakeOf('FROM .', cached)).toContain('--local-dir');
  });

  it('follows links within the folder, and a link to the folder itself', async () => {
    const folder = folderOf({ 'config.json': '{}', 'blobs/one': safetensors() });
    symlinkSync(path.join('blobs', 'one'), path.join(folder, 'model.safetensors'));
    const link = path.join(folderOf({}), 'link');
    symlinkSync(folder, link);
    expect(names(await plan(`FROM ${link}`))).toEqual(['files/model.safetensors', 'files/config.json']);
  });
});

describe('ADAPTER and DRAFT', () => {
  it('are files of their own in the request', async () => {
    const folder = folderOf({
      'lora/adapter_config.json': '{}',
      'lora/adapter_model.safetensors': safetensors(),
      'draft.gguf': gguf(),
    });
    const made = await plan('FROM base\nADAPTER ./lora\nDRAFT ./draft.gguf', folder, {
      draftQuantize: 'Q4_0',
    });
    expect(made.request).toEqual({ model: 'mine', from: 'base', draft_quantize: 'Q4_0' });
    expect(names(made)).toEqual([
      'adapters/adapter_model.safetensors',
      'adapters/adapter_config.json',
      'draft_files/draft.gguf',
    ]);
    expect(names(await plan('FROM base\nADAPTER draft.gguf', folder))).toEqual(['adapters/draft.gguf']);
  });

  it('are refused without what belongs to them', async () => {
    const folder = folderOf({ 'adapter_model.safetensors': safetensors() });
    expect(await mistakeOf('FROM base\nADAPTER .', folder)).toContain('2:9: ');
    expect(await mistakeOf('FROM base\nADAPTER .', folder)).toContain('no adapter_config.json');
    expect(await mistakeOf('FROM base', folder, { draftQuantize: 'Q4_0' })).toContain(
      '--draft-quantize needs a DRAFT',
    );
  });
});
