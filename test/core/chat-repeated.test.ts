import { expect, it } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import { serve } from '../support/fault-server.js';

const said = (content: string): string => `${JSON.stringify({ message: { content }, done: false })}\n`;

/** What an answer fails with that ends after these pieces, without a last line. */
async function failureAfter(pieces: readonly string[]): Promise<string> {
  const server = await serve({ body: pieces.map(said) });
  const messages: string[] = [];
  for await (const events of new OllamaClient(server.url).chatBatches({ model: 'm', messages: [] })) {
    for (const event of events) if (event.type === 'error') messages.push(event.error.message);
  }
  await server.close();
  return messages.join();
}

// As a real server ends them: 31 times the same, and not a word of why.
it('is told as what it is, an answer that repeated itself until the server ended it', async () => {
  expect(await failureAfter(['Well', ...Array<string>(31).fill('x ')])).toMatch(/only repeated itself/);
  expect(
    await failureAfter(Array.from({ length: 31 }, (_, index) => (index % 2 === 0 ? '\n' : ' '))),
  ).toMatch(/only repeated itself/);
});

it('is not told of one that ends before, or after something else', async () => {
  expect(await failureAfter(Array<string>(30).fill('x '))).toMatch(/in the middle/);
  expect(await failureAfter([...Array<string>(40).fill('x '), 'y'])).toMatch(/in the middle/);
});
