import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { baseUrlToHostRoot, isLoopback, isOpenAiCompatibleBaseUrl, parseHost } from '../../src/core/url.js';

/** What is written, the URL that is dialled, and the warnings' number where there are any. */
const ADDRESSES: readonly (readonly [written: string, url: string, warnings?: number])[] = [
  // envconfig's own table (config_test.go), with 0.0.0.0 and :1234 as a client has to dial them.
  ['', 'http://127.0.0.1:11434'],
  ['1.2.3.4', 'http://1.2.3.4:11434'],
  [':1234', 'http://127.0.0.1:1234'],
  ['1.2.3.4:1234', 'http://1.2.3.4:1234'],
  ['example.com', 'http://example.com:11434'],
  ['example.com:1234', 'http://example.com:1234'],
  [':0', 'http://127.0.0.1:0'],
  [':66000', 'http://127.0.0.1:11434', 1],
  [':-1', 'http://127.0.0.1:11434', 1],
  ['::1', 'http://[::1]:11434'],
  ['[::1]', 'http://[::1]:11434'],
  ['[::1]:1337', 'http://[::1]:1337'],
  [' 1.2.3.4 ', 'http://1.2.3.4:11434'],
  ['"1.2.3.4"', 'http://1.2.3.4:11434'],
  ["'1.2.3.4'", 'http://1.2.3.4:11434'],
  [' " 1.2.3.4 " ', 'http://1.2.3.4:11434'],
  ['\t\n1.2.3.4\n', 'http://1.2.3.4:11434'],
  ['http://1.2.3.4', 'http://1.2.3.4:80'],
  ['http://1.2.3.4:11434', 'http://1.2.3.4:11434'],
  ['https://1.2.3.4', 'https://1.2.3.4'],
  ['https://1.2.3.4:11434', 'https://1.2.3.4:11434'],
  ['https://example.com/ollama', 'https://example.com/ollama'],
  ['example.com/ollama', 'http://example.com:11434/ollama'],
  ['example.com:5678/ollama/', 'http://example.com:5678/ollama'],
  ['https://example.com:443//a//b/./', 'https://example.com/a/b'],
  ['ollama.com', 'https://ollama.com'],
  ['ollama.com:443', 'http://ollama.com:443'],
  ['HTTP://Example.COM', 'http://example.com:80'],
  ['http://localhost', 'http://localhost:80'],
  ['localhost', 'http://localhost:11434'],
  ['localhost:', 'http://localhost:11434', 1],
  ['localhost:x', 'http://localhost:11434', 1],
  ['localhost:+80', 'http://localhost:80'],
  ['localhost:-0', 'http://localhost:0'],
  ['https://localhost:65536', 'https://localhost', 1],
  ['2001:DB8:0:0::1', 'http://[2001:db8::1]:11434'],
  ['http://[2001:db8::1]', 'http://[2001:db8::1]:80'],
  ['my_box:1', 'http://my_box:1'],
  ['bücher.example', 'http://xn--bcher-kva.example:11434'],
  // What Ollama gets wrong.
  ['0.0.0.0', 'http://127.0.0.1:11434'],
  ['0.0.0.0:1234', 'http://127.0.0.1:1234'],
  ['http://0.0.0.0:80/x', 'http://127.0.0.1:80/x'],
  ['::', 'http://[::1]:11434'],
  ['[::]:1234', 'http://[::1]:1234'],
  ['[0:0::0]:1234', 'http://[::1]:1234'],
  ['127.1', 'http://127.0.0.1:11434'],
  ['0x7f.1', 'http://127.0.0.1:11434'],
  ['31001:80', 'http://0.0.121.25:80'],
  ['31001.example', 'http://31001.example:11434'],
  ['1e3', 'http://1e3:11434'],
  ['http://localhost:11434/v1', 'http://localhost:11434'],
  ['http://localhost:11434/v1/', 'http://localhost:11434'],
  ['http://localhost:11434/api', 'http://localhost:11434'],
  ['https://ollama.com/api/', 'https://ollama.com'],
  ['http://localhost:11434/', 'http://localhost:11434'],
  ['http://h:1/v1/x', 'http://h:1/v1/x'],
  ['http://h:1/pre/api', 'http://h:1/pre'],
  ['http://h:1/x?key=secret', 'http://h:1/x', 1],
  ['http://h:1#top', 'http://h:1', 1],
];

