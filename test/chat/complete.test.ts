import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readInput } from '../../src/chat/commands.js';
import { completeInput } from '../../src/chat/complete.js';
import { findMentions } from '../../src/attachments/mentions.js';

const isPosix = process.platform !== 'win32';
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'complete-'));
  for (const name of ['work', 'work/src', 'work/my notes', 'home', 'home/docs'])
    mkdirSync(path.join(folder, name));
  const files = ['main.ts', 'map.ts', 'README.md', '.hidden', 'my notes/one two.md', 'src/a.ts'];
  for (const name of files) writeFileSync(path.join(folder, 'work', name), '');
  writeFileSync(path.join(folder, 'home', 'letter.txt'), '');
  if (isPosix) {
    writeFileSync(path.join(folder, 'work', 'bad\u001B]0;x\u0007.md'), '');
    writeFileSync(path.join(folder, 'work', 'say "hi".md'), '');
    writeFileSync(path.join(folder, 'work', '\'"both.md'), '');
    symlinkSync('src', path.join(folder, 'work', 'link'));
    symlinkSync('nowhere', path.join(folder, 'work', 'lost'));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MODELS = ['llama3.2:1b', 'llama3.2:3b', 'qwen3:8b', 'hf.co/org/coder:Q4', 'bad\u001B[31m'];

/** Completes a text in which `|` is the cursor; gives the whole texts that the options would make. */
async function complete(marked: string): Promise<string[]> {
  const cursor = marked.indexOf('|');
  const text = marked.replace('|', '');
  const { from, to, options } = await completeInput(text, cursor, {
    models: () => Promise.resolve(MODELS),
    cwd: path.join(folder, 'work'),
    home: path.join(folder, 'home'),
  });
  return options.map((option) => `${text.slice(0, from)}${option}|${text.slice(to)}`);
}

describe('Tab', () => {
  test.each<[string, readonly string[]]>([
    // commands
    ['/mo|', ['/model |']],
    ['/MO|', ['/model |']],
    ['/mo| x', ['/model| x']],
    ['/s|', ['/system|', '/set|', '/show|', '/stats|', '/save|', '/sessions|']],
    ['/clea|', ['/clear|']],
    ['/nothing|', []],
    ['say /mo|', []],
    ['one\n/mo|', []],
    // their words
    ['/set p|', ['/set parameter |']],
    ['/set no|', ['/set noformat|', '/set nothink|']],
    ['/set parameter temp|', ['/set parameter temperature |']],
    ['/set parameter temperature 0.|', []],
    ['/think h|', ['/think high|']],
    ['/th h|', ['/th high|']],
    ['/show te|', ['/show template|']],
    ['/help ret|', ['/help retry|']],
    // models: a colon is no end of a word
    ['/model llama3.2:|', ['/model llama3.2:1b|', '/model llama3.2:3b|']],
    ['/model Q|', ['/model qwen3:8b|']],
    ['/model coder|', ['/model hf.co/org/coder:Q4|']],
    ['/model b|', ['/model llama3.2:1b|', '/model llama3.2:3b|', '/model qwen3:8b|']],
    ['/model x y|', []],
    // files
    ['read @ma|', ['read @main.ts|', 'read @map.ts|']],
    ['read @mai| and go', ['read @main.ts| and go']],
    ['read @mai|, please', ['read @main.ts |, please']],
    ['@read|', ['@README.md |']],
    ['@my|', ['@"my notes/|']],
    ['@"my notes/|', ['@"my notes/one two.md" |']],
    ['@"my notes/|" ok', ['@"my notes/one two.md"| ok']],
    ['@my\\ notes/o|', ['@"my notes/one two.md" |']],
    ["@'my notes/o|", ["@'my notes/one two.md' |"]],
    ['@src/|', ['@src/a.ts |']],
    ['@~|', ['@~/|']],
    ['@~/|', ['@~/docs/|', '@~/letter.txt|']],
    ['@.h|', ['@.hidden |']],
    ['@nowhere/|', []],
    ['mail me@ma|', []],
    ['(@mai|', ['(@main.ts |']],
    ['/file my n|', ['/file my notes/|']],
    ['/file my notes/o|', ['/file my notes/one two.md|']],
    ['/file "my notes/o|', ['/file "my notes/one two.md"|']],
    ['/image ~/l|', ['/image ~/letter.txt|']],
    ['/export ma|', ['/export main.ts|', '/export map.ts|']],
    ['', []],
    ['plain text|', []],
  ])('makes of %j %j', async (before, after) => {
    expect(await complete(before.includes('|') ? before : `${before}|`)).toEqual(after);
  });

  test.skipIf(!isPosix)(
    'offers no name that hides control characters, and folders behind links as such',
    async () => {
      const options = await complete('@|');
      expect(options.join()).not.toMatch(/bad|lost|both/);
      expect(options).toContain('@link/|');
      expect(options).toContain(`@'say "hi".md'|`);
    },
  );

  test('completes what the chat reads as it was meant', async () => {
    const [mention = ''] = await complete('see @"my notes/|');
    expect(findMentions(mention.replace('|', ''))).toMatchObject([{ names: ['my notes/one two.md'] }]);
    const words = await complete('/set |');
    for (const word of words) {
      const intent = readInput(word.replace('|', ''));
      if (intent.type === 'reject') expect(intent.message).not.toContain('does not know');
    }
    for (const word of await complete('/think |')) {
      expect(readInput(word.replace('|', ''))).toMatchObject({ type: 'set-think' });
    }
  });
});
