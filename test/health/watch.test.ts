import { mkdtempSync, rmSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import { lookAtServer } from '../../src/health/look.js';
import type { Context } from '../../src/context.js';
import { main } from '../../src/main.js';
import { startSandbox } from '../../src/sandbox/server.js';
import { closedPort, serve } from '../support/fault-server.js';
import { testIo, type TestIoOptions } from '../support/io.js';
import { ESCAPES, lines, run, schemaErrors, TERMINAL } from '../support/run.js';
import { serveRaw } from './faults.js';

const json = { headers: { 'content-type': 'application/json' } };

/** A server whose list of models fails as long as `isBroken`. */
async function moody() {
  const mood = { isBroken: false };
  const server = await serve(({ url }) =>
    url === '/api/version'
      ? { ...json, body: ['{"version":"0.24.0"}'] }
      : mood.isBroken && url === '/api/tags'
        ? { status: 500, ...json, body: ['{"error":"the disk is gone"}'] }
        : { ...json, body: ['{"models":[]}'] },
  );
  return { mood, server };
}

/** The first look loads what it needs, on a machine that may be busy. */
const PATIENT = { timeout: 15_000 };

describe('health --watch', () => {
  async function watch(
    options: TestIoOptions,
    argv: string[],
    steps: (stdout: () => string, mood: { isBroken: boolean }) => Promise<void>,
  ): Promise<{ code: number; stdout: string }> {
    const { mood, server } = await moody();
    const test = testIo({ ...options, env: { OLLAMA_HOST: server.url } });
    const watching = main(['health', '--watch=100ms', ...argv], test.io);
    await steps(test.stdout, mood);
    test.abort();
    const code = await watching;
    await server.close();
    return { code, stdout: test.stdout() };
  }

  it('tells a change as a line with its time, and nothing while nothing changes', async () => {
    const { code, stdout } = await watch({}, [], async (text, mood) => {
      await expect.poll(text, PATIENT).toContain('verdict\thealthy');
      mood.isBroken = true;
      await expect.poll(text, PATIENT).toContain('the disk is gone');
      mood.isBroken = false;
      await expect
        .poll(
          () =>
            text()
              .split('\n')
              .filter((line) => line.startsWith('20')).length,
        )
        .toBe(2);
    });
    expect(code).toBe(130);
    const changes = stdout.split('\n').filter((line) => /^\d{4}-\d\d-\d\dT/.test(line));
    expect(changes.map((line) => line.split('\t')[1])).toEqual(['degraded', 'healthy']);
    expect(changes[0]).toContain('models: ');
  });

  it('tells each verdict as one document a line in JSON', async () => {
    const { stdout } = await watch({}, ['--json'], async (text, mood) => {
      await expect.poll(() => lines(text()).length, PATIENT).toBe(1);
      mood.isBroken = true;
      await expect.poll(() => lines(text()).length, PATIENT).toBe(2);
    });
    const documents = lines(stdout);
    for (const document of documents) expect(schemaErrors('health', document)).toBe('');
    expect(documents.map(({ status }) => status)).toEqual(['healthy', 'degraded']);
  });

  it('keeps to --fields', async () => {
    const { stdout } = await watch({}, ['--json', '--fields', 'status'], async (text) => {
      await expect.poll(() => lines(text()).length, PATIENT).toBe(1);
    });
    expect(lines(stdout)).toEqual([{ schema_version: 1, status: 'healthy' }]);
  });

  it('refuses an interval that is none, and several hosts', async () => {
    const { server } = await moody();
    expect((await run(['health', '--watch=soon'], server.url)).code).toBe(2);
    expect((await run(['health', '--watch', '--on', server.url])).code).toBe(2);
    await server.close();
  });
});

describe('health --on', () => {
  it('tells a row a host, with the first thing that is wrong, and exits 8', async () => {
    const sandbox = await startSandbox();
    const mute = await serveRaw(() => undefined);
    const gone = `127.0.0.1:${await closedPort()}`;
    const folder = mkdtempSync(path.join(tmpdir(), 'health-on-'));
    mkdirSync(path.join(folder, 'ollama-cli'));
    const file = path.join(folder, 'ollama-cli', 'config.yaml');
    writeFileSync(
      file,
      `hosts:\n  well: {url: "${sandbox.url}"}\n  gone: {url: "http://${gone}"}\n  mute: {url: "http://127.0.0.1:${mute.port}"}\n`,
      { mode: 0o600 },
    );
    const env = { XDG_CONFIG_HOME: folder };
    const ran = await run(['health', '--json', '--on', 'all', '--timeout', '500ms'], undefined, { env });
    const document = JSON.parse(ran.stdout) as { hosts: Record<string, unknown>[] };
    expect(schemaErrors('health', document)).toBe('');
    expect(ran.code).toBe(8);
    expect(document.hosts.map(({ host, status, ok }) => [host, status, ok])).toEqual([
      ['well', 'healthy', true],
      ['gone', 'unreachable', false],
      ['mute', 'unreachable', false],
    ]);
    expect(document.hosts[0]).toMatchObject({ url: sandbox.url, version: '0.24.0-sandbox' });

    expect(document.hosts[1]).toMatchObject({ error: { code: 'unreachable' } });

    const fields = await run(['health', '--on', 'well', '--fields', 'models,host'], undefined, { env });
    expect(fields).toMatchObject({ code: 0, stdout: 'models\thost\n3\twell\n' });
    const plain = await run(['health', '--on', 'well,gone'], undefined, { env });
    expect(plain.code).toBe(8);
    const rows = plain.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(rows[0]).toEqual(['host', 'status', 'version', 'response_time_ms', 'detail', 'hint']);
    expect(
      rows
        .slice(1)
        .map(([host, status]) => `${String(host)} ${String(status)}`)
        .sort(),
    ).toEqual(['gone unreachable', 'well healthy']);
    expect(rows.find(([host]) => host === 'gone')?.[5]).toContain('ollama serve');

    const drawn = await run(['health', '--on', 'well', '--color', 'never'], undefined, { ...TERMINAL, env });
    expect(drawn.code).toBe(0);
    expect(drawn.stdout).toMatch(/^HOST +HEALTH +VERSION/);
    expect(drawn.stdout).toContain('healthy');
    expect(drawn.stdout).not.toMatch(ESCAPES);
    const narrow = await run(['health', '--on', 'well,gone', '--color', 'never'], undefined, {
      ...TERMINAL,
      env,
    });
    expect(narrow.stdout).toMatch(/gone +unreachable +refused\n/);
    expect(narrow.stderr).toMatch(/✗ gone: No Ollama server at .*refused/);
    expect((await run(['health', '--on', 'gone'], undefined, { env })).code).toBe(5);
    expect((await run(['health', '--on', 'nobody'], undefined, { env })).code).toBe(3);
    expect((await run(['health', '--on', 'well', '--model', 'absent'], undefined, { env })).code).toBe(3);
    rmSync(folder, { recursive: true });
    await mute.close();
    await sandbox.close();
  });
});

describe('a look when something that lives long starts', () => {
  async function look(url: string, debug: boolean): Promise<string> {
    const test = testIo();
    const client = new OllamaClient(url, { env: {} });
    await lookAtServer({ io: test.io, client, flags: debug ? { debug: true } : {} } as unknown as Context);
    return test.stderr();
  }

  it('says nothing of a server that is well, and its models under --debug', async () => {
    const sandbox = await startSandbox({ installed: ['llama3.2:1b'] });
    expect(await look(sandbox.url, false)).toBe('');
    expect(await look(sandbox.url, true)).toMatch(
      /^debug: models on 127\.0\.0\.1:\d+ \(0\.24\.0-sandbox\): llama3\.2:1b\n$/,
    );
    await sandbox.close();
  });

  it('warns of one that is down, with what to do', async () => {
    const said = await look(`http://127.0.0.1:${await closedPort()}`, true);
    expect(said).toMatch(/^warning: No Ollama server at .*refused\. Next: ollama serve.*\n$/);
  });

  it('warns of one that answers and is not well, and cleans what it says', async () => {
    const { mood, server } = await moody();
    mood.isBroken = true;
    expect(await look(server.url, false)).toContain('the disk is gone');
    await server.close();
    const hostile = await serve({ status: 500, ...json, body: ['{"error":"\\u001b[2Jbad"}'] });
    expect(await look(hostile.url, false)).not.toContain('\u001b');
    await hostile.close();
  });
});
