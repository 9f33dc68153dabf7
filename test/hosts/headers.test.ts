import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { resolveSettings } from '../../src/config/resolve.js';
import {
  isSecretName,
  parseHeaders,
  readConfiguredHeaders,
  readHeaderFile,
  readTypedHeaders,
} from '../../src/hosts/headers.js';

const folder = mkdtempSync(path.join(tmpdir(), 'headers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const io = { platform: 'linux' as const, cwd: folder, env: {} };

function write(name: string, text: string | Buffer, mode = 0o600): string {
  const file = path.join(folder, name);
  writeFileSync(file, text, { mode });
  chmodSync(file, mode);
  return file;
}

describe('a file of headers', () => {
  it.each<[string, string, Record<string, string>]>([
    [
      'one a line, in any case',
      'X-Team: blue\nAuthorization: Bearer t\n',
      { 'x-team': 'blue', authorization: 'Bearer t' },
    ],
    ['comments and empty lines left out', '# mine\n\n  x-a :  b c \r\n#x-b: d\n', { 'x-a': 'b c' }],
    ['a value with a colon', 'x-url: http://a:1', { 'x-url': 'http://a:1' }],
    ['an empty value', 'x-empty:', { 'x-empty': '' }],
    ['a token alone', '# of the box\nabc-DEF_1.2~+/==\n', { authorization: 'Bearer abc-DEF_1.2~+/==' }],
    ['a byte order mark', '\uFEFFx-a: b', { 'x-a': 'b' }],
  ])('has %s', (_, text, headers) => {
    expect(parseHeaders(text, 'f')).toEqual(headers);
  });

  it.each<[string, string, string]>([
    ['nothing', '# only this\n', 'f holds no header.'],
    ['two lines without a name', 'hush\nhush', 'f:1 is no header; one is written "Name: value".'],
    ['a name with a space', 'x-a: b\nmy secret: hush', 'f:2 is no header; one is written "Name: value".'],
    ['a control character', 'x-a: hush\u0007', 'f:1 is no header; one is written "Name: value".'],
    ['letters that no header may have', 'x-a: hush\u0416', 'f:1 is no header; one is written "Name: value".'],
    ['a name of every object', '__proto__: hush', 'f:1 is no header; one is written "Name: value".'],
    ['one twice', 'x-a: b\nX-A: hush', 'f:2: x-a is there twice.'],
    ['one that frames the message', 'Content-Length: 5', "f:1: content-length can't be set."],
    ['another', 'transfer-encoding: chunked', "f:1: transfer-encoding can't be set."],
  ])('with %s is refused by its line, and not quoted', (_, text, message) => {
    expect(() => parseHeaders(text, 'f')).toThrow(expect.objectContaining({ code: 'config', message }));
    expect(message).not.toContain('hush');
  });

  it('gives headers that can be sent, or an error that does not quote it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          for (const [name, value] of Object.entries(parseHeaders(text, 'f'))) {
            expect(name).toMatch(/^[^\s:\p{Lu}]+$/u);
            expect(value).not.toMatch(/[\r\n\0]/);
          }
        } catch (error) {
          expect(error).toMatchObject({ code: 'config' });
        }
      }),
    );
  });

  it.each([0o640, 0o604, 0o660, 0o777])(
    'that others can read (%o) is refused with the command that mends it',
    async (mode) => {
      const file = write('open', 'x-a: hush', mode);
      await expect(readHeaderFile(file, io)).rejects.toMatchObject({
        code: 'config',
        message: `header_file: ${file} can be read by others.`,
        hint: `chmod 600 ${file}`,
      });
      await expect(readHeaderFile(file, { platform: 'win32' })).resolves.toEqual({ 'x-a': 'hush' });
    },
  );

  it.each([0o600, 0o400])('of its owner alone (%o) is read', async (mode) => {
    await expect(readHeaderFile(write(`own${mode}`, 'x-a: b', mode), io)).resolves.toEqual({ 'x-a': 'b' });
  });

  it('that is none is told of by its name', async () => {
    const gone = path.join(folder, 'gone');
    await expect(readHeaderFile(gone, io)).rejects.toMatchObject({
      code: 'config',
      message: `header_file: ${gone} can't be read: there is no such file.`,
    });
    mkdirSync(path.join(folder, 'dir'));
    await expect(readHeaderFile(path.join(folder, 'dir'), io)).rejects.toMatchObject({ code: 'config' });
    const large = write('large', Buffer.alloc(70_000, 'a'));
    await expect(readHeaderFile(large, io)).rejects.toMatchObject({
      message: expect.stringContaining('64 kB'),
    });
  });
});

