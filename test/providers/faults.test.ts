import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import { parseProviderBlock } from '../../src/providers/block.js';
import type { ProviderType } from '../../src/providers/provider.js';
import { createProviders } from '../../src/providers/set.js';
import { FAULTS, parseFault, type FaultName } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { answerOf } from './ask.js';

/**
 * The code that a chat through `/v1` ends with under each fault of the sandbox; `done` where it goes well all the same, as
 * with what happens to pulls alone. A new fault has to be thought of here: without a row this does not compile.
 */
const ENDS: Readonly<Record<FaultName, string>> = {
  cut: 'stream_cut',
  stall: 'timeout',
  slow: 'done',
  frozen: 'done',
  linger: 'done',
  corrupt: 'done',
  'rolled-back': 'done',
  'missing-completed': 'done',
  'max-retries': 'done',
  'no-final': 'done',
  'no-space': 'done',
  offline: 'done',
  newer: 'done',
  '401': 'unauthorized',
  '404': 'model_not_found',
  '412': 'done',
  '500': 'server_error',
  '503': 'server_error',
  html: 'protocol',
  'html-200': 'protocol',
  'half-lines': 'done',
  'error-line': 'server_error',
  'no-done': 'stream_cut',
  delay: 'done',
  verifying: 'done',
  'lost-partials': 'done',
  'registry-500': 'done',
  'registry-401': 'done',
  'registry-garbage': 'done',
  'registry-huge': 'done',
  'retry-after': 'done',
  'escape-names': 'done',
  oom: 'server_error',
  'slow-load': 'timeout',
  killed: 'done',
  'cut-window': 'done',
  'count-new': 'done',
  escapes: 'done',
  'bad-image': 'done',
};

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ tokensPerSecond: Infinity, loadMs: 0, installed: ['gemma3:1b'] });
});
afterEach(async () => await sandbox.close());

describe.each<ProviderType>(['openai', 'anthropic'])('an answer of the type %s', (type) => {
  it.each(Object.keys(FAULTS) as FaultName[])('under the fault %s', async (fault) => {
    const faults: Partial<Record<FaultName, string>> = { slow: 'slow=1MB', delay: 'delay=20ms' };
    sandbox.setFaults([parseFault(faults[fault] ?? fault)]);
    const block = parseProviderBlock({
      name: 'cloud',
      type,
      enabled: true,
      base_url: `${sandbox.url}/v1`,
      api_key: 'sk-secret-key',
    });
    const set = createProviders([block], {
      client: new OllamaClient(sandbox.url),
      timeouts: { silence: 700 },
    });
    const answer = await answerOf(set.get('cloud'), {
      model: 'gemma3:1b',
      messages: [{ role: 'user', content: 'Hello' }],
    });
    expect(answer.error?.code ?? answer.phase).toBe(ENDS[fault]);
    if (answer.error === undefined) return;
    expect(answer.error.provider).toBe('cloud');
    expect(answer.error.message).toContain(`cloud (${sandbox.url}/v1)`);
    expect(answer.error.message).not.toMatch(/No Ollama server|sk-secret-key/);
  });
});
