import { afterEach, beforeEach, expect, it } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import { serve, type FaultServer } from '../support/fault-server.js';

let server: FaultServer;
beforeEach(async () => {
  server = await serve({ headers: { 'content-type': 'application/json' }, body: ['{"models":[]}'] });
});
afterEach(async () => await server.close());

it('lets one signal stand for as many calls as there are, without a word from Node', async () => {
  const warnings: string[] = [];
  const hear = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', hear);
  try {
    const { signal } = new AbortController();
    const clients = Array.from({ length: 20 }, () => new OllamaClient(server.url, { env: {} }));
    await Promise.all(clients.map((client) => client.list({ signal })));
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings).toEqual([]);
  } finally {
    process.off('warning', hear);
  }
});
