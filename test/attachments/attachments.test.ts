import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  composeMessage,
  describeAttachment,
  mentionsImage,
  readAttachment,
} from '../../src/attachments/attachments.js';
import { ESCAPES } from '../support/run.js';

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
const JPEG = Buffer.from('ffd8ffe000104a464946', 'hex');
const WEBP = Buffer.from('RIFF\x10\0\0\0WEBPVP8 ', 'latin1');

let folder: string;
let home: string;
let io: { cwd: string; env: Record<string, string>; platform: NodeJS.Platform };
beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), 'attach-'));
  folder = path.join(home, 'work');
  mkdirSync(path.join(folder, 'src'), { recursive: true });
  io = { cwd: folder, env: { HOME: home }, platform: 'linux' };
  const write = (name: string, bytes: string | Buffer): void => writeFileSync(path.join(folder, name), bytes);
  write('a.ts', 'let a;\n');
  write('no-end', 'no line end');
  write('fenced.md', '```js\n1\n```\n');
  write('two words.txt', 'spaces\n');
  write('u16.txt', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('grüß', 'utf16le')]));
  write('u16be.txt', Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from('grüß', 'utf16le').swap16()]));
  write('bom.txt', '\ufeffmarked');
  write('nul.txt', 'a\0b');
  write('latin1.txt', Buffer.from('gr\xfc\xdf', 'latin1'));
  write('half.txt', Buffer.from('ü').subarray(0, 1));
  write('empty.txt', '');
  write('pic.png', PNG);
  write('pic.jpg', JPEG);
  write('pic.webp', WEBP);
  write('pic.gif', 'GIF89a....');
  write('renamed.png', 'no image at all\n');
  write('paper.pdf', '%PDF-1.7\n');
  write('bad\u001b[31m.txt', 'a\0');
  write('big.txt', 'x');
  truncateSync(path.join(folder, 'big.txt'), 10_000_001);
  write('big.png', PNG);
  truncateSync(path.join(folder, 'big.png'), 100_000_001);
  writeFileSync(path.join(home, 'mine.txt'), 'at home\n');
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('a file that goes with a message', () => {
  it.each([
    ['a.ts', 'let a;\n'],
    ['./a.ts', 'let a;\n'],
    ['~/mine.txt', 'at home\n'],
    ['two words.txt', 'spaces\n'],
    ['two\\ words.txt', 'spaces\n'],
    ['"two words.txt"', 'spaces\n'],
    ["'two words.txt'", 'spaces\n'],
    ['u16.txt', 'grüß'],
    ['u16be.txt', 'grüß'],
    ['bom.txt', 'marked'],
    ['empty.txt', ''],
  ])('is read as the text it is: %s', async (name, text) => {
    expect(await readAttachment(io, name, 'file')).toMatchObject({ kind: 'text', name, text });
    expect(await readAttachment(io, name, 'any')).toMatchObject({ kind: 'text', text });
  });

  it.each([
    ['pic.png', PNG],
    ['pic.jpg', JPEG],
    ['pic.webp', WEBP],
  ])('is read as the image it is: %s', async (name, bytes) => {
    const base64 = bytes.toString('base64');
    expect(await readAttachment(io, name, 'image')).toMatchObject({
      kind: 'image',
      base64,
      bytes: bytes.length,
    });
    expect(await readAttachment(io, name, 'any')).toMatchObject({ kind: 'image', base64 });
  });

  it.each([
    ['gone.txt', 'any', 'There is no file gone.txt.'],
    ['a.ts/b', 'file', 'There is no file a.ts/b.'],
    ['src', 'any', 'src is a folder, not a file.'],
    ['nul.txt', 'file', 'nul.txt is no text'],
    ['latin1.txt', 'any', 'latin1.txt is no text'],
    ['half.txt', 'any', 'half.txt is no text'],
    ['pic.png', 'file', 'pic.png is an image, not a text.'],
    ['pic.gif', 'image', 'pic.gif is a GIF; images are PNG, JPEG or WebP.'],
    ['pic.gif', 'any', 'pic.gif is a GIF; images are PNG, JPEG or WebP.'],
    ['renamed.png', 'image', 'renamed.png is no image; images are PNG, JPEG or WebP.'],
    ['paper.pdf', 'file', 'paper.pdf is a PDF.'],
    ['big.txt', 'file', 'big.txt has 10 MB or more; 10 MB are the most.'],
    ['big.png', 'image', 'big.png has 100 MB or more; 100 MB are the most.'],
    ['/dev/zero', 'any', '/dev/zero has 10 MB or more; 10 MB are the most.'],
    ['a\0b', 'any', "a b can't be read"],
  ] as const)('is refused by its name and what is wrong: %s as %s', async (name, kind, words) => {
    const error = await readAttachment(io, name, kind).then(
      () => expect.fail('it was read'),
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'usage' });
    expect((error as Error).message).toContain(words.replace('a b', 'ab'));
  });

  it.skipIf(userInfo().uid === 0)('that may not be read is told so', async () => {
    const file = path.join(folder, 'locked.txt');
    writeFileSync(file, 'x');
    chmodSync(file, 0);
    await expect(readAttachment(io, 'locked.txt', 'any')).rejects.toMatchObject({
      code: 'usage',
      message: 'locked.txt may not be read: permission denied.',
    });
  });

  it('is told without its escape sequences', async () => {
    await expect(readAttachment(io, 'bad\u001b[31m.txt', 'any')).rejects.toSatisfy(
      (error: Error) => !ESCAPES.test(error.message),
    );
  });

  it('may be a pipe', async () => {
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [read] = await Promise.all([
      readAttachment(io, 'pipe', 'file'),
      import('node:fs/promises').then(async ({ writeFile }) => await writeFile(pipe, 'piped\n')),
    ]);
    expect(read).toMatchObject({ text: 'piped\n', bytes: 6 });
  });

  it('has an image asked for before it is read, and a text not', async () => {
    let asked = 0;
    const refuse = async (): Promise<void> => {
      asked++;
      throw new Error('blind');
    };
    // Too large an image: had it been read, that would be the error.
    await expect(readAttachment(io, 'big.png', 'image', refuse)).rejects.toThrow('blind');
    await readAttachment(io, 'a.ts', 'any', refuse);
    expect(asked).toBe(1);
  });
});

