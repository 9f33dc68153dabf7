import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import { findDetails, formatDetails, parseDetails, weightsIn } from '../../src/models/details.js';
import { serve, type Handler, type FaultServer } from '../support/fault-server.js';
import { testIo } from '../support/io.js';

const hex = (n: number): string => n.toString(16).padStart(64, '0');
const JSON_HEADERS = { 'content-type': 'application/json' };

let home: string;
let server: FaultServer | undefined;
beforeEach(() => (home = mkdtempSync(path.join(tmpdir(), 'details-'))));
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(home, { recursive: true, force: true });
});

const file = () => path.join(home, 'ollama-cli', 'details.json');

function shown(n: number, more: object = {}): object {
  return {
    modelfile: `# FROM m\n\nFROM /models/blobs/sha256-${hex(1000 + n)}\nTEMPLATE x\n`,
    model_info: { 'general.architecture': 'llama', 'llama.context_length': 4096 },
    capabilities: ['completion', 'tools'],
    ...more,
  };
}

const answer: Handler = (request) => {
  const { model } = JSON.parse(request.body) as { model: string };
  return { headers: JSON_HEADERS, body: [JSON.stringify(shown(Number(model.slice(1))))] };
};

async function find(handler: Handler, count: number, options: { now?: () => number; digest?: string } = {}) {
  server ??= await serve(handler);
  const { io } = testIo({ env: { XDG_CACHE_HOME: home }, now: options.now ?? Date.now });
  const client = new OllamaClient(server.url, { env: {}, retry: { attempts: 1 } });
  const models = Array.from({ length: count }, (_, n) => ({
    name: `m${n}`,
    model: `m${n}`,
    size: 1,
    digest: options.digest ?? hex(n),
    modified_at: '',
    details: {},
  }));
  const details = await findDetails({ io, client }, models);
  await details.save();
  return details;
}

const asked = (): number => server?.requests.length ?? 0;

describe('the details of models', () => {
  it('are asked for once, and then known', async () => {
    const details = await find(answer, 20);
    expect(details.get(hex(7))).toMatchObject({
      capabilities: ['completion', 'tools'],
      contextLength: 4096,
      weights: [`sha256:${hex(1007)}`],
    });
    expect(asked()).toBe(20);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const again = await find(answer, 20);
    expect(again.get(`sha256:${hex(7)}`)?.contextLength).toBe(4096);
    expect(asked()).toBe(20);
  });

  it('are asked for at most eight at a time, and one digest once', async () => {
    let open = 0;
    let most = 0;
    await find(async (request, response) => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 5));
      response.on('close', () => open--);
      return answer(request, response);
    }, 30);
    expect(most).toBeLessThanOrEqual(8);
    expect(most).toBeGreaterThan(1);
    await server?.close();
    server = undefined;
    await find(answer, 5, { digest: hex(99) });
    expect(asked()).toBe(1);
  });

  it.each([
    [
      'a server that answers with an error',
      () => ({ status: 500, headers: JSON_HEADERS, body: ['{"error":"no"}'] }),
    ],
    ['what is not Ollama', () => ({ headers: { 'content-type': 'text/html' }, body: ['<html></html>'] })],
    ['a connection that breaks', () => ({ headers: JSON_HEADERS, body: ['{'], then: 'reset' as const })],
  ])('stay unknown with %s, which is not asked on', async (_what, handler) => {
    const details = await find(handler, 50);
    expect(details.get(hex(0))).toBeUndefined();
    expect(asked()).toBeLessThanOrEqual(16);
    expect(() => statSync(file())).toThrow();
  });

  it('stay unknown of a model that has gone, and of no other', async () => {
    const details = await find((request, response) => {
      if (!request.body.includes('"m1"')) return answer(request, response);
      return { status: 404, headers: JSON_HEADERS, body: [`{"error":"model 'm1' not found"}`] };
    }, 3);
    expect([0, 1, 2].map((n) => details.get(hex(n)) !== undefined)).toEqual([true, false, true]);
  });

  it('are not waited for longer than two seconds', async () => {
    const before = Date.now();
    const details = await find((request, response) => {
      if (request.body.includes('"m0"')) return answer(request, response);
      return { headers: JSON_HEADERS, then: 'stall' };
    }, 20);
    expect(details.get(hex(0))).toBeDefined();
    expect(details.get(hex(5))).toBeUndefined();
    expect(Date.now() - before).toBeLessThan(10_000);
  });

  it('are asked for again after a day where a server did not tell what a model can do', async () => {
    let now = Date.UTC(2026, 0, 1);
    const old: Handler = () => ({
      headers: JSON_HEADERS,
      body: [JSON.stringify(shown(0, { capabilities: null }))],
    });
    await find(old, 1, { now: () => now });
    now += 23 * 3_600_000;
    await find(old, 1, { now: () => now });
    expect(asked()).toBe(1);
    now += 2 * 3_600_000;
    await find(old, 1, { now: () => now });
    expect(asked()).toBe(2);
  });

  it.each(['../../etc', '__proto__', 'constructor'])(
    'of a digest that is none are neither asked for nor kept: %s',
    async (digest) => {
      const details = await find(answer, 3, { digest });
      expect(asked()).toBe(0);
      expect(details.get(digest)).toBeUndefined();
    },
  );

  it.each(['', '{', 'null', '{"models":[]}', `{"models":{"${hex(0)}":5}}`])(
    'come from the server where the cache is broken: %s',
    async (text) => {
      mkdirSync(path.dirname(file()), { recursive: true });
      writeFileSync(file(), text);
      const details = await find(answer, 1);
      expect(details.get(hex(0))?.contextLength).toBe(4096);
      expect(parseDetails(readFileSync(file(), 'utf8')).size).toBe(1);
    },
  );
});

