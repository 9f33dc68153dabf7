import { describe, expect, test } from 'vitest';
import { startQuestions } from '../../../src/views/chat/questions.js';

const QUESTION = {
  title: 'May it?',
  details: [],
  choices: [
    { key: 'once', label: 'once', letter: 'o' },
    { key: 'always', label: 'always', letter: 'a' },
  ],
};

function ask() {
  let now = 10_000;
  const questions = startQuestions(
    () => now,
    () => undefined,
  );
  return { questions, pass: (ms: number) => (now += ms), signal: new AbortController() };
}

describe('a question', () => {
  test.each([
    ['Enter', [['send', undefined]], 'once'],
    ['a letter', [[undefined, 'A']], 'always'],
    ['a number', [[undefined, '2']], 'always'],
    [
      'an arrow and Enter',
      [
        ['down', undefined],
        ['send', undefined],
      ],
      'always',
    ],
    [
      'an arrow up from the first',
      [
        ['up', undefined],
        ['send', undefined],
      ],
      'always',
    ],
    [
      'what is no answer, then one',
      [
        [undefined, 'x'],
        ['newline', undefined],
        [undefined, 'o'],
      ],
      'once',
    ],
    ['Esc', [['escape', undefined]], undefined],
    ['Ctrl-C', [['interrupt', undefined]], undefined],
  ] as const)('is answered by %s', async (_, keys, answer) => {
    const { questions, pass, signal } = ask();
    const chosen = questions.choose(QUESTION, signal.signal);
    questions.noteDrawn();
    pass(300);
    for (const [action, text] of keys) questions.press(action, text);
    expect(await chosen).toBe(answer);
    expect(questions.asking()).toBeUndefined();
  });

  test('ends unanswered where its work is aborted, before or after it was asked', async () => {
    const { questions, signal } = ask();
    const chosen = questions.choose(QUESTION, signal.signal);
    signal.abort();
    expect(await chosen).toBeUndefined();
    expect(await questions.choose(QUESTION, signal.signal)).toBeUndefined();
  });

  test('does not take the next letter of a word that is being written for its answer', async () => {
    const { questions, pass, signal } = ask();
    questions.noteWriting(true);
    pass(200);
    const chosen = questions.choose(QUESTION, signal.signal);
    questions.noteDrawn();
    pass(300);
    questions.press(undefined, 'a');
    pass(300);
    questions.press(undefined, 'a');
    expect(questions.asking()).toBeDefined();
    pass(700);
    questions.press(undefined, 'o');
    expect(await chosen).toBe('once');
  });

  test('takes a letter soon where nothing is being written', async () => {
    const { questions, pass, signal } = ask();
    questions.noteWriting(false);
    const chosen = questions.choose(QUESTION, signal.signal);
    questions.noteDrawn();
    pass(300);
    questions.press(undefined, 'a');
    expect(await chosen).toBe('always');
  });

  test('takes no key that came before it could be read, but those that turn away', async () => {
    const { questions, pass, signal } = ask();
    const chosen = questions.choose(QUESTION, signal.signal);
    pass(1000);
    // Not drawn yet, so typed for something else.
    questions.press('send', undefined);
    questions.noteDrawn();
    pass(299);
    questions.noteDrawn();
    questions.press('send', undefined);
    questions.press('down', undefined);
    expect(questions.asking()?.selected).toBe(0);
    pass(1);
    questions.press('send', undefined);
    expect(await chosen).toBe('once');
    const other = questions.choose(QUESTION, signal.signal);
    questions.press('interrupt', undefined);
    expect(await other).toBeUndefined();
  });

  test('does not take the Enter behind a word that was begun before it', async () => {
    const { questions, pass, signal } = ask();
    const chosen = questions.choose(QUESTION, signal.signal);
    questions.noteDrawn();
    pass(200);
    questions.press(undefined, 'a');
    pass(200);
    questions.press('send', undefined);
    expect(questions.asking()).toBeDefined();
    pass(600);
    questions.press('send', undefined);
    expect(await chosen).toBe('once');
  });
});
