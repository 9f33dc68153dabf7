import { describe, expect, it } from 'vitest';
import { readAccept, wantsNoWait } from '../../src/gateway/preferences.js';

describe('the form of an answer', () => {
  it.each([
    [undefined, 'json'],
    ['', 'json'],
    ['*/*', 'json'],
    ['text/html', 'json'],
    ['application/json', 'json'],
    ['text/event-stream', 'sse'],
    ['Text/Event-Stream; charset=utf-8', 'sse'],
    ['application/x-ndjson', 'ndjson'],
    ['application/json, text/event-stream', 'json'],
    ['text/event-stream, application/json', 'sse'],
    ['*/*, text/event-stream', 'sse'],
    ['application/json;q=0.5, application/x-ndjson;q=0.9', 'ndjson'],
    ['text/event-stream;q=0, */*', 'json'],
    ['text/event-stream;q=nonsense', 'json'],
    ['constructor', 'json'],
  ])('of Accept: %s is %s', (accept, form) => {
    expect(readAccept(accept)).toBe(form);
  });

  it.each([
    [undefined, false],
    ['respond-async', true],
    ['Respond-Async', true],
    ['return=minimal, respond-async; wait=10', true],
    [['return=minimal', 'respond-async'], true],
    ['respond-asynchronously', false],
    ['wait=10', false],
  ])('with Prefer: %j it is not waited for: %s', (prefer, expected) => {
    expect(wantsNoWait(prefer)).toBe(expected);
  });
});