describe('the cache of details', () => {
  it('holds the latest thousand', () => {
    const many = new Map(
      Array.from({ length: 1200 }, (_, n) => [hex(n), { askedAt: 0, contextLength: 1 + n }]),
    );
    const kept = parseDetails(formatDetails(many));
    expect(kept.size).toBe(1000);
    expect(kept.has(hex(199))).toBe(false);
    expect(kept.get(hex(200))?.contextLength).toBe(201);
  });

  it('takes any text without failing, and keeps what it wrote itself', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseDetails(text)));
    const entry = fc.record(
      {
        askedAt: fc.nat(4e12),
        capabilities: fc.array(fc.string({ maxLength: 64 }), { maxLength: 32 }),
        contextLength: fc.integer({ min: 1 }),
        weights: fc.array(
          fc.nat().map((n) => `sha256:${hex(n)}`),
          { minLength: 1, maxLength: 3 },
        ),
      },
      { requiredKeys: ['askedAt'] },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat().map(hex), entry)), (entries) => {
        const map = new Map(entries);
        expect(parseDetails(formatDetails(map))).toEqual(map);
      }),
    );
  });
});

describe('the weights in a Modelfile', () => {
  it.each([
    ['of a server on Linux', `# c\n\nFROM /var/blobs/sha256-${hex(1)}\nTEMPLATE x`, [1]],
    ['of one on Windows', `FROM C:\\Users\\A B\\.ollama\\models\\blobs\\sha256-${hex(1)}\r\n`, [1]],
    ['with a projector', `FROM /b/sha256-${hex(1)}\nFROM /b/sha256-${hex(2)}\nSYSTEM y`, [1, 2]],
    ['named by another model', 'FROM llama3.2', []],
    ['without any', '', []],
    ['that a text only speaks of', `TEMPLATE """\nFROM /b/sha256-${hex(1)}\n"""`, []],
  ])('%s', (_what, text, numbers) => {
    expect(weightsIn(text)).toEqual(numbers.map((n) => `sha256:${hex(n)}`));
  });
});
