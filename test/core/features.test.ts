import { expect, test } from 'vitest';
import fc from 'fast-check';
import { OllamaError } from '../../src/core/errors.js';
import {
  FEATURES,
  isNewerThanKnown,
  lackingFeatures,
  refusedFeature,
  rememberForNow,
  versionHas,
  type Feature,
} from '../../src/core/features.js';

const names = Object.keys(FEATURES) as Feature[];
const missing = (what: string): OllamaError =>
  new OllamaError('server_error', `The server at h does not know ${what}: it is an older Ollama, or none.`, {
    status: 404,
  });

test.each([
  ['0.24.0', 'think', true],
  ['0.9.0', 'think', true],
  ['0.8.9', 'think', false],
  ['0.5.13-sandbox', 'structured', true],
  ['0.5.13-sandbox', 'think', false],
  ['v0.9.0-rc2', 'think', true],
  ['0.10', 'loaded_context', true],
  ['0.1.36', 'ps', false],
  ['0.2.6', 'embed', true],
  ['0.12.5', 'truncate', false],
  ['1.0.0', 'anthropic', true],
  ['0.0.0', 'think', undefined],
  ['unknown', 'think', undefined],
] as const)('%s has %s: %s', (version, feature, has) => {
  expect(versionHas(version, feature)).toBe(has);
});

test('a server that is newer lacks no more than an older one', () => {
  const version = fc.tuple(fc.nat(2), fc.nat(40), fc.nat(20));
  fc.assert(
    fc.property(version, version, (a, b) => {
      const [older, newer] = [a, b].sort((x, y) => x[0] - y[0] || x[1] - y[1] || x[2] - y[2]);
      const lacks = lackingFeatures((newer ?? a).join('.'));
      if ((older ?? a).join('.') === '0.0.0') return;
      expect(lackingFeatures((older ?? a).join('.'))).toEqual(expect.arrayContaining([...lacks]));
    }),
  );
  expect(lackingFeatures('0.24.0')).toEqual([]);
  expect(lackingFeatures('0.0.1')).toEqual(names);
});

test('what is later than any known line is newer', () => {
  expect(['0.33.9', '0.24.0', '0.0.0', 'x'].map(isNewerThanKnown)).toEqual([false, false, false, false]);
  expect(['0.34.0', '1.0.0', '99.0.0-rc1'].map(isNewerThanKnown)).toEqual([true, true, true]);
});

test('a missing route is a refusal of the server, and nothing else is', () => {
  expect(refusedFeature(missing('POST /api/embed'))).toBe('embed');
  expect(refusedFeature(missing('GET /api/ps'))).toBe('ps');
  expect(refusedFeature(missing('POST /v1/messages'))).toBe('anthropic');
  expect(refusedFeature(missing('POST /v1/chat/completions'))).toBe('openai');
  expect(refusedFeature(missing('GET /api/other'))).toBeUndefined();
  expect(refusedFeature(new OllamaError('model_not_found', 'x /api/ps: y', { status: 404 }))).toBeUndefined();
  expect(refusedFeature(new OllamaError('server_error', 'x /api/ps: y', { status: 500 }))).toBeUndefined();
});

test('a memory of its own lasts, and knows of nothing else', async () => {
  const memory = rememberForNow();
  expect(await memory.isRefused('embed')).toBe(false);
  await memory.refuse('embed');
  expect(await memory.isRefused('embed')).toBe(true);
  expect(await memory.isRefused('ps')).toBe(false);
});
