import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createContext, type Context } from '../../src/context.js';
import { fitModel } from '../../src/models/fit.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { testIo } from '../support/io.js';

let root: string;
let server: FaultServer;
let running: readonly { name: string; size: number; size_vram: number }[] | undefined;

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'fit-'));
  put('proc/meminfo', 'MemTotal: 16000000 kB\nMemAvailable: 1000000 kB\n');
  running = [];
  server = await serve(({ url }) => {
    const answer = { '/api/tags': { models: [] }, '/api/ps': { models: running } }[url] ?? {
      details: { parameter_size: '8B', quantization_level: 'Q4_K_M' },
      model_info: {},
    };
    const failed = url === '/api/ps' && running === undefined;
    const headers = { 'content-type': 'application/json' };
    return { status: failed ? 500 : 200, headers, body: [JSON.stringify(answer)] };
  });
});
afterEach(async () => {
  rmSync(root, { recursive: true, force: true });
  await server.close();
});

function put(file: string, text: string): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}

async function contextOf(platform: NodeJS.Platform = 'linux'): Promise<Context> {
  const env = { OLLAMA_HOST: server.url, OLLAMA_CLI_RETRY__ATTEMPTS: '1' };
  return await createContext(testIo({ env, platform }).io, {});
}

/** The same server, at an address that does not say that it is this machine. */
async function remoteContext(): Promise<Context> {
  const context = await contextOf();
  const hostname = '192.0.2.7';
  Object.assign(context.client, { host: { ...context.client.host, hostname, display: hostname } });
  return context;
}

const KIB = 1024;
const CARD = 'sys/class/drm/card0/device/mem_info_vram_';

describe('a fit', () => {
  it('counts as free what loaded models would give back, and no more than there is', async () => {
    const context = await contextOf();
    const free = async (): Promise<unknown> => (await fitModel(context, 'm', { root })).available;
    expect(await free()).toEqual({ ram: 1_000_000 * KIB });
    running = [{ name: 'o', size: 3_000_000, size_vram: 1_000_000 }];
    expect(await free()).toEqual({ ram: 1_000_000 * KIB + 2_000_000 });
    running = [{ name: 'o', size: 1e12, size_vram: 0 }];
    expect(await free()).toEqual({ ram: 16_000_000 * KIB });
    put(`${CARD}total`, '16000000000');
    put(`${CARD}used`, '9000000000');
    running = [{ name: 'o', size: 8e9, size_vram: 8e9 }];
    expect(await free()).toEqual({ ram: 1_000_000 * KIB, vram: 15e9 });
    running = undefined;
    expect(await free()).toEqual({ ram: 1_000_000 * KIB, vram: 7e9 });
  });

  it('takes the context that the GPU’s whole memory earns, used or not', async () => {
    put(`${CARD}total`, '30000000000');
    put(`${CARD}used`, '29000000000');
    expect(await fitModel(await contextOf(), 'm', { root })).toMatchObject({ context: 32_768 });
  });

  it('is unknown for a server elsewhere, until somebody says what there is', async () => {
    const context = await remoteContext();
    const report = await fitModel(context, 'm', { root });
    expect(report).toMatchObject({ available: {}, verdict: 'unknown' });
    expect(report.reason).toBe("the memory of 192.0.2.7 can't be seen from here");
    running = [{ name: 'o', size: 8e9, size_vram: 8e9 }];
    expect((await fitModel(context, 'm', { root })).reason).toContain('it has a GPU');
    const told = await fitModel(context, 'm', { root, ram: 64e9 });
    expect(told).toMatchObject({ available: { ram: 64e9 }, verdict: 'fits', memory_source: '--ram' });
  });

  it('takes --ram on a Mac for a Mac with so much memory, of which the GPU has its share', async () => {
    const context = await contextOf('darwin');
    const small = await fitModel(context, 'm', { ram: 9e9 });
    expect(small).toMatchObject({ available: { ram: 9e9, vram: 6e9 }, unified: true });
    expect(await fitModel(context, 'm', { ram: 9e9, vram: 8e9 })).not.toHaveProperty('unified');
  });

  it('guesses the weights from the parameters where no size is told', async () => {
    const { weights_bytes: weights, basis } = await fitModel(await contextOf(), 'm', { root });
    expect(basis).toBe('config');
    expect(weights).toBeCloseTo((8e9 * 4.9) / 8, -6);
  });
});