describe('--header', () => {
  it('takes files and lines, and the last one of a name wins', async () => {
    write('a.headers', 'x-team: red\nauthorization: Bearer t');
    await expect(readTypedHeaders(['@a.headers', 'X-Team: blue', 'x-b: c'], io)).resolves.toEqual({
      authorization: 'Bearer t',
      'x-team': 'blue',
      'x-b': 'c',
    });
  });

  it.each([
    'Authorization: Bearer hush',
    'Proxy-Authorization: hush',
    'Cookie: a=hush',
    'X-Api-Key: hush',
    'x-access-TOKEN: hush',
    'My-Secret: hush',
    'x-password: hush',
    'CF-Access-Client-Secret: hush',
  ])('refuses %s on the command line without quoting it', async (word) => {
    const error: unknown = await readTypedHeaders([word], io).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'usage', hint: expect.stringContaining('--header @FILE') });
    expect(`${(error as Error).message}${(error as { hint: string }).hint}`).not.toContain('hush');
  });

  it.each(['hush', 'no name: hush', ': hush', '', 'x-a: hu\nsh'])(
    'refuses %j without quoting it',
    async (word) => {
      const error: unknown = await readTypedHeaders([word], io).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'usage' });
      expect((error as Error).message).not.toContain('hu');
    },
  );

  it('knows what is no secret', () => {
    expect(['x-team', 'accept-language', 'x-forwarded-for', 'user-agent'].filter(isSecretName)).toEqual([]);
  });
});

describe('the credentials that are configured', () => {
  const user = (values: Record<string, string>) =>
    resolveSettings([
      {
        kind: 'user',
        file: '/u/config.yaml',
        values: new Map(Object.entries(values).map(([key, value]) => [key, { value }])),
      },
    ]);

  it('are the token of a variable, stronger than the file of headers', async () => {
    const file = write('both', 'x-a: b\nauthorization: Basic x');
    const config = user({ header_file: file, token_env: 'BOX' });
    await expect(readConfiguredHeaders(config, { ...io, env: { BOX: ' tok \n' } })).resolves.toEqual({
      'x-a': 'b',
      authorization: 'Bearer tok',
    });
    await expect(readConfiguredHeaders(user({ header_file: file }), io)).resolves.toEqual({
      'x-a': 'b',
      authorization: 'Basic x',
    });
  });

  it.each([
    [{ token_env: 'BOX' }, 'token_env: the variable BOX is not set.'],
    [
      { host: 'gpu', 'hosts.gpu.url': 'gpu:1', 'hosts.gpu.token_env': 'BOX' },
      'hosts.gpu.token_env: the variable BOX is not set.',
    ],
  ])('are missing by name: %j', async (values, message) => {
    for (const env of [{}, { BOX: ' ' }]) {
      await expect(readConfiguredHeaders(user(values), { ...io, env })).rejects.toMatchObject({
        code: 'config',
        message,
        hint: expect.stringContaining('BOX'),
      });
    }
  });

  it('are never quoted where they can not be sent', async () => {
    const error: unknown = await readConfiguredHeaders(user({ token_env: 'BOX' }), {
      ...io,
      env: { BOX: 'hush hush' },
    }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'config' });
    expect((error as Error).message).not.toContain('hush');
  });
});
