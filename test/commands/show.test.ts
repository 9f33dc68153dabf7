import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve } from '../support/fault-server.js';
import { ESCAPES, run, schemaErrors, TERMINAL } from '../support/run.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ installed: ['qwen3:8b', 'llama3.2:1b'] });
});
afterAll(async () => await sandbox.close());

describe('show', () => {
  it("prints the server's own fields and ours as JSON", async () => {
    const { code, stdout } = await run(['show', 'llama3.2:1b', '--json'], sandbox.url);
    expect(code).toBe(0);
    const shown = JSON.parse(stdout) as Record<string, unknown>;
    expect(schemaErrors('show', shown)).toBe('');
    const list = JSON.parse((await run(['list', 'llama*', '--json'], sandbox.url)).stdout) as {
      models: { digest: string; size: number }[];
    };
    expect(shown).toMatchObject({
      name: 'llama3.2:1b',
      digest: list.models[0]?.digest,
      size: list.models[0]?.size,
    });
    expect(Array.isArray((shown['parameters_parsed'] as { stop: unknown }).stop)).toBe(true);
    expect(shown['capabilities']).toContain('tools');
    const picked = await run(['show', 'llama3.2:1b', '--json', '--fields', 'size,name'], sandbox.url);
    expect(Object.keys(JSON.parse(picked.stdout) as object)).toEqual(['schema_version', 'size', 'name']);
  });

  it('prints fields and values in a pipe, a summary in a terminal', async () => {
    const pipe = await run(['show', 'qwen3:8b'], sandbox.url);
    expect(pipe.stdout).toMatch(/^field\tvalue\nname\tqwen3:8b\n/);
    expect(pipe.stdout).toMatch(/\nsize\t\d{8}\n/);
    const terminal = await run(['show', 'qwen3:8b', '--color', 'never'], sandbox.url, TERMINAL);
    expect(terminal.stdout).toMatch(/ quantization +Q4_K_M\n/);
    expect(terminal.stdout).toMatch(/ context +40k tokens\n/);
    expect(terminal.stdout).not.toMatch(ESCAPES);
  });

  it('writes one part byte for byte into a pipe, cleaned on a terminal', async () => {
    const part = 'TEMPLATE """{{ .Prompt }}\r\n\x1b[31m"""';
    const server = await serve({
      headers: { 'content-type': 'application/json' },
      body: [JSON.stringify({ modelfile: part, details: {} })],
    });
    try {
      expect((await run(['show', 'm', '--modelfile'], server.url)).stdout).toBe(part);
      expect((await run(['show', 'm', '--modelfile'], server.url, TERMINAL)).stdout).toBe(
        'TEMPLATE """{{ .Prompt }}\n[31m"""\n',
      );
    } finally {
      await server.close();
    }
  });

  it('shows one part at a time', async () => {
    const { stdout } = await run(['show', 'llama3.2:1b', '--template'], sandbox.url);
    expect(stdout).toContain('{{');
    expect((await run(['show', 'llama3.2:1b', '--template', '--license'], sandbox.url)).code).toBe(2);
    const json = await run(['show', 'llama3.2:1b', '--template', '--json'], sandbox.url);
    expect(JSON.parse(json.stdout)).toEqual({ schema_version: 1, template: stdout });
  });

  it('asks for everything with --verbose', async () => {
    const { stdout } = await run(['show', 'llama3.2:1b', '--verbose'], sandbox.url, TERMINAL);
    expect(stdout).toContain('general.architecture');
    const pipe = await run(['show', 'llama3.2:1b', '--verbose'], sandbox.url);
    expect(pipe.stdout).toMatch(/\ngeneral\.architecture\tllama\n/);
    expect(
      sandbox.requests.some(({ body }) => (body as { verbose?: boolean } | undefined)?.verbose === true),
    ).toBe(true);
  });

  it('exits 3 for a model that is not there, with the nearest names', async () => {
    const { code, stderr } = await run(['show', 'lama3.2:1b'], sandbox.url, { env: { LANG: 'C.UTF-8' } });
    expect(code).toBe(3);
    expect(stderr).toContain('"lama3.2:1b" is not installed on 127.0.0.1:');
    expect(stderr).toMatch(/did you mean +llama3\.2:1b/);
    expect(stderr).toContain('ollama-cli pull lama3.2:1b');
  });

  it('offers the lower case of a name with capitals, but not for Hugging Face', async () => {
    const server = await serve({
      status: 404,
      headers: { 'content-type': 'application/json' },
      body: ['{"error":"model not found"}'],
    });
    try {
      const plain = await run(['show', 'Llama3.2:1B', '--json'], server.url);
      expect(plain.code).toBe(3);
      expect((JSON.parse(plain.stderr) as { error: { hint: string } }).error.hint).toContain('llama3.2:1b');
      const hugging = await run(['show', 'hf.co/User/Repo:Q4', '--json'], server.url);
      expect((JSON.parse(hugging.stderr) as { error: { hint: string } }).error.hint).not.toContain(
        'hf.co/user',
      );
    } finally {
      await server.close();
    }
  });
});
