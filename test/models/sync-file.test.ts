import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOllamaError } from '../../src/core/errors.js';
import { formatSyncFile, parseSyncFile } from '../../src/models/sync-file.js';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

async function failure(text: string, source = 'models.txt'): Promise<string> {
  try {
    parseSyncFile(text, source);
  } catch (error) {
    if (isOllamaError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'none';
}

describe('a sync file', () => {
  it.each([
    ['plain lines', `# ours\nllama3.2:1b\n\nqwen3 sha256:${A}  # pinned\nmine from qwen3:latest\n`, 'models'],
    [
      'YAML',
      `# ours\nmodels:\n\n  - {name: "qwen3", digest: "sha256:${A}"}\n  - name: mine\n    from: qwen3:latest\n  - llama3.2:1b\n`,
      'm.yaml',
    ],
    [
      'a list of YAML',
      `- llama3.2:1b\n- name: qwen3\n  digest: ${A}\n- name: mine\n  from: qwen3\n`,
      'models',
    ],
    [
      'JSON',
      JSON.stringify({
        models: [
          'llama3.2:1b',
          { name: 'qwen3', digest: `sha256:${A}` },
          { name: 'mine', from: 'qwen3:latest' },
        ],
      }),
      'x',
    ],
    [
      'JSON of an export',
      JSON.stringify({
        schema_version: 1,
        host: 'h',
        models: ['llama3.2:1b', { name: 'qwen3', digest: A.toUpperCase() }, { name: 'mine', from: 'qwen3' }],
      }),
      'x.json',
    ],
  ])('is read as %s', async (_, text, source) => {
    const models = parseSyncFile(text, source);
    expect(
      models.map(({ line: _line, ...model }) => model).sort((a, b) => (a.name < b.name ? -1 : 1)),
    ).toEqual([
      { name: 'llama3.2:1b' },
      { name: 'mine:latest', from: 'qwen3:latest' },
      { name: 'qwen3:latest', digest: `sha256:${A}` },
    ]);
  });

  it.each([
    ['', 'models.txt', ':1: it declares no models'],
    ['# nothing\n', 'models.txt', ':1: it declares no models'],
    ['', 'm.yaml', ':1: it declares no models'],
    ['models:\n', 'm.yaml', ':1: it declares no models'],
    ['a:1\nb:1\na:1\n', 'models.txt', ':3: a:1 stands in line 1 already'],
    ['a\nA:Latest\n', 'models.txt', ':2: A:Latest stands in line 1 already'],
    ['registry.ollama.ai/library/a:latest\na\n', 'models.txt', ':2: a:latest stands in line 1 already'],
    ['b from c\nc from b\n', 'models.txt', ':1: copies in a circle: b:latest from c:latest from b:latest'],
    ['a from a\n', 'models.txt', ':1: copies in a circle: a:latest from a:latest'],
    ['a\nb from c\nc from d\nd from c\n', 'models.txt', ':2: copies in a circle'],
    ['a\nb from nowhere\n', 'models.txt', ':2: b:latest is a copy of nowhere:latest, which'],
    ['a\nb from\n', 'models.txt', ':2: "from" can\'t stand behind a name'],
    ['a b\n', 'models.txt', ':1: "b" can\'t stand behind a name'],
    ['a from b c\n', 'models.txt', ':1: '],
    ['a sha256:12\n', 'models.txt', ':1: the digest of a:latest is not'],
    [
      'a sha256:' + A + '\nb sha256:' + B + ' from a\n',
      'models.txt',
      ':2: b:latest has another digest than a:latest',
    ],
    [
      'models:\n  - name: a\n  - nam: b\n',
      'm.yaml',
      ':3: "nam" is not known: a model has name, digest, from',
    ],
    ['modells:\n  - a\n', 'm.yaml', ':1: "modells" is not known'],
    ['models:\n  - name: a\n    name: b\n', 'm.yaml', ':3: it is neither YAML nor JSON'],
    ['models:\n  - [a]\n', 'm.yaml', ':2: a model is a name, or has'],
    ['models:\n  - digest: ' + A + '\n', 'm.yaml', ':2: a model has no name'],
    ['models:\n  - 7\n', 'm.yaml', ':2: a model has no name'],
    ['models: a\n', 'm.yaml', ':1: a list of models is wanted there'],
    ['models:\n  - name: a\n    digest: [1]\n', 'm.yaml', ':2: the digest of a:latest is not'],
    ['{"models": [\n"a",,\n]}', 'm.json', ':2: it is neither YAML nor JSON'],
    ['models:\n\t- a\n', 'm.yaml', ':2: it is neither YAML nor JSON'],
    ['a\u0000b', 'models.txt', ':1: it is no text'],
  ])('with a mistake is refused with its line: %j', async (text, source, words) => {
    const told = await failure(text, source);
    expect(told).toMatch(/^usage /);
    expect(told).toContain(`${source}${words}`);
  });

  it('names a bad name as one, with its line', async () => {
    expect(await failure('a\nb@c\n')).toMatch(/^invalid_name models\.txt:2: "b@c" is no model name/);
    expect(await failure('- a\n- from: "x y"\n  name: z\n')).toMatch(/^invalid_name models\.txt:2: /);
  });

  it('that is too large is refused', async () => {
    expect(await failure('x'.repeat(1_000_001))).toBe('usage models.txt:1: it is larger than 1 MB.');
  });

  it('of none is a list of none', async () => {
    expect(parseSyncFile('models: []\n', 'm.yaml')).toEqual([]);
    expect(parseSyncFile('[]', 'm')).toEqual([]);
  });

  it('with a long chain of copies, or a bomb of aliases, takes no time', async () => {
    const chain = Array.from({ length: 20_000 }, (_, i) =>
      i === 0 ? 'm0' : `m${i} from m${i - 1}`,
    ).reverse();
    expect(parseSyncFile(chain.join('\n'), 'x')).toHaveLength(20_000);
    const bomb = `a: &a [x]\nb: &b [${'*a,'.repeat(50)}]\nmodels: [${'*b,'.repeat(50)}]`;
    expect(await failure(bomb, 'm.yaml')).toMatch(/^usage m\.yaml:1: "a" is not known/);
  });

  it('written and read again is the same', async () => {
    const part = fc.stringMatching(/^[a-z0-9_][a-z0-9_.-]{0,8}$/);
    const name = fc
      .tuple(part, part)
      .map(([model, tag]) => `${model}:${tag}`)
      .filter((text) => !/cloud|local/.test(text));
    const model = fc.record({
      name,
      digest: fc.option(fc.constantFrom(`sha256:${A}`, `sha256:${B}`), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(model, { selector: (one) => one.name }), async (models) => {
        const declared = models.map((one) =>
          one.digest === undefined ? { name: one.name } : { ...one, digest: one.digest },
        );
        const [first] = declared;
        const all = first ? [...declared, { name: 'copy-of:first', from: first.name }] : declared;
        if (declared.some((one) => one.name === 'copy-of:first')) return;
        const again = parseSyncFile(formatSyncFile(all), 'x');
        expect(again.map(({ line: _line, ...one }) => one)).toEqual(all);
      }),
    );
  });

  it('of any text is read, or refused by name', async () => {
    const piece = fc.constantFrom(
      '- ',
      'models:',
      '\n',
      ' ',
      '{',
      '}',
      '[',
      ']',
      'name',
      ': ',
      'a',
      'from',
      '&x',
      '*x',
      '"',
      '#',
      '\t',
      'sha256:',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
        expect(await failure(pieces.join(''), 'm.yaml')).toMatch(
          /^(?:none|usage m\.yaml:\d|invalid_name m\.yaml:\d)/,
        );
        expect(await failure(pieces.join(''), 'm')).toMatch(/^(?:none|usage m:\d|invalid_name m:\d)/);
      }),
    );
  });
});
