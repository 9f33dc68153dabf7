import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort } from '../support/fault-server.js';
import { ESCAPES, run, schemaErrors, TERMINAL } from '../support/run.js';

const MODEL = 'llama3.2:1b';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: [MODEL, 'nomic-embed-text'], scale: 0.001 });
});
afterEach(async () => await sandbox.close());

describe('mcp TOOL', () => {
  it.each([
    [['check_status'], { reachable: true, models_count: 2, version: '0.24.0-sandbox' }],
    [['validate_model_name', MODEL], { is_valid: true, message: `"${MODEL}" is installed.` }],
    [['get_default_model'], { model: MODEL, source: 'newest', installed: true }],
    [
      ['get_supported_capabilities', 'nomic-embed-text'],
      { chat: false, streaming: false, tools: false, vision: false, thinking: false, embeddings: true },
    ],
    [
      ['get_supported_capabilities'],
      { chat: true, streaming: true, tools: true, vision: false, thinking: false, embeddings: false },
    ],
  ])('%j answers in JSON, by its other spelling too, and in plain lines', async (argv, answer) => {
    const [name = '', ...rest] = argv;
    const ran = await run(['mcp', ...argv, '--json'], sandbox.url);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ran.stdout)).toEqual({ schema_version: 1, ...answer });
    const dashed = name.replaceAll('_', '-');
    expect(schemaErrors(`mcp-${dashed}`, JSON.parse(ran.stdout))).toBe('');
    expect((await run(['mcp', dashed, ...rest, '--json'], sandbox.url)).stdout).toBe(ran.stdout);
    const plain = await run(['mcp', ...argv], sandbox.url);
    const [key = '', value] = Object.entries(answer)[0] ?? [];
    expect(plain.stdout).toContain(`${key}\t${String(value)}\n`);
    expect((await run(['mcp', ...argv], sandbox.url, TERMINAL)).stdout).not.toMatch(ESCAPES);
  });

  it('list_available_models names them all', async () => {
    const ran = await run(['mcp', 'list_available_models', '--json'], sandbox.url);
    const document = JSON.parse(ran.stdout) as { models: { name: string }[] };
    expect(schemaErrors('mcp-list-available-models', document)).toBe('');
    expect(document.models.map(({ name }) => name).sort()).toEqual([MODEL, 'nomic-embed-text:latest']);
    const plain = await run(['mcp', 'list-available-models'], sandbox.url);
    expect(plain.stdout).toMatch(/^name\tsize\tmodified_at\n(?:\S+\t\d+\t\S+\n){2}$/);
    const fields = await run(
      ['mcp', 'list_available_models', '--json', '--fields', 'name,size'],
      sandbox.url,
    );
    expect(JSON.parse(fields.stdout)).toMatchObject({ models: [{ name: expect.any(String) }, {}] });
    expect(fields.stdout).not.toContain('digest');
    expect((await run(['mcp', 'list_available_models', '--fields', 'no'], sandbox.url)).code).toBe(2);
  });

  it.each([
    ['a@b', 2, 'invalid_name'],
    ['llama3.2:1c', 3, 'model_not_found'],
  ])('validate_model_name %s tells why, and ends with %i', async (name, code, error) => {
    const ran = await run(['mcp', 'validate_model_name', name, '--json'], sandbox.url);
    expect(ran.code).toBe(code);
    expect(JSON.parse(ran.stdout)).toMatchObject({ is_valid: false });
    expect(schemaErrors('mcp-validate-model-name', JSON.parse(ran.stdout))).toBe('');
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: error } });
  });

  it('check_status of a server that is down tells so, and ends with 5', async () => {
    const away = `http://127.0.0.1:${await closedPort()}`;
    const ran = await run(['mcp', 'check_status', '--json'], away);
    expect(ran.code).toBe(5);
    expect(JSON.parse(ran.stdout)).toMatchObject({ reachable: false, models_count: 0 });
    expect(schemaErrors('mcp-check-status', JSON.parse(ran.stdout))).toBe('');
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: 'unreachable' } });
    expect((await run(['mcp', 'list_available_models', '--json'], away)).code).toBe(5);
  });

  it('get_default_model takes the configured one', async () => {
    const env = { OLLAMA_CLI_DEFAULT_MODEL: 'mine:7b' };
    const ran = await run(['mcp', 'get_default_model', '--json'], sandbox.url, { env });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      ...{ model: 'mine:7b', source: 'configured', installed: false },
    });
  });

  it('refuses a tool that there is not, and serves nothing then', async () => {
    const ran = await run(['mcp', 'remove_everything'], sandbox.url);
    expect(ran.code).toBe(2);
    expect(ran.stdout).toBe('');
  });

  it('serves the protocol alone on stdout, and ends with its input', async () => {
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    const ran = await run(['mcp'], sandbox.url, { stdin: `${JSON.stringify(ping)}\n` });
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ jsonrpc: '2.0', id: 1 });
  });
});
