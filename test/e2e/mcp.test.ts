import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { onTestFinished, expect, test } from 'vitest';
import { closedPort } from '../support/fault-server.js';
import { openSandbox } from './open-chat.js';
import { BIN, openFolder, runProgram } from './program.js';

const MODEL = 'llama3.2:1b';

async function openEditor(host: string, argv: readonly string[] = []) {
  const home = openFolder();
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [BIN, 'mcp', ...argv],
    env: { HOME: home, PATH: process.env['PATH'] ?? '', OLLAMA_HOST: host },
    cwd: home,
    stderr: 'pipe',
  });
  const asked: string[] = [];
  const client = new Client({ name: 'editor', version: '1.0.0' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler('elicitation/create', ({ params }) => {
    asked.push(params.message);
    return { action: 'accept', content: { confirm: true } };
  });
  await client.connect(transport);
  onTestFinished(async () => await client.close());
  return { client, asked, pid: transport.pid };
}

test('the built program serves an editor by the SDK, asks before it changes anything, and ends with it', async () => {
  const sandbox = await openSandbox({ installed: [MODEL] });
  const { client, asked, pid } = await openEditor(sandbox.url);
  const { tools } = await client.listTools();
  expect(tools).toHaveLength(8);
  const status = await client.callTool({ name: 'check_status', arguments: {} });
  expect(status.structuredContent).toMatchObject({ reachable: true, models_count: 1 });
  const answer = await client.callTool({ name: 'chat', arguments: { message: 'Say hello' } });
  expect(answer.structuredContent).toMatchObject({ model: MODEL, done_reason: 'stop' });
  const removed = await client.callTool({ name: 'remove_model', arguments: { model: MODEL } });
  expect(removed.structuredContent).toMatchObject({ success: true });
  expect(asked).toHaveLength(1);
  await client.close();
  await expect
    .poll(() => {
      try {
        return process.kill(pid ?? 0, 0);
      } catch {
        return 'gone';
      }
    })
    .toBe('gone');
});

function line(message: object): string {
  return `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
}

const GREETING = [
  line({
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'inspector', version: '1' },
    },
  }),
  line({ method: 'notifications/initialized' }),
];

test('the built program answers lines from a pipe, and nothing else is on its stdout', async () => {
  const sandbox = await openSandbox({ installed: [MODEL] });
  const ran = await runProgram(['mcp', '--debug'], sandbox.url, {
    stdin: [
      ...GREETING,
      'nonsense\n',
      line({ id: 2, method: 'tools/call', params: { name: 'list_available_models', arguments: {} } }),
    ].join(''),
  });
  expect(ran.code).toBe(0);
  const answers = ran.stdout
    .trimEnd()
    .split('\n')
    .map((each) => JSON.parse(each) as { id: unknown });
  // What is no message is answered at once.
  expect(answers.map(({ id }) => id).toSorted()).toEqual([1, 2, null]);
  expect(answers.find(({ id }) => id === 2)).toMatchObject({
    result: { structuredContent: { models: [{ name: MODEL }] } },
  });
  expect(ran.stderr).toContain('debug: ');
});

test('the built program warns of a server that is down on stderr alone, and answers every call', async () => {
  const call = (id: number, name: string, given: object): string =>
    line({ id, method: 'tools/call', params: { name, arguments: given } });
  const ran = await runProgram(['mcp', '--debug'], `http://127.0.0.1:${await closedPort()}`, {
    stdin: [
      ...GREETING,
      call(2, 'check_status', {}),
      call(3, 'list_available_models', {}),
      call(4, 'chat', { message: 'Say hello', model: MODEL }),
    ].join(''),
  });
  expect(ran.code).toBe(0);
  const answers = ran.stdout
    .trimEnd()
    .split('\n')
    .map((each) => JSON.parse(each) as { jsonrpc: string; id: number; result: object });
  expect(answers.map(({ jsonrpc, id }) => [jsonrpc, id]).toSorted()).toEqual(
    [1, 2, 3, 4].map((id) => ['2.0', id]),
  );
  const resultOf = (id: number): unknown => answers.find((answer) => answer.id === id)?.result;
  expect(resultOf(2)).toMatchObject({ structuredContent: { reachable: false, models_count: 0 } });
  expect([resultOf(3), resultOf(4)]).toMatchObject([{ isError: true }, { isError: true }]);
  expect(ran.stderr).toContain('warning: ');
  expect(ran.stderr).toContain('debug: ');
});

test('an interrupt ends it', async () => {
  const sandbox = await openSandbox({ installed: [MODEL] });
  const { client, pid } = await openEditor(sandbox.url);
  const closed = new Promise<void>((resolve) => (client.onclose = resolve));
  process.kill(pid ?? 0, 'SIGINT');
  await closed;
});