describe('parseHost', () => {
  const rows = ADDRESSES.map(([written, url, warnings = 0]) => ({ written, url, warnings }));
  test.each(rows)('reads "$written" as $url', ({ written, url, warnings }) => {
    const address = parseHost(written);
    expect(address.url).toBe(url);
    expect(address.warnings).toHaveLength(warnings);
  });

  test.each([
    ['ftp://h', 'ftp'],
    ['unix:///run/ollama.sock', 'unix'],
    ['://h', '""'],
  ])('refuses the scheme of %s', (written, named) => {
    expect(() => parseHost(written)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => parseHost(written)).toThrow(named);
  });

  test.each(['a b', 'h:1:2', 'a\\b', 'h%41', 'fe80::1%eth0', 'a<b'])(
    'refuses %j, which is no name of a server',
    (written) => {
      expect(() => parseHost(written)).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );

  test.each([
    ['31001', 'Did you mean :31001?'],
    [' 31001/ ', 'Did you mean :31001?'],
    ['0', 'HOST:PORT'],
    ['65536', 'HOST:PORT'],
    ['2130706433', 'HOST:PORT'],
    ['017700000001', 'HOST:PORT'],
    ['0x7f000001', 'HOST:PORT'],
    ['0X7F000001.', 'HOST:PORT'],
  ])('refuses the number %s, which nobody means as an address', (written, hint) => {
    expect(() => parseHost(written)).toThrow(
      expect.objectContaining({ code: 'usage', hint: expect.stringContaining(hint) as string }),
    );
  });

  test('makes an address of no number, whichever way it is written', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32), fc.constantFrom(8, 10, 16), (number, base) => {
        const prefix = { 8: '0', 10: '', 16: '0x' }[base] ?? '';
        expect(() => parseHost(prefix + number.toString(base))).toThrow('is a number');
      }),
    );
  });

  test.each([
    ['user:pass@h:1', 'user:pass', 'http://h:1'],
    ['http://user@h', 'user:', 'http://h:80'],
    ['https://us%40er:p%2Fw@h/x', 'us@er:p/w', 'https://h/x'],
    ['u:p@ss@h', 'u:p@ss', 'http://h:11434'],
    ['u:a:b@[::1]:5', 'u:a:b', 'http://[::1]:5'],
    ['u:100%@h', 'u:100%', 'http://h:11434'],
    ['u:ü@h', 'u:ü', 'http://h:11434'],
  ])('makes %s basic authentication and keeps it out of what is shown', (written, pair, url) => {
    const address = parseHost(written);
    expect(address.authorization).toBe(`Basic ${Buffer.from(pair).toString('base64')}`);
    expect(address.url).toBe(url);
    expect(address.display).not.toContain('@');
  });

  test.each(['ftp://me:secret@h', 'me:secret@a b', 'me:sec/secret@h', 'http://me:secret/x@h:1'])(
    'never repeats the password of %s in an error',
    (written) => {
      let message = '';
      try {
        parseHost(written);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toContain('***@');
      expect(message).not.toContain('secret');
    },
  );

  test('has no authorization without a user', () => {
    expect(parseHost('h').authorization).toBeUndefined();
  });

  test.each([
    ['127.0.0.1', '127.0.0.1:11434'],
    ['http://h', 'h:80'],
    ['https://h', 'https://h'],
    ['https://h:8443/x', 'https://h:8443/x'],
    ['::1', '[::1]:11434'],
  ])('shows %s to a person as %s', (written, shown) => {
    expect(parseHost(written).display).toBe(shown);
  });

  test('gives a transport its parts', () => {
    expect(parseHost('https://[::1]:8443/a/v1')).toMatchObject({
      protocol: 'https:',
      hostname: '::1',
      port: 8443,
      path: '/a',
      openAiCompatible: true,
    });
    expect(parseHost('h').openAiCompatible).toBe(false);
  });

  test('reads its own url again as the same', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
    const host = fc.oneof(
      label,
      fc.ipV4(),
      fc.ipV6().map((ip) => `[${ip}]`),
    );
    const path = fc.array(label, { maxLength: 3 }).map((parts) => parts.map((part) => `/${part}`).join(''));
    fc.assert(
      fc.property(
        fc.constantFrom('', 'http://', 'https://'),
        host,
        fc.option(fc.nat(70_000)),
        path,
        (scheme, name, port, prefix) => {
          const address = parseHost(`${scheme}${name}${port === null ? '' : `:${port}`}${prefix}`);
          const { protocol, hostname, port: dialled, path: kept, authorization } = address;
          const again = parseHost(address.url);
          // A prefix that ends in /v1/v1 loses one of them each time, as a person would want.
          fc.pre(!/\/(?:v1|api)$/.test(address.path));
          expect(again).toMatchObject({ protocol, hostname, port: dialled, path: kept, authorization });
          expect(again.url).toBe(address.url);
          expect(again.warnings).toEqual([]);
        },
      ),
    );
  });

  test('either reads a text or says "usage", whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        try {
          const { url, port } = parseHost(text);
          expect(URL.canParse(url)).toBe(true);
          expect(port >= 0 && port <= 65_535).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ name: 'OllamaError', code: 'usage' });
        }
      }),
    );
  });
});

test.each([
  ['localhost', true],
  ['LOCALHOST', true],
  ['localhost.', true],
  ['my.localhost', true],
  ['127.0.0.1', true],
  ['127.9.8.7', true],
  ['::1', true],
  ['[::1]', true],
  ['::ffff:7f00:1', true],
  ['128.0.0.1', false],
  ['127.0.0.1.example.com', false],
  ['notlocalhost', false],
  ['::2', false],
  ['::ffff:8000:1', false],
  ['10.0.0.1', false],
])('loopback: %s is %s', (name, expected) => {
  expect(isLoopback(name)).toBe(expected);
});

test.each([
  ['http://localhost:11434/v1', true],
  ['http://localhost:11434/v1/', true],
  [' "https://api.example.com/v1" ', true],
  ['http://localhost:11434', false],
  ['http://localhost:11434/v1/models', false],
  ['http://v1', false],
  ['http://localhost:11434/xv1', false],
])('%s is an OpenAI-compatible base: %s', (url, expected) => {
  expect(isOpenAiCompatibleBaseUrl(url)).toBe(expected);
});

test.each([
  ['http://localhost:11434/v1', 'http://localhost:11434'],
  ['http://localhost:11434/v1//', 'http://localhost:11434'],
  ['http://localhost:11434/', 'http://localhost:11434'],
  ['http://localhost:11434', 'http://localhost:11434'],
  ['https://h/pre/v1', 'https://h/pre'],
  ['https://h/v1/pre', 'https://h/v1/pre'],
  ['http://v1', 'http://v1'],
])('the root behind %s is %s', (url, root) => {
  expect(baseUrlToHostRoot(url)).toBe(root);
});
