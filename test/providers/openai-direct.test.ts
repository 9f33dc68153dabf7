import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ChatEvent } from '../../src/core/chat.js';
import { createLineParser } from '../../src/core/ndjson.js';
import { createOpenAiDecoder } from '../../src/providers/openai-decode.js';

const event = (content: string): string =>
  `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason: null }] })}\n\n`;

const token = fc.oneof(
  fc.constantFrom(' the', 'a', '"', '\\', '\n', 'é', '“', '😀', '[DONE]', 'data: '),
  fc.string({ minLength: 1, maxLength: 4 }),
);

it('tells every token once and in its order, whether it is taken at once or comes as an event, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(token, { minLength: 1, maxLength: 30 }),
      fc.array(fc.nat(400), { maxLength: 20 }),
      fc.infiniteStream(fc.boolean()),
      (tokens, cuts, choices) => {
        const choose = (): boolean => choices.next().value;
        const told: string[] = [];
        let atOnce = 0;
        const decoder = createOpenAiDecoder({ host: 'h', model: 'm' }, Date.now, (text) => {
          if (!choose()) return false;
          atOnce += 1;
          told.push(text);
          return true;
        });
        const parser = createLineParser(decoder);
        const items: ChatEvent[] = [];
        const read = (): void => {
          for (const item of items.splice(0)) if (item.type === 'token') told.push(item.text);
        };
        const bytes = Buffer.from([...tokens.map(event), 'data: [DONE]\n\n'].join(''));
        // Whole events, as servers send them, or cut anywhere.
        const chunks: Buffer[] = [];
        if (cuts.length === 0) for (const one of tokens) chunks.push(Buffer.from(event(one)));
        else {
          const places = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
          [0, ...places].forEach((from, index) =>
            chunks.push(bytes.subarray(from, places[index] ?? bytes.length)),
          );
        }
        for (const chunk of chunks) {
          // The reader has all that came before, or is still busy with it.
          const isRead = choose();
          if (isRead) read();
          decoder.offer?.(isRead && items.length === 0);
          parser.push(chunk, items);
        }
        read();
        expect(told.join('')).toBe(tokens.join(''));
        expect(atOnce).toBeLessThanOrEqual(tokens.length);
      },
    ),
  );
});

it('offers the tokens of a stream that is read as it comes, after the first', () => {
  const offered: string[] = [];
  const decoder = createOpenAiDecoder({ host: 'h', model: 'm' }, Date.now, (text) => {
    offered.push(text);
    return true;
  });
  const parser = createLineParser(decoder);
  for (const text of ['one', ' two', ' three', ' “four”', ' five']) {
    decoder.offer?.(true);
    parser.push(Buffer.from(event(text)), []);
  }
  expect(offered).toEqual([' two', ' three', ' “four”', ' five']);
});
