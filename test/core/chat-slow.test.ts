import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import { serve } from '../support/fault-server.js';

it('gives a reader that takes its time all that came meanwhile, to the end', async () => {
  const line = (content: string): string => `${JSON.stringify({ message: { content } })}\n`;
  const server = await serve({
    body: [line('a'), { wait: 20 }, line('b'), line('c'), '{"message":{"content":""},"done":true}\n'],
  });
  const seen: string[] = [];
  const client = new OllamaClient(server.url);
  for await (const events of client.chatBatches({ model: 'm', messages: [] })) {
    if (seen.length === 0) await sleep(100);
    seen.push(...events.map((event) => (event.type === 'token' ? event.text : event.type)));
  }
  await server.close();
  expect(seen).toEqual(['a', 'b', 'c', 'done']);
});
