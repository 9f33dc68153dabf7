import { describe, expect, test } from 'vitest';
import { listHelp, readInput } from '../../src/chat/commands.js';
import { unquoteBlock } from '../../src/chat/read-words.js';
import { COMMAND_NAMES, SLASH_COMMANDS } from '../../src/chat/slash-commands.js';

test('commands are offered in the order of the help, other names for them last', () => {
  expect(COMMAND_NAMES.slice(0, 3)).toEqual(['retry', 'continue', 'edit']);
  expect(COMMAND_NAMES.slice(-5)).toEqual(['bye', 'list', '?', 'exit', 'quit']);
});

describe('readInput', () => {
  test.each([
    ['hello', { type: 'message', text: 'hello' }],
    ['  hello\nthere  ', { type: 'message', text: 'hello\nthere' }],
    ['"""\nlong\ntext\n"""', { type: 'message', text: 'long\ntext' }],
    ['/home/me/notes.txt says what?', { type: 'message', text: '/home/me/notes.txt says what?' }],
    ['/etc.conf', { type: 'message', text: '/etc.conf' }],
    ['/* a comment */', { type: 'message', text: '/* a comment */' }],
    ['// a comment', { type: 'message', text: '// a comment' }],
    ['//help', { type: 'message', text: '/help' }],
    ['/', { type: 'message', text: '/' }],
    ['/help', { type: 'help', about: undefined }],
    ['  /?  ', { type: 'help', about: undefined }],
    ['/help /copy', { type: 'help', about: 'copy' }],
    ['/set', { type: 'help', about: 'set' }],
    ['/clear', { type: 'clear' }],
    ['/bye', { type: 'leave' }],
    ['/exit', { type: 'leave' }],
    ['/model', { type: 'list-models' }],
    ['/model llama3.2:1b', { type: 'switch-model', name: 'llama3.2:1b' }],
    ['/set system Be brief. Be kind.', { type: 'set-system', text: 'Be brief. Be kind.' }],
    ['/set system """\nBe\nbrief\n"""', { type: 'set-system', text: 'Be\nbrief' }],
    ['/set system ""', { type: 'set-system', text: undefined }],
    ['/set parameter num_ctx 8192', { type: 'set-parameter', name: 'num_ctx', value: 8192 }],
    ['/set parameter num_ctx 16k', { type: 'set-parameter', name: 'num_ctx', value: 16_384 }],
    ['/set parameter num_ctx default', { type: 'set-parameter', name: 'num_ctx', value: undefined }],
    ['/set parameter stop default', { type: 'set-parameter', name: 'stop', value: undefined }],
    ['/system', { type: 'show-system' }],
    ['/system Be brief.', { type: 'set-system', text: 'Be brief.' }],
    ['/system ""', { type: 'set-system', text: undefined }],
    ['/think', { type: 'show-think' }],
    ['/think off', { type: 'set-think', think: false }],
    ['/think max', { type: 'set-think', think: 'max' }],
    ['/set think', { type: 'set-think', think: true }],
    ['/set think low', { type: 'set-think', think: 'low' }],
    ['/set nothink', { type: 'set-think', think: false }],
    ['/set format json', { type: 'set-format', format: 'json' }],
    ['/set noformat', { type: 'set-format', format: undefined }],
    ['/set quiet', { type: 'set-numbers', areShown: false }],
    ['/set verbose', { type: 'set-numbers', areShown: true }],
    ['/show', { type: 'show', part: undefined }],
    ['/show modelfile', { type: 'show', part: 'modelfile' }],
    ['/list', { type: 'list-models' }],
    ['/retry', { type: 'retry' }],
    ['/continue', { type: 'continue' }],
    ['/edit', { type: 'edit' }],
    ['/undo', { type: 'undo', turns: 1 }],
    ['/undo 3', { type: 'undo', turns: 3 }],
    ['/compact', { type: 'compact' }],
    ['/stats', { type: 'stats' }],
    ['/file a b.txt', { type: 'attach', kind: 'file', path: 'a b.txt' }],
    ['/image "a b.png"', { type: 'attach', kind: 'image', path: 'a b.png' }],
    ['/image none', { type: 'detach' }],
    ['/file', { type: 'list-attached' }],
    ['/copy', { type: 'copy', block: undefined }],
    ['/copy 2', { type: 'copy', block: 2 }],
    ['/save', { type: 'save', title: undefined }],
    ['/save My talk', { type: 'save', title: 'My talk' }],
    ['/load 2026', { type: 'load', name: '2026' }],
    ['/sessions', { type: 'list-sessions' }],
    ['/export "a b.md"', { type: 'export', file: 'a b.md' }],
    ['/quit', { type: 'leave' }],
    // The beginning of a name is enough where it is the beginning of one alone, as in Ollama's chat.
    ['/mod x', { type: 'switch-model', name: 'x' }],
    ['/q', { type: 'leave' }],
    ['/set parameter stop "a b" c', { type: 'set-parameter', name: 'stop', value: ['a b', 'c'] }],
  ])('reads %j', (input, intent) => {
    expect(readInput(input)).toEqual(intent);
  });

  test.each([
    ['/modle', "Unknown command '/modle'. Did you mean '/model'? /help lists them."],
    ['/xyzzy', "Unknown command '/xyzzy'. /help lists them."],
    ['/HELP', "Unknown command '/HELP'. Did you mean '/help'? /help lists them."],
    ['/clear all', '/clear takes nothing after it.'],
    ['/model a b', '/model takes one name.'],
    ['/s', "'/s' may be /system, /set, /show, /stats, /save, /sessions."],
    ['/set parameter seed 1k', "seed takes a whole number, not '1k'."],
    ['/set parameter nothing default', "Unknown parameter 'nothing'."],
    ['/set parameter min_p 2', "min_p takes a number from 0 to 1, not '2'."],
    ['/think hard', "Thinking is on, off, low, medium, high or max, not 'hard'."],
    ['/undo x', '/undo takes a number of turns.'],
    ['/undo 0', '/undo takes a number of turns.'],
    ['/copy all', '/copy takes the number of a block of code: /copy 1.'],
    ['/load', 'Say which: /load ID or NAME; /sessions lists them.'],
    ['/export', 'Say where to: /export FILE.md or FILE.json.'],
    ['/show sistem', "/show does not know 'sistem'. Did you mean '/show system'?"],
    ['/set format xml', 'The format is json: /set format json, and /set noformat goes back to text.'],
    ['/set sytem x', "/set does not know 'sytem'. Did you mean '/set system'?"],
    ['/set constructor x', "/set does not know 'constructor'. It knows system, parameter, think,"],
    ['/set system', 'Say what the system prompt is: /set system TEXT (or "" for none).'],
    ['/set parameter', 'Say which: /set parameter NAME VALUE.'],
    ['/set parameter num_ctx big', "num_ctx takes a whole number, not 'big'."],
  ])('answers %j with what is wrong', (input, message) => {
    expect(readInput(input)).toMatchObject({
      type: 'reject',
      message: expect.stringContaining(message) as string,
    });
  });
});

