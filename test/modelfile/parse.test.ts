import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOllamaError } from '../../src/core/errors.js';
import { decodeModelfile } from '../../src/modelfile/decode-text.js';
import { parseModelfile } from '../../src/modelfile/parse.js';

/** The instructions as pairs of Ollama's own test: the parameter's name instead of the word, the role before the text. */
function read(text: string): [string, string][] {
  return parseModelfile(text, 'Modelfile').commands.map(({ word, key, value }) => {
    if (word === 'message') return [word, `${key}: ${value}`];
    return [word === 'parameter' ? key : word, value];
  });
}

function mistakeOf(text: string): string {
  try {
    parseModelfile(text, 'Modelfile');
  } catch (error) {
    if (isOllamaError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'no mistake';
}

const TEMPLATE = `{{ if .System }}<|start_header_id|>system<|end_header_id|>

{{ .System }}<|eot_id|>{{ end }}`;

// The cases of Ollama's parser/parser_test.go, each as that parser reads it.
describe('a Modelfile is read as Ollama reads it', () => {
  it.each<[string, [string, string][]]>([
    [
      `\nFROM model1\nADAPTER adapter1\nLICENSE MIT\nPARAMETER param1 value1\nPARAMETER param2 value2\nTEMPLATE """${TEMPLATE}"""    \n`,
      [
        ['from', 'model1'],
        ['adapter', 'adapter1'],
        ['license', 'MIT'],
        ['param1', 'value1'],
        ['param2', 'value2'],
        ['template', TEMPLATE],
      ],
    ],
    [
      '\nFROM base\nDRAFT ./assistant\n',
      [
        ['from', 'base'],
        ['draft', './assistant'],
      ],
    ],
    [
      `\nFROM "     model 1"\nADAPTER      adapter3\nLICENSE "MIT       "\nPARAMETER param1        value1\nTEMPLATE """   ${TEMPLATE}   """    \n`,
      [
        ['from', '     model 1'],
        ['adapter', 'adapter3'],
        ['license', 'MIT       '],
        ['param1', 'value1'],
        ['template', `   ${TEMPLATE}   `],
      ],
    ],
    ['FROM "FOO  BAR  "', [['from', 'FOO  BAR  ']]],
    ['FROM     FOOO BAR    ', [['from', 'FOOO BAR']]],
    ['FROM /what/is/the path ', [['from', '/what/is/the path']]],
    ['FROM llama3:7b-instruct-q4_K_M', [['from', 'llama3:7b-instruct-q4_K_M']]],
    [
      'PARAMETER what the \nFROM lemons make lemonade ',
      [
        ['what', 'the'],
        ['from', 'lemons make lemonade'],
      ],
    ],
    [
      '\nFROM foo\nRENDERER renderer1\nPARSER parser1\nREQUIRES 0.14.0\n',
      [
        ['from', 'foo'],
        ['renderer', 'renderer1'],
        ['parser', 'parser1'],
        ['requires', '0.14.0'],
      ],
    ],
    [
      '\nFROM foo\nMESSAGE system You are a file parser. Always parse things.\nMESSAGE user Hey there!',
      [
        ['from', 'foo'],
        ['message', 'system: You are a file parser. Always parse things.'],
        ['message', 'user: Hey there!'],
      ],
    ],
    [
      '\nFROM foo\nMESSAGE system """\nYou are a parser.\n"""\n\t\t\t',
      [
        ['from', 'foo'],
        ['message', 'system: \nYou are a parser.\n'],
      ],
    ],
    [
      '\nFROM foo\nSYSTEM """This is a\nmultiline system."""\n\t\t\t',
      [
        ['from', 'foo'],
        ['system', 'This is a\nmultiline system.'],
      ],
    ],
    [
      '\nFROM foo\nSYSTEM """\nThis is with "quotes".\n"""\n',
      [
        ['from', 'foo'],
        ['system', '\nThis is with "quotes".\n'],
      ],
    ],
    [
      '\nFROM foo\nSYSTEM """"""\n',
      [
        ['from', 'foo'],
        ['system', ''],
      ],
    ],
    [
      '\nFROM foo\nSYSTEM ""\n',
      [
        ['from', 'foo'],
        ['system', ''],
      ],
    ],
    [
      `\nFROM foo\nSYSTEM "'"\n`,
      [
        ['from', 'foo'],
        ['system', "'"],
      ],
    ],
    [
      `\nFROM foo\nSYSTEM """''"'""'""'"'''''""'""'"""\n`,
      [
        ['from', 'foo'],
        ['system', `''"'""'""'"'''''""'""'`],
      ],
    ],
    [
      '\nFROM foo\nTEMPLATE """\n{{ .Prompt }}\n"""',
      [
        ['from', 'foo'],
        ['template', '\n{{ .Prompt }}\n'],
      ],
    ],
    ['\n# comment\nFROM foo\n\t', [['from', 'foo']]],
    [
      'FROM test\n\tSYSTEM 你好👋',
      [
        ['from', 'test'],
        ['system', '你好👋'],
      ],
    ],
  ])('%j', (text, commands) => expect(read(text)).toEqual(commands));

  it.each([
    ['numa true', 'numa', 'true'],
    ['top_p 1.0', 'top_p', '1.0'],
    ['stop ### User: ', 'stop', '### User:'],
    ['stop "### User: "', 'stop', '### User: '],
    ['stop """### User:\n"""', 'stop', '### User:\n'],
    ['stop <|eot_id|>', 'stop', '<|eot_id|>'],
    ['stop </s>', 'stop', '</s>'],
  ])('PARAMETER %j', (text, name, value) => {
    expect(read(`FROM foo\nPARAMETER ${text}\n`)).toEqual([
      ['from', 'foo'],
      [name, value],
    ]);
  });

  it('in any case of letters, with several blanks, and with quotes inside of quotes', () => {
    expect(
      read('from foo\n  Parameter   stop   x\nMessage  user  hi\nsystem "a" or "b"\nLICENSE a # b'),
    ).toEqual([
      ['from', 'foo'],
      ['stop', 'x'],
      ['message', 'user: hi'],
      ['system', 'a" or "b'],
      ['license', 'a # b'],
    ]);
  });

  it('with a blank and nothing behind it, as Ollama itself writes an empty text', () => {
    expect(
      read('FROM foo\nSYSTEM \nTEMPLATE\t\nRENDERER \nMESSAGE user \nPARAMETER stop \nLICENSE '),
    ).toEqual([
      ['from', 'foo'],
      ['system', ''],
      ['template', ''],
      ['renderer', ''],
      ['message', 'user: '],
      ['stop', ''],
      ['license', ''],
    ]);
  });

  it('with characters that are not seen, where they mean nothing', () => {
    const text =
      '\u200bFROM fo\u200bo\u200b\n\u00a0SYSTEM \u200b"""a\u200db"""\ufeff\n\fPARAMETER stop <\u200d>';
    expect(read(text)).toEqual([
      ['from', 'foo'],
      ['system', 'a\u200db'],
      ['stop', '<\u200d>'],
    ]);
  });

  it.each<[string, (text: string) => Buffer]>([
    ['UTF-8 with a mark', (text) => Buffer.from(`\ufeff${text}`)],
    ['UTF-16, little end first', (text) => Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16, big end first', (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
    ['lines of Windows', (text) => Buffer.from(text.replaceAll('\n', '\r\n'))],
  ])('in %s', (_, encode) => {
    const text = 'FROM bob\nPARAMETER num_ctx 4096\nSYSTEM """你好👋\nthere"""\n';
    expect(read(decodeModelfile(encode(text), 'Modelfile'))).toEqual([
      ['from', 'bob'],
      ['num_ctx', '4096'],
      ['system', '你好👋\nthere'],
    ]);
  });
});

describe('a mistake in a Modelfile', () => {
  const lines = ['FROM foo', '# c', 'SYSTEM """a', 'b"""', '\tSYTEM x'];
  it.each<[string, Buffer]>([
    ['lines of Windows', Buffer.from(lines.join('\r\n'))],
    ['lines of an old Mac', Buffer.from(lines.join('\r'))],
    ['a mark', Buffer.from(`\ufeff${lines.join('\n')}`)],
    ['UTF-16', Buffer.from(`\ufeff${lines.join('\r\n')}`, 'utf16le')],
  ])('has its place in a file with %s', (_, bytes) => {
    expect(mistakeOf(decodeModelfile(bytes, 'Modelfile'))).toContain('Modelfile:5:2: "SYTEM" is no');
    const first = mistakeOf(decodeModelfile(Buffer.from('\ufeffFRM foo'), 'Modelfile'));
    expect(first).toContain('Modelfile:1:1:');
  });

  it.each([
    ['', '1:1: there is no FROM.'],
    ['PARAMETER a 1', '1:1: there is no FROM.'],
    ['FROM', '1:5: FROM needs a model'],
    ['FROM   \nSYSTEM x', '1:8: FROM needs a model'],
    ['FROM ""', '1:6: FROM needs a model'],
    ['FROM foo\n  BADCOMMAND x', '2:3: "BADCOMMAND" is no instruction.'],
    ['FROM foo\nSYTEM x', '2:1: "SYTEM" is no instruction. Did you mean SYSTEM?'],
    ['FRØM foo', '1:1: "FRØM" is no instruction.'],
    ['FROM foo\nSYSTEM', '2:7: SYSTEM needs a text.'],
    ['FROM foo\nPARAMETER', '2:10: PARAMETER needs a name and a value'],
    ['FROM foo\nPARAMETER top_k', '2:16: PARAMETER needs a name and a value'],
    ['FROM foo\nPARAMETER top_k=1', '2:11: "top_k=1" is no parameter\'s name'],
    ['FROM foo\nPARAMETER top-k 1', '2:11: "top-k" is no parameter\'s name'],
    ['FROM foo\nMESSAGE', '2:8: MESSAGE needs a role and a text'],
    ['FROM foo\nMESSAGE system', '2:15: MESSAGE needs a role and a text'],
    ["FROM foo\nMESSAGE badguy I'm bad", '2:9: "badguy" is no role: it is system, user or assistant.'],
    ['FROM foo\nMESSAGE User hi', '2:9: "User" is no role'],
    ['FROM foo\nSYSTEM """never\nclosed""', '2:8: the quote """ that opens here is never closed'],
    ['FROM foo\nSYSTEM "\n', '2:8: the quote " that opens here is never closed'],
    ['FROM foo\nSYSTEM """"', '2:8: the quote """ that opens here'],
    ['FROM foo\n# 👋\n\tSYSTEM 👋\n 👋 x', '4:2: "👋" is no instruction.'],
    ['FROM foo\nTEMPLATE """a\nb"""\n\nX y', '5:1: "X" is no instruction.'],
  ])('%j is told with its place', (text, message) => {
    expect(mistakeOf(text)).toContain(`usage Modelfile:${message}`);
  });

  it('does not repeat a word without an end', () => {
    expect(mistakeOf('x'.repeat(10_000)).length).toBeLessThan(100);
  });

  it.each([
    [Buffer.from('GGUF\u0003\0\0\0'), '1:1: this is a GGUF file'],
    [Buffer.from('FROM x\0y'), '1:1: this is no text'],
  ])('%j is no Modelfile', (bytes, message) => {
    expect(() => decodeModelfile(bytes, 'model')).toThrow(`model:${message}`);
  });
});

/** Writes instructions as a Modelfile; the inverse of reading. */
function write(commands: readonly [string, string, string][]): string {
  return commands.map(([word, key, value]) => `${word} ${key} """${value}"""\n`).join('');
}

describe('any text', () => {
  const piece = fc.constantFrom(
    'FROM',
    'from a',
    'SYSTEM',
    'MESSAGE',
    'user',
    'PARAMETER',
    '"""',
    '"',
    '#',
    ' ',
    '\t',
    '\n',
    'x',
    '👋',
    '\0',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece).map((pieces) => pieces.join('')),
  );

  it('is read, or refused with a place that is in it', () => {
    fc.assert(
      fc.property(text, (any) => {
        const told = mistakeOf(any);
        const place = /^usage Modelfile:(\d+):(\d+): /.exec(told);
        if (!place) {
          expect(told).toBe('no mistake');
          return;
        }
        const line = any.split('\n')[Number(place[1]) - 1];
        expect(line).toBeDefined();
        expect(Number(place[2])).toBeLessThanOrEqual([...(line ?? '')].length + 1);
      }),
      { numRuns: 1000 },
    );
  });

  it('comes back from a Modelfile as it was put in', () => {
    // A quote at the end of a line can't be told from the end of the quoting; control characters are left out.
    const value = fc.string({ unit: 'grapheme' }).filter((any) => !/["\p{Cc}]/u.test(any));
    const several = fc.array(
      fc.tuple(fc.constantFrom('SYSTEM', 'LICENSE', 'TEMPLATE'), fc.constant(''), value),
    );
    fc.assert(
      fc.property(several, (commands) => {
        const whole: [string, string, string][] = [['FROM', '', 'base'], ...commands];
        expect(read(write(whole))).toEqual(whole.map(([word, , any]) => [word.toLowerCase(), any]));
      }),
    );
  });

  it('of many lines is read in a moment, whatever they hold', () => {
    const lines = '\n'.repeat(300_000);
    expect(read(`FROM a\nSYSTEM """x${lines}y"""`)[1]).toEqual(['system', `x${lines}y`]);
    expect(mistakeOf(`FROM a\nSYSTEM "x${lines}`)).toContain('2:8: the quote');
  });
});
