import { afterEach, describe, expect, it } from 'vitest';
import { findSmaller } from '../../src/models/smaller.js';
import { OllamaClient } from '../../src/core/client.js';
import { closedPort } from '../support/fault-server.js';
import { startLab, type Lab } from '../sandbox/lab.js';
import { testIo } from '../support/io.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.sandbox.close();
  lab = undefined;
});

const open = (url: string) => {
  const { io } = testIo();
  return { io, client: new OllamaClient(url, { env: {} }) };
};

describe('smaller models, where one found no memory', () => {
  it('are those that are installed, answer and are much smaller, the largest first', async () => {
    lab = await startLab({ installed: ['qwen3:8b', 'gemma3:4b', 'all-minilm', 'tinyllama', 'llama3.2:1b'] });
    const context = open(lab.sandbox.url);
    expect(await findSmaller(context, 'qwen3:8b')).toEqual(['gemma3:4b', 'llama3.2:1b', 'tinyllama:latest']);
    expect(await findSmaller(context, 'tinyllama')).toEqual([]);
    expect(await findSmaller(context, 'nobody:1')).toEqual([]);
  });

  it('are unknown where the server tells nothing', async () => {
    expect(await findSmaller(open(`http://127.0.0.1:${await closedPort()}`), 'm:1')).toEqual([]);
  });
});
