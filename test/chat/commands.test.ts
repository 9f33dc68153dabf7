import { describe, expect, test } from 'vitest';
import { listHelp, readInput, unquoteBlock } from '../../src/chat/commands.js';

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
    ['/help', { type: 'help' }],
    ['  /?  ', { type: 'help' }],
    ['/clear', { type: 'clear' }],
    ['/bye', { type: 'leave' }],
    ['/exit', { type: 'leave' }],
    ['/model', { type: 'list-models' }],
    ['/model llama3.2:1b', { type: 'switch-model', name: 'llama3.2:1b' }],
    ['/set system Be brief. Be kind.', { type: 'set-system', text: 'Be brief. Be kind.' }],
    ['/set system """\nBe\nbrief\n"""', { type: 'set-system', text: 'Be\nbrief' }],
    ['/set system ""', { type: 'set-system', text: undefined }],
    ['/set parameter num_ctx 8192', { type: 'set-parameter', name: 'num_ctx', value: 8192 }],
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
    ['/set', 'Say what to set: /set system TEXT, or /set parameter NAME VALUE.'],
    ['/set sytem x', "/set does not know 'sytem'. Did you mean '/set system'?"],
    ['/set constructor x', 'Say what to set: /set system TEXT, or /set parameter NAME VALUE.'],
    ['/set system', 'Say what the system prompt is: /set system TEXT (or "" for none).'],
    ['/set parameter', 'Say which: /set parameter NAME VALUE.'],
    ['/set parameter num_ctx big', "num_ctx takes a whole number, not 'big'."],
  ])('answers %j with what is wrong', (input, message) => {
    expect(readInput(input)).toEqual({ type: 'reject', message });
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

test('every command that help lists is one that is read', () => {
  const usages = (listHelp()[0] ?? []).flatMap(([usage]) => usage.split(', '));
  expect(usages.length).toBeGreaterThan(5);
  for (const usage of usages) {
    const intent = readInput(usage);
    expect(JSON.stringify(intent)).not.toContain('Unknown command');
    expect(intent.type).not.toBe('message');
  }
});
