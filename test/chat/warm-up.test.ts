import { afterEach, describe, expect, it } from 'vitest';
import { warmUp } from '../../src/chat/warm-up.js';
import { createContext } from '../../src/context.js';
import { startConversation } from '../../src/core/chat.js';
import { readUsage } from '../../src/models/usage.js';
import { startLab, type Lab } from '../sandbox/lab.js';
import { closedPort } from '../support/fault-server.js';
import { testIo } from '../support/io.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.sandbox.close();
  lab = undefined;
});

let runs = 0;

async function open(host: string) {
  const base = testIo().io.cwd;
  const env = { OLLAMA_HOST: host, XDG_STATE_HOME: `${base}/warm-up-${(runs += 1)}` };
  return await createContext(testIo({ env }).io, {});
}

const never = new AbortController().signal;

describe('loading a model while the person types', () => {
  it('asks for nothing, with the window and the stay of the questions to come', async () => {
    lab = await startLab({ installed: ['tinyllama'] });
    const context = await open(lab.sandbox.url);
    const conversation = startConversation('tinyllama', {
      system: 'Be brief.',
      messages: [{ role: 'user', content: 'earlier' }],
      options: { num_ctx: 1024 },
      keepAlive: '2m',
    });
    expect(await warmUp(context, conversation, never)).toBeUndefined();
    const [sent] = lab.sandbox.requests.filter(({ path }) => path === '/api/chat');
    expect(sent?.body).toEqual({
      ...{ model: 'tinyllama', messages: [], options: { num_ctx: 1024 } },
      ...{ keep_alive: '2m', stream: true },
    });
    const [loaded] = await context.client.running();
    expect(loaded).toMatchObject({ name: 'tinyllama:latest', context_length: 1024 });
  });

  it('keeps how long that took', async () => {
    lab = await startLab({ installed: ['tinyllama'], loadMs: 600 });
    const context = await open(lab.sandbox.url);
    await warmUp(context, startConversation('tinyllama'), never);
    const usage = await readUsage(context.io, context.client.host.url);
    expect(usage.get('tinyllama:latest')?.loadMs).toBeGreaterThan(590);
  });

  it('tells that the server is down, or that the model is missing', async () => {
    const down = await open(`http://127.0.0.1:${await closedPort()}`);
    expect(await warmUp(down, startConversation('tinyllama'), never)).toMatchObject({ code: 'unreachable' });
    lab = await startLab({ installed: [] });
    const missing = await open(lab.sandbox.url);
    expect(await warmUp(missing, startConversation('nope'), never)).toMatchObject({
      code: 'model_not_found',
    });
  });

  it('says nothing of what the question will tell better, nor of being stopped', async () => {
    lab = await startLab({ installed: ['tinyllama'], loadMs: 60_000 });
    const context = await open(lab.sandbox.url);
    const stopping = new AbortController();
    const warm = warmUp(context, startConversation('tinyllama'), stopping.signal);
    setTimeout(() => stopping.abort(), 50);
    expect(await warm).toBeUndefined();
    lab.fault('oom');
    expect(await warmUp(context, startConversation('tinyllama'), never)).toBeUndefined();
    lab.fault('503');
    expect(await warmUp(context, startConversation('tinyllama'), never)).toBeUndefined();
  });
});
