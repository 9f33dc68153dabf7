import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve } from '../support/fault-server.js';
import { runMcp } from './open-mcp.js';

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } },
    clientInfo: { name: 'mcp-inspector', version: '0.17.0' },
  },
};
const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' };

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: ['llama3.2:1b'], scale: 0.001, tokensPerSecond: Infinity });
});
afterEach(async () => await sandbox.close());

/** Everything that comes back to these lines, the input ending right after them. */
async function send(...messages: (object | string)[]) {
  const mcp = runMcp(sandbox.url);
  for (const message of messages)
    mcp.input.write(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`);
  const code = await mcp.end();
  const answers = mcp.lines();
  return { code, answers, answerTo: (id: unknown) => answers.find((answer) => answer['id'] === id), mcp };
}

describe('lines, as the inspector sends them', () => {
  it('are answered in full, also where the input ends right after them', async () => {
    const { code, answerTo, answers } = await send(
      INITIALIZE,
      INITIALIZED,
      { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} },
      { jsonrpc: '2.0', id: 2, method: 'ping' },
      {
        jsonrpc: '2.0',
        id: 'three',
        method: 'tools/call',
        params: { name: 'check_status', arguments: {}, _meta: { progressToken: 3 } },
      },
      {
        jsonrpc: '2.0',
        id: 4,
        method: 'tools/call',
        params: { name: 'chat', arguments: { message: 'Say hello' } },
      },
    );
    expect(code).toBe(0);
    expect(answerTo(0)).toMatchObject({
      result: {
        protocolVersion: '2025-06-18',
        serverInfo: { name: 'ollama-cli' },
        capabilities: { tools: {} },
      },
    });
    expect(answerTo(1)).toMatchObject({ result: { tools: expect.any(Array) } });
    expect(answerTo(2)).toMatchObject({ result: {} });
    expect(answerTo('three')).toMatchObject({
      result: { structuredContent: { reachable: true }, content: [{ type: 'text' }] },
    });
    expect(answerTo(4)).toMatchObject({ result: { structuredContent: { model: 'llama3.2:1b' } } });
    expect(answers.every(({ jsonrpc }) => jsonrpc === '2.0')).toBe(true);
  });

  it.each([
    ['no JSON', 'hello\n', -32700, null],
    ['half of a JSON', '{"jsonrpc":"2.0","id":9,\n', -32700, null],
    ['no request', '{"id":9}\n', -32600, 9],
    ['a number', '42\n', -32600, null],
    ['an id that is none', '{"jsonrpc":"2.0","id":{},"method":"ping"}\n', -32600, null],
    ['an unknown method', '{"jsonrpc":"2.0","id":9,"method":"no/such"}\n', -32601, 9],
    ['an unknown tool', '{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"rm"}}\n', -32602, 9],
  ])('that are %s get an error, and the next is answered', async (_, line, code, id) => {
    const ping = { jsonrpc: '2.0', id: 10, method: 'ping' };
    const { answerTo } = await send(INITIALIZE, INITIALIZED, line, ping);
    expect(answerTo(id)).toMatchObject({ error: { code } });
    expect(answerTo(10)).toMatchObject({ result: {} });
  });

  it('may come in pieces, with a last line that has no end, and with empty ones', async () => {
    const whole = `${JSON.stringify(INITIALIZE)}\r\n\n{"jsonrpc":"2.0","id":"ä","method":"ping"}`;
    const mcp = runMcp(sandbox.url);
    for (const byte of Buffer.from(whole)) mcp.input.write(Buffer.from([byte]));
    expect(await mcp.end()).toBe(0);
    expect(mcp.lines().map(({ id }) => id)).toEqual([0, 'ä']);
  });

  it('that ask for a person who can no longer answer end it', async () => {
    const { code, answers } = await send(INITIALIZE, INITIALIZED, {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'remove_model', arguments: { model: 'llama3.2:1b' } },
    });
    expect(code).toBe(0);
    expect(answers.some(({ method }) => method === 'elicitation/create')).toBe(true);
    expect(sandbox.requests.some(({ path }) => path === '/api/delete')).toBe(false);
  });

  it('that take a question back are not waited for', async () => {
    sandbox.setFaults([parseFault('stall@50%')]);
    const mcp = runMcp(sandbox.url);
    const params = { name: 'chat', arguments: { message: 'Say prose-50' } };
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
    for (const message of [INITIALIZE, INITIALIZED, call]) mcp.input.write(`${JSON.stringify(message)}\n`);
    await expect.poll(() => sandbox.requests.some(({ path }) => path === '/api/chat')).toBe(true);
    const taken = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } };
    mcp.input.write(`${JSON.stringify(taken)}\n`);
    expect(await mcp.end()).toBe(0);
    expect(mcp.lines().some(({ id }) => id === 1)).toBe(false);
  });

  it('that never end are not gathered for ever', async () => {
    const mcp = runMcp(sandbox.url);
    for (let n = 0; n < 11; n += 1) mcp.input.write('x'.repeat(1024 * 1024));
    expect(await mcp.exit).toBe(0);
    expect(mcp.lines()).toMatchObject([{ error: { code: -32700 } }]);
  });
});

describe('what an editor does not read', () => {
  it('goes to stderr: a server that is down is warned of there', async () => {
    await sandbox.close();
    const mcp = runMcp(sandbox.url);
    mcp.input.write(`${JSON.stringify(INITIALIZE)}\n`);
    await expect.poll(mcp.stderr).toMatch(/^warning: .*127\.0\.0\.1/);
    expect(await mcp.end()).toBe(0);
    expect(mcp.lines()).toMatchObject([{ id: 0, result: {} }]);
  });

  it('holds nobody up: a server that never answers is not waited for', async () => {
    const silent = await serve({ then: 'stall' });
    const mcp = runMcp(silent.url);
    mcp.input.write(`${JSON.stringify(INITIALIZE)}\n`);
    await expect.poll(() => silent.requests.length).toBeGreaterThan(0);
    expect(await mcp.end()).toBe(0);
    await silent.close();
  });

  it('holds no secret, not even with --debug', async () => {
    const host = sandbox.url.replace('://', '://me:hunter2@');
    const mcp = runMcp(host, ['--debug']);
    mcp.input.write(`${JSON.stringify(INITIALIZE)}\n${JSON.stringify(INITIALIZED)}\n`);
    const given = { name: 'check_status', arguments: { force: true } };
    mcp.input.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: given })}\n`);
    await expect.poll(mcp.stderr).toContain('debug: GET');
    expect(await mcp.end()).toBe(0);
    expect(JSON.stringify(mcp.lines()) + mcp.stderr()).not.toMatch(/hunter2|bWU6aHVudGVyMg/);
  });
});
