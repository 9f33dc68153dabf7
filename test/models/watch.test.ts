import { expect, test } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import { watchRunning, type Look } from '../../src/models/watch.js';
import { serve } from '../support/fault-server.js';

test('a server that takes the question and gives no answer counts as gone, and is asked on', async () => {
  const ending = new AbortController();
  let asked = 0;
  const server = await serve(() => {
    asked += 1;
    return asked === 2 || asked === 3
      ? { then: 'stall' }
      : { headers: { 'content-type': 'application/json' }, body: ['{"models":[]}'] };
  });
  const client = new OllamaClient(server.url, { env: {} });
  const options = { everyMs: 1, limitMs: 30, signal: ending.signal, now: () => 7 };
  const looks: Look[] = [];
  for await (const look of watchRunning(client, options)) {
    if (looks.push(look) === 4) ending.abort();
  }
  const gone = { error: { code: 'timeout' }, since: 7 };
  expect(looks).toMatchObject([{ models: [] }, gone, gone, { models: [] }]);
  await server.close();
});
