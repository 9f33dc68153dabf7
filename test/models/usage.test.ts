import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lastUses, parseUsage, readUsage, readUses, recordUse } from '../../src/models/usage.js';

const KEPT = { history: true };
const HOST = 'http://127.0.0.1:11434';
const NOON = Date.UTC(2026, 5, 1, 12);

let home: string;
beforeEach(() => (home = mkdtempSync(path.join(tmpdir(), 'usage-'))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

const io = (env = {}) => ({ env: { XDG_STATE_HOME: home, ...env }, platform: 'linux' as const });
const file = () => path.join(home, 'ollama-cli', 'usage.jsonl');
const use = (model: string, at = NOON, tokensPerSecond?: number) => ({
  host: HOST,
  model,
  at,
  tokensPerSecond,
});

describe('the record of use', () => {
  it('tells when each model was last used on a host, under the name that Ollama shows', async () => {
    await recordUse(io(), KEPT, use('Llama3.2', NOON));
    await recordUse(io(), KEPT, use('llama3.2:latest', NOON + 1000));
    await recordUse(io(), KEPT, use('library/qwen3:8b', NOON + 2000));
    await recordUse(io(), KEPT, { ...use('elsewhere'), host: 'http://gpu-box:11434' });
    expect([...(await readUses(io(), HOST))]).toEqual([
      ['llama3.2:latest', NOON + 1000],
      ['qwen3:8b', NOON + 2000],
    ]);
  });

  it('keeps the last speed that was told', async () => {
    await recordUse(io(), KEPT, use('a:1', NOON, 48.5));
    await recordUse(io(), KEPT, use('a:1', NOON + 1));
    await recordUse(io(), KEPT, use('b:1', NOON, 0));
    const usage = await readUsage(io(), HOST);
    expect(usage.get('a:1')).toMatchObject({ at: NOON + 1, tokensPerSecond: 48.5 });
    expect(usage.get('b:1')?.tokensPerSecond).toBeUndefined();
  });

  it('keeps how long the model last took to load, and not that it was loaded already', async () => {
    await recordUse(io(), KEPT, { ...use('a:1', NOON, 48), loadMs: 5200 });
    await recordUse(io(), KEPT, { ...use('a:1', NOON + 1), loadMs: 105 });
    await recordUse(io(), KEPT, { ...use('b:1', NOON), loadMs: 500 });
    const usage = await readUsage(io(), HOST);
    expect(usage.get('a:1')).toMatchObject({ at: NOON + 1, tokensPerSecond: 48, loadMs: 5200 });
    expect(usage.get('b:1')?.loadMs).toBeUndefined();
    expect(readFileSync(file(), 'utf8').match(/load_ms/g)).toHaveLength(1);
    await recordUse(io(), KEPT, { ...use('a:1', NOON + 2), loadMs: 2100 });
    expect((await readUsage(io(), HOST)).get('a:1')?.loadMs).toBe(2100);
  });

  it('is readable by its owner alone', async () => {
    await recordUse(io(), KEPT, use('a:1'));
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file())).mode & 0o777).toBe(0o700);
  });

  it('is not written where nothing is to be kept', async () => {
    await recordUse(io(), { history: false }, use('a:1'));
    await recordUse(io({ OLLAMA_NOHISTORY: '1' }), KEPT, use('a:1'));
    expect(() => statSync(file())).toThrow();
    await recordUse(io({ OLLAMA_NOHISTORY: '0' }), KEPT, use('a:1'));
    expect(statSync(file()).size).toBeGreaterThan(0);
  });

  it('is empty, and fails nothing, where its folder can not be had', async () => {
    writeFileSync(path.join(home, 'ollama-cli'), 'a file where the folder should be');
    await recordUse(io(), KEPT, use('a:1'));
    expect((await readUses(io(), HOST)).size).toBe(0);
  });

  it('loses no use to another that is recorded at the same time', async () => {
    const models = Array.from({ length: 50 }, (_, n) => `m${n}:1`);
    await Promise.all(models.map((model) => recordUse(io(), KEPT, use(model))));
    expect([...(await readUses(io(), HOST)).keys()].sort()).toEqual([...models].sort());
  });

  it('is made short once it is long, and still tells the last use of each model', async () => {
    mkdirSync(path.dirname(file()), { recursive: true });
    const line = (n: number) =>
      `${JSON.stringify({ at: new Date(NOON + n).toISOString(), host: HOST, model: `m${n % 7}:1` })}\n`;
    writeFileSync(file(), Array.from({ length: 3000 }, (_, n) => line(n)).join(''));
    expect(statSync(file()).size).toBeGreaterThan(200_000);
    await recordUse(io(), KEPT, use('last:1', NOON + 9999));
    expect(statSync(file()).size).toBeLessThan(2000);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const uses = await readUses(io(), HOST);
    expect(uses.size).toBe(8);
    expect(uses.get('m3:1')).toBe(NOON + 2999);
    expect(uses.get('last:1')).toBe(NOON + 9999);
  });
});

describe('lines of a record', () => {
  it.each([
    ['not JSON at all'],
    ['null'],
    ['[]'],
    ['{}'],
    ['{"at":5,"host":"h","model":"m"}'],
    ['{"at":"no time","host":"h","model":"m"}'],
    ['{"at":"2026-06-01T12:00:00.000Z","host":"h"}'],
    [`{"at":"2026-06-01T12:00:00.000Z","host":"h","model":"${'m'.repeat(3000)}"}`],
    ['{"at":"2026-06-01T12:00:00.000Z","host":"h","mo'],
  ])('that are damaged are passed over: %s', (line) => {
    const sound = '{"at":"2026-06-01T12:00:00.000Z","host":"h","model":"m:1","load_ms":"soon"}';
    expect(parseUsage(`${line}\n${sound}\n`)).toEqual([{ host: 'h', model: 'm:1', at: NOON }]);
  });

  it('never make reading fail, whatever they are', async () => {
    await recordUse(io(), KEPT, use('a:1'));
    const sound = readFileSync(file(), 'utf8');
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.json(), fc.constant(sound.trim()))), (lines) => {
        const text = lines.join('\n');
        const found = lines.filter((line) => line === sound.trim()).length;
        expect(parseUsage(text).filter(({ model }) => model === 'a:1').length).toBe(found);
        expect(lastUses(parseUsage(text)).filter(({ model }) => model === 'a:1').length).toBe(
          Math.min(1, found),
        );
      }),
    );
  });
});
