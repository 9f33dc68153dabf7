import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineParser } from '../../src/core/ndjson.js';
import { createSseReader } from '../../src/providers/sse.js';

function read(...chunks: readonly string[]): string[] {
  const parser = createLineParser(createSseReader<string>((data, items) => items.push(data)));
  const items: string[] = [];
  for (const chunk of chunks) parser.push(Buffer.from(chunk), items);
  parser.end(items);
  return items;
}

describe('the end of server-sent events', () => {
  it.each([
    ['ended by a blank line', 'data: {"a":1}\n\n', ['{"a":1}']],
    ['ended by its line alone', 'data: {"a":1}\n', ['{"a":1}']],
    ['ended by nothing', 'data: {"a":1}', ['{"a":1}']],
    ['of two lines, ended by nothing', 'data: {"a":\ndata: 1}', ['{"a":\n1}']],
    ['ended by a carriage return', 'data: {"a":1}\r\n', ['{"a":1}']],
    ['cut in the midst of its data', 'data: {"a"', []],
    ['cut between its lines', 'data: {"a":\n', []],
    ['cut before its data', 'event: x\ndat', []],
    ['not there', '', []],
  ])('takes what is whole of a last event %s', (_, last, items) => {
    expect(read(`data: {"first":true}\n\n${last}`)).toEqual(['{"first":true}', ...items]);
  });

  it('is the same wherever the bytes are cut', () => {
    const text = 'data: {"a":1}\n\ndata: {"b":\ndata: 2}\n';
    fc.assert(
      fc.property(fc.nat(text.length), (at) => {
        expect(read(text.slice(0, at), text.slice(at))).toEqual(['{"a":1}', '{"b":\n2}']);
      }),
    );
  });
});