describe('a message with files', () => {
  it('has the text, what was piped in, then each file under its name', async () => {
    const file = await readAttachment(io, 'no-end', 'file');
    const { message, notes } = await composeMessage(io, 'Explain @a.ts.', [file], { piped: 'from a pipe' });
    expect(message).toEqual({
      role: 'user',
      content: 'Explain @a.ts.\n\nfrom a pipe\n\nno-end:\n```\nno line end\n```\n\na.ts:\n```ts\nlet a;\n```',
    });
    expect(notes).toEqual(['attached a.ts (7 B)']);
  });

  it('has images apart, in order', async () => {
    const first = await readAttachment(io, 'pic.jpg', 'image');
    const { message, notes } = await composeMessage(io, 'What is on @pic.png?', [first]);
    expect(message).toEqual({
      role: 'user',
      content: 'What is on @pic.png?',
      images: [JPEG.toString('base64'), PNG.toString('base64')],
    });
    expect(notes).toEqual(['attached pic.png (image, 16 B)']);
    expect(describeAttachment(first)).toBe('attached pic.jpg (image, 10 B)');
  });

  it('fences a file so that nothing in it ends the fence', async () => {
    const { message } = await composeMessage(io, '', [await readAttachment(io, 'fenced.md', 'file')]);
    expect(message.content).toBe('fenced.md:\n````md\n```js\n1\n```\n````');
  });

  it('has each file once', async () => {
    const given = await readAttachment(io, 'a.ts', 'file');
    const { message, notes } = await composeMessage(io, '@a.ts and @./a.ts and @no-end @no-end', [given]);
    expect(message.content.match(/let a;/g)).toHaveLength(1);
    expect(notes).toEqual(['attached no-end (11 B)']);
  });

  it.each(['mail me@a.ts', '@nobody', 'in @src', 'plain', '@', 'me@example.com', '@gone.txt', '@"gone"'])(
    'is only its text where no file is named: %s',
    async (text) => {
      expect(await composeMessage(io, text)).toEqual({ message: { role: 'user', content: text }, notes: [] });
    },
  );

  it.each([
    '@"two words.txt"',
    "(see @'two words.txt')",
    'see @two\\ words.txt, please',
    '@~/mine.txt!',
    '"@a.ts"',
    '(@a.ts),',
    '@a.ts…',
    '`@a.ts`',
    'one\n@a.ts',
  ])('finds the file in: %s', async (text) => {
    const { message, notes } = await composeMessage(io, text);
    expect(notes).toHaveLength(1);
    expect(message.content.startsWith(`${text}\n\n`)).toBe(true);
  });

  it.each([
    ['see @a.ts and @pic.webp', true],
    ['see @a.ts', false],
    ['see @renamed.png and pic.png', false],
    ['see @pic.gif', false],
    ['@gone.png', false],
  ])('says before it is read whether there is an image in it: %s', async (text, expected) => {
    expect(await mentionsImage(io, text)).toBe(expected);
  });

  it('fails for a named file that can not go with it', async () => {
    await expect(composeMessage(io, 'see @pic.gif')).rejects.toMatchObject({ code: 'usage' });
  });
});
