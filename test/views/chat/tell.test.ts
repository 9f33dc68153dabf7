import { expect, test } from 'vitest';
import { openPlainText } from '../../../src/markdown/plain-text.js';
import { tellBlock } from '../../../src/views/chat/tell.js';

test('the facts of an answer stand in one pair of parentheses', () => {
  const facts = ['(stopped)', '69 tokens'].map((text, rank) => ({ text, rank, warn: false }));
  const openText = () => openPlainText({ width: () => 80 });
  expect(tellBlock({ kind: 'facts', facts }, openText)).toEqual(['(stopped, 69 tokens)']);
  expect(tellBlock({ kind: 'facts', facts: [] }, openText)).toEqual([]);
});
