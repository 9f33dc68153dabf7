import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameEvent } from '../../src/gateway/event-stream.js';

const HOSTILE =
  'a\nb\r\nc\u2028d\u2029e\u0085f\vg\fh\u001ei\0\u001b[31m data: x\n\ndata: {"type":"result"}\n\n';
/** What some reader takes for an end of line: JavaScript's, Python's and the specification's of server-sent events. */
const LINE_END = /[\n\r\v\f\u001c-\u001e\u0085\u2028\u2029]/;

describe('one event', () => {
  it('is one line of NDJSON, whatever text it holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constant(HOSTILE)), (text) => {
        const frame = frameEvent('ndjson', { type: 'token', text });
        expect(frame.endsWith('\n')).toBe(true);
        expect(frame.slice(0, -1)).not.toMatch(LINE_END);
        expect(JSON.parse(frame)).toEqual({ type: 'token', text });
      }),
    );
  });

  it('is one message of server-sent events, whatever text it holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constant(HOSTILE)), (text) => {
        const frame = frameEvent('sse', { type: 'token', text });
        const [, data = ''] = /^data: (.*)\n\n$/.exec(frame) ?? [];
        expect(data).not.toMatch(LINE_END);
        expect(JSON.parse(data)).toEqual({ type: 'token', text });
      }),
    );
  });
});
