import { expect, test } from 'vitest';
import { readContextLength } from '../../src/chat/context-length.js';

test.each([
  [{ details: {}, model_info: { 'qwen3.context_length': 40_960 } }, 40_960],
  [{ details: { context_length: 2048 }, model_info: null }, 2048],
  [{ details: {}, model_info: { 'qwen3.context_length': 'many' } }, undefined],
  [{ details: {} }, undefined],
])('of %j it is %j', (show, length) => {
  expect(readContextLength(show)).toBe(length);
});
