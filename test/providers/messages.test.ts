import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../src/core/wire.js';
import { imageType, numberCalls } from '../../src/providers/messages.js';

const call = (name: string, id?: string): NonNullable<ChatMessage['tool_calls']>[number] => ({
  ...(id === undefined ? {} : { id }),
  function: { name, arguments: {} },
});

describe('the calls of a conversation', () => {
  it('have ids of their own, also where a model gave the same one twice, and results find theirs', () => {
    const round: ChatMessage[] = [
      { role: 'assistant', content: '', tool_calls: [call('f', 'x'), call('g', 'x')] },
      { role: 'tool', tool_name: 'g', content: 'of g' },
      { role: 'tool', tool_call_id: 'x', content: 'of f' },
    ];
    const numbered = numberCalls([...round, ...round]);
    const ids = numbered.flatMap(({ calls }) => calls.map(({ id }) => id));
    expect(new Set(ids).size).toBe(4);
    expect(numbered.map(({ resultOf }) => resultOf)).toEqual([
      undefined,
      ids[1],
      ids[0],
      undefined,
      ids[3],
      ids[2],
    ]);
  });

  it('are each answered once at most, whatever the ids', () => {
    const id = fc.option(fc.constantFrom('', 'a', 'b', 'call_1', 'call_2'), { nil: undefined });
    const calls = fc.array(id, { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(fc.tuple(calls, calls), { maxLength: 4 }), (rounds) => {
        const messages = rounds.flatMap(([asked, results]): ChatMessage[] => [
          { role: 'assistant', content: '', tool_calls: asked.map((given) => call('f', given)) },
          ...results.slice(0, asked.length).map((given) => ({
            role: 'tool',
            content: '',
            ...(given === undefined ? {} : { tool_call_id: given }),
          })),
        ]);
        const numbered = numberCalls(messages);
        const ids = numbered.flatMap((message) => message.calls.map((known) => known.id));
        const answered = numbered.flatMap(({ resultOf }) => resultOf ?? []);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids).not.toContain('');
        expect(new Set(answered).size).toBe(answered.length);
        expect(ids).toEqual(expect.arrayContaining(answered));
      }),
    );
  });
});

describe('the type of a picture', () => {
  it.each([
    ['/9j/4AAQ', 'image/jpeg'],
    ['iVBORw0KGgo', 'image/png'],
    ['R0lGODlh', 'image/gif'],
    ['UklGRh4A', 'image/webp'],
    ['AAAA', 'image/png'],
  ])('that begins with %s is %s', (start, type) => {
    expect(imageType(start)).toBe(type);
  });
});
