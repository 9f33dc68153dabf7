import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { ESCAPES, lines, run, schemaErrors, TERMINAL } from '../support/run.js';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: ['smollm2:135m'] });
  await run(['cp', 'smollm2:135m', 'me/small'], sandbox.url);
});
afterEach(async () => await sandbox.close());

async function pushJson(
  argv: readonly string[],
  url = sandbox.url,
): Promise<{ code: number; stderr: string; events: Record<string, unknown>[] }> {
  const { code, stdout, stderr } = await run(['push', '--json', ...argv], url);
  const events = lines(stdout);
  for (const event of events) expect(schemaErrors('push-event', event)).toBe('');
  return { code, stderr, events };
}

function pushes(): unknown[] {
  return sandbox.requests.filter(({ path }) => path === '/api/push');
}

/** A server whose push ends with this line. */
async function failing(line: string): Promise<FaultServer> {
  return await serve({
    body: ['{"status":"retrieving manifest"}\n', `${JSON.stringify({ error: line })}\n`],
  });
}

describe('push', () => {
  it('sends a model to its registry, and names its page', async () => {
    const { code, stderr, events } = await pushJson(['me/small']);
    expect([code, stderr]).toEqual([0, '']);
    expect(events[0]).toEqual({ type: 'start', schema_version: 1, host: sandbox.url, models: ['me/small'] });
    expect(events).toContainEqual({ type: 'status', model: 'me/small', status: 'pushing manifest' });
    expect(events.filter(({ type }) => type === 'progress').length).toBeGreaterThan(3);
    expect(events.at(-1)).toEqual({
      type: 'result',
      succeeded: ['me/small'],
      failed: [],
      url: 'https://ollama.com/me/small',
    });
    await run(['rm', 'me/small', '--yes'], sandbox.url);
    expect((await run(['pull', 'me/small', '-q'], sandbox.url)).code).toBe(0);
  });

  it('writes the page to stdout, what it does to stderr, and nothing with --quiet', async () => {
    const plain = await run(['push', 'me/small'], sandbox.url);
    expect([plain.code, plain.stdout]).toEqual([0, 'https://ollama.com/me/small\n']);
    expect(plain.stderr).toMatch(/^pushing me\/small/);
    expect(plain.stderr).not.toMatch(ESCAPES);
    await run(['cp', 'me/small', 'me/small:v2'], sandbox.url);
    const drawn = await run(['push', 'me/small:v2'], sandbox.url, TERMINAL);
    expect([drawn.code, drawn.stdout]).toEqual([0, 'https://ollama.com/me/small:v2\n']);
    expect(drawn.stderr).toContain('✓');
    expect(await run(['push', 'me/small', '-q'], sandbox.url)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('names no page for another registry, and says how to reach one without TLS', async () => {
    const name = 'registry.example:5000/me/small';
    await run(['cp', 'me/small', name], sandbox.url);
    const refused = await pushJson([name]);
    expect(refused.code).toBe(6);
    expect(refused.events.at(-1)).toMatchObject({
      error: { code: 'registry_unreachable', hint: expect.stringContaining('push --insecure') as string },
    });
    sandbox.setFaults([parseFault('cut:times=1')]);
    const cut = await run(['push', name, '--insecure'], sandbox.url);
    expect(cut.stderr).toContain(`ollama-cli push --insecure ${name}`);
    const ran = await run(['push', name, '--insecure'], sandbox.url);
    expect([ran.code, ran.stdout]).toEqual([0, '']);
  });

  it('refuses a name without a namespace before anything is asked, and says how to get one', async () => {
    const { code, events } = await pushJson(['smollm2:135m']);
    expect(code).toBe(2);
    expect(events.map(({ type }) => type)).toEqual(['start', 'model_error', 'error']);
    expect(events.at(-1)).toMatchObject({
      error: {
        code: 'invalid_name',
        hint: expect.stringContaining('ollama-cli cp smollm2:135m YOU/') as string,
      },
    });
    expect((await run(['push', 'a@b/c'], sandbox.url)).code).toBe(2);
    expect((await pushJson(['me/small', '--fields', 'url,x'])).code).toBe(2);
    expect(pushes()).toEqual([]);
  });

  it('says of a model that is not there that it is not installed', async () => {
    const { code, events } = await pushJson(['me/absent']);
    expect(code).toBe(3);
    const { error } = events.at(-1) as { error: { code: string; message: string } };
    expect(error.code).toBe('model_not_found');
    expect(error.message).toMatch(/^"me\/absent" is not installed/);
  });

  it.each([
    ['unauthorized: access denied', 4, 'unauthorized', 'ollama signin'],
    ['digest mismatch, expected "a", got "b"', 6, 'digest_mismatch', ''],
    [
      'dial tcp: lookup registry.ollama.ai: no such host',
      6,
      'registry_unreachable',
      'ollama-cli push me/small',
    ],
    ['max retries exceeded', 6, 'registry_unreachable', 'ollama-cli push me/small'],
    ['something \u001b[31melse', 1, 'server_error', ''],
  ])('tells the server\'s "%s" and exits %i', async (line, exit, code, hint) => {
    const server = await failing(line);
    const told = await pushJson(['me/small'], server.url);
    const plain = await run(['push', 'me/small'], server.url);
    await server.close();
    expect([told.code, plain.code]).toEqual([exit, exit]);
    expect(told.events.at(-1)).toMatchObject({ type: 'error', error: { code } });
    expect(plain.stderr).toContain(hint);
    expect(plain.stderr).not.toMatch(ESCAPES);
    expect(plain.stdout).toBe('');
  });

  it.each([
    ['cut@50%:path=/api/push', 6, 'stream_cut'],
    ['no-done:path=/api/push', 6, 'stream_cut'],
    ['401', 4, 'unauthorized'],
    ['500', 1, 'server_error'],
    ['html', 1, 'protocol'],
  ])('with the fault %s it exits %i and calls nothing done', async (fault, exit, code) => {
    sandbox.setFaults([parseFault(fault)]);
    const told = await pushJson(['me/small']);
    expect([told.code, told.events.at(-1)]).toMatchObject([exit, { type: 'error', error: { code } }]);
    expect(told.events.some(({ type }) => type === 'result' || type === 'model_result')).toBe(false);
  });

  it('ends with 130 and an error when it is stopped', async () => {
    const server = await serve(() => {
      setTimeout(() => test.abort(), 20);
      return { body: ['{"status":"retrieving manifest"}\n'], then: 'stall' };
    });
    const test = testIo({ env: { OLLAMA_HOST: server.url } });
    expect(await main(['push', 'me/small', '--json'], test.io)).toBe(130);
    await server.close();
    expect(lines(test.stdout()).at(-1)).toMatchObject({ type: 'error', error: { code: 'interrupted' } });
  });
});