test.each([
  ['"""a"""', 'a'],
  ['"""\na\n\nb\n"""', 'a\n\nb'],
  ['"""a""" b', '"""a""" b'],
  ['"""a""" and """b"""', '"""a""" and """b"""'],
  ['"""', '"""'],
  ['""""', '""""'],
  ['plain', 'plain'],
])('unquoteBlock makes %j into %j', (text, inner) => {
  expect(unquoteBlock(text)).toBe(inner);
});

test('every command of the table is in the help, and every usage there is read', () => {
  const [commands = []] = listHelp() ?? [];
  const usages = commands.flatMap(([usage]) => usage.split(', ')).filter((usage) => usage.startsWith('/'));
  expect(usages.length).toBeGreaterThan(20);
  for (const usage of usages)
    expect(JSON.stringify(readInput(usage))).not.toMatch(/Unknown command|"message","text"/);
  for (const { name } of SLASH_COMMANDS) {
    if (name !== 'list') expect(usages.some((usage) => usage.startsWith(`/${name}`))).toBe(true);
  }
});

test('no name is another one, and each leads to its own command', () => {
  expect(new Set(COMMAND_NAMES).size).toBe(COMMAND_NAMES.length);
  for (const name of COMMAND_NAMES) expect(listHelp(name), name).toBeDefined();
  expect(listHelp('copy')).toEqual([[['/copy, /copy 1', expect.any(String)]]]);
  expect(listHelp('keys')?.[0]?.map(([key]) => key)).toContain('Ctrl-C');
  expect(listHelp('s')).toBeUndefined();
});
