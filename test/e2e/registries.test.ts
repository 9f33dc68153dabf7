import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { serve, type FaultServer, type Handler, type Script } from '../support/fault-server.js';
import { ESCAPES, lines, run, schemaErrors } from '../support/run.js';
import { BIN, openFolder, runProgram } from './program.js';

const USAGE = path.resolve(import.meta.dirname, '../../scripts/bench/usage.cjs');
const MOST_MEMORY_MB = 150;

const DIGEST = `sha256:${'a'.repeat(64)}`;
const manifest = (more: object): string =>
  JSON.stringify({ schemaVersion: 2, layers: [{ digest: DIGEST, size: 5, mediaType: 'x' }], ...more });

const json = (text: string): Script => ({ headers: { 'content-type': 'application/json' }, body: [text] });
const ENDLESS = `{"digest":"${DIGEST}","size":1},`.repeat(2000);

/** Writes as fast as it is read, for ever. */
const endless =
  (head: string, piece: string): Handler =>
  ({ method }, response) => {
    response.writeHead(response.statusCode, { 'content-type': 'application/json' });
    // Node takes in the body of what has none without end.
    if (method === 'HEAD') {
      response.end();
      return undefined;
    }
    response.write(head);
    const more = (): void => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more);
    more();
    return undefined;
  };

/** What a registry may answer to whatever it is asked. */
const ANSWERS: Readonly<Record<string, Script | Handler>> = {
  'a page': { headers: { 'content-type': 'text/html' }, body: ['<!DOCTYPE html><title>Sign in</title>'] },
  nothing: json(''),
  null: json('null'),
  'a list': json('[]'),
  'half a manifest': json(manifest({}).slice(0, 40)),
  'a manifest that breaks off': { body: [manifest({}).slice(0, 40)], then: 'reset' },
  'a depth without end': json('['.repeat(1_000_000)),
  'layers that are none': json(manifest({ layers: 'all' })),
  'a layer without a digest': json(manifest({ layers: [{ size: 5 }] })),
  'a layer that is a path': json(
    manifest({ layers: [{ digest: 'sha256:../../../../etc/passwd', size: 5 }] }),
  ),
  'a layer of less than nothing': json(manifest({ layers: [{ digest: DIGEST, size: -5 }] })),
  'a layer of more than there is': json(manifest({ layers: [{ digest: DIGEST, size: 1e300 }] })),
  'an old kind of manifest': json(manifest({ schemaVersion: 1 })),
  'a list of manifests': json(manifest({ manifests: [] })),
  'bytes that are no text': { body: [Uint8Array.from([0xff, 0xfe, 0x00, 0x1b, 0x5b, 0x33, 0x31, 0x6d])] },
  'an error with escape sequences': {
    ...json('{"errors":[{"message":"\\u001b[31mred\\u001b]0;x\\u0007"}]}'),
    status: 500,
  },
  'a status of its own': { ...json('{}'), status: 418 },
  'a wait of years': { ...json('{}'), status: 429, headers: { 'retry-after': '99999999' } },
  'the way to itself': ({ url }) => ({ status: 302, headers: { location: url }, body: [] }),
  'the way to a file': { status: 302, headers: { location: 'file:///etc/passwd' }, body: [] },
  'a manifest without end': endless('{"schemaVersion":2,"layers":[', ENDLESS),
  'an error without end': (request, response) => {
    response.statusCode = 500;
    return endless('', ENDLESS)(request, response);
  },
  'silence before its head': () => undefined,
  'silence in its midst': { body: [manifest({}).slice(0, 40)], then: 'stall' },
};

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ installed: ['gemma3:1b'], scale: 0.001 });
});
afterAll(() => sandbox.close());

const SETTINGS = { OLLAMA_CLI_RETRY__DELAY: '1ms', OLLAMA_CLI_TIMEOUTS__RESPONSE: '1s' };

async function withRegistry(
  answer: Script | Handler,
  use: (registry: FaultServer) => Promise<void>,
): Promise<void> {
  const registry = await serve(answer);
  try {
    await use(registry);
  } finally {
    await registry.close();
  }
}

describe.each(Object.entries(ANSWERS))('a registry that answers %s', (_what, answer) => {
  test('says nothing of what is out of date, and keeps no pull from its end', async () => {
    await withRegistry(answer, async ({ url, requests }) => {
      const env = { ...SETTINGS, OLLAMA_CLI_REGISTRY: url };
      await run(['rm', 'all-minilm:22m', '--yes', '--ignore-missing'], sandbox.url);
      const told = await run(['outdated', '--json'], sandbox.url, { env });
      const document = JSON.parse(told.stdout) as { models: { state: string; reason?: string }[] };
      expect(schemaErrors('outdated', document)).toBe('');
      expect(document.models).toMatchObject([
        { state: 'unknown', reason: expect.stringMatching(/\w/) as string },
      ]);
      const plain = await run(['outdated'], sandbox.url, { env });
      expect(plain.stdout + plain.stderr).not.toMatch(ESCAPES);
      expect(requests.length).toBeGreaterThan(0);

      const pulled = await run(['pull', 'all-minilm:22m', '--json'], sandbox.url, { env });
      expect(pulled).toMatchObject({ code: 0, stderr: '' });
      const events = lines(pulled.stdout);
      expect(events.at(-1)).toMatchObject({ type: 'result', succeeded: ['all-minilm:22m'] });
      expect(events.some(({ type }) => type === 'manifest')).toBe(false);
    });
  });
});

describe.each([
  ['registry-huge', ['outdated', '--json'], /"state":"unknown"/],
  ['registry-huge', ['pull', 'all-minilm:22m', '--json'], /"type":"result"/],
  ['registry-huge', ['fit', 'smollm2:135m', '--json'], /^/],
  ['registry-huge', ['pull', 'smollm2:135m', '--dry-run', '--json'], /^/],
  ['registry-garbage', ['outdated', '--json'], /"state":"unknown"/],
])('%s', (fault, argv, told) => {
  test(`${argv.join(' ')} ends, and takes no more memory for it`, async () => {
    const own = await startSandbox({ installed: ['gemma3:1b'], scale: 0.001, faults: [parseFault(fault)] });
    const usage = path.join(openFolder(), 'usage.json');
    const ran = await runProgram(argv, own.url, {
      command: [process.execPath, '--require', USAGE, BIN],
      env: { BENCH_USAGE: usage },
    });
    const fired = own.fired()[fault];
    await own.close();
    expect(fired).toBeGreaterThan(0);
    expect([ran.code, ran.stdout]).toEqual([
      /dry-run|fit/.test(argv.join()) ? 1 : 0,
      expect.stringMatching(told),
    ]);
    expect((JSON.parse(readFileSync(usage, 'utf8')) as { peakMb: number }).peakMb).toBeLessThan(
      MOST_MEMORY_MB,
    );
  });
});
