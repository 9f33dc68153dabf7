import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import { seeMemory, type SeenMemory } from '../../src/models/memory.js';
import { parseNvidia } from '../../src/models/memory-nvidia.js';
import { testIo, type TestIoOptions } from '../support/io.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'memory-'));
  put(
    'proc/meminfo',
    'MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    9000000 kB\n',
  );
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(file: string, text: string): string {
  const whole = path.join(root, file);
  mkdirSync(path.dirname(whole), { recursive: true });
  writeFileSync(whole, text);
  return whole;
}

const KIB = 1024;
const MIB = 2 ** 20;

async function see(
  options: TestIoOptions = {},
  host = 'http://127.0.0.1:11434',
): Promise<SeenMemory | undefined> {
  const { io } = testIo(options);
  return await seeMemory({ io, client: new OllamaClient(host, { env: {} }) }, { root, limitMs: 1_500 });
}

/** A program of this name on a PATH of its own. */
function fakeProgram(body: string): Readonly<Record<string, string>> {
  const file = put('bin/nvidia-smi', `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return { PATH: `relative:${path.dirname(file)}:/usr/bin:/bin` };
}

describe('the memory of the server', () => {
  it('is not seen behind an address that is not this machine', async () => {
    expect(await see({}, 'http://192.0.2.7:11434')).toBeUndefined();
  });

  it('is what Linux calls available', async () => {
    expect(await see()).toEqual({
      ram: 9_000_000 * KIB,
      ramTotal: 16_000_000 * KIB,
      source: 'this machine',
    });
  });

  it('is what the system says where there is no /proc', async () => {
    rmSync(path.join(root, 'proc'), { recursive: true });
    const seen = await see();
    expect(seen?.ramTotal).toBe(totalmem());
    expect(seen?.ram).toBeGreaterThan(0);
  });

  it.each<[string, Record<string, string>, number, number]>([
    [
      'its own group of the second version',
      {
        'proc/self/cgroup': '0::/a/b\n',
        'sys/fs/cgroup/a/b/memory.max': '4000000000\n',
        'sys/fs/cgroup/a/b/memory.current': '1500000000\n',
        'sys/fs/cgroup/a/b/memory.stat': 'anon 1\ninactive_file 500000000\n',
      },
      3e9,
      4e9,
    ],
    [
      'a group above its own',
      {
        'proc/self/cgroup': '0::/a/b\n',
        'sys/fs/cgroup/a/b/memory.max': 'max\n',
        'sys/fs/cgroup/a/memory.max': '5000000000\n',
        'sys/fs/cgroup/a/memory.current': '0\n',
      },
      5e9,
      5e9,
    ],
    [
      'the root of a container, whose own group has another name outside',
      {
        'proc/self/cgroup': '0::/../../x\n',
        'sys/fs/cgroup/memory.max': '6000000000\n',
        'sys/fs/cgroup/memory.current': '1000000000\n',
      },
      5e9,
      6e9,
    ],
    [
      'a group of the first version',
      {
        'proc/self/cgroup': '9:cpu:/x\n8:memory:/job\n',
        'sys/fs/cgroup/memory/job/memory.limit_in_bytes': '2000000000\n',
        'sys/fs/cgroup/memory/job/memory.usage_in_bytes': '2500000000\n',
        'sys/fs/cgroup/memory/job/memory.stat': 'total_inactive_file 0\n',
      },
      0,
      2e9,
    ],
    [
      'no group whose limit is beyond the machine',
      { 'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n' },
      9_000_000 * KIB,
      16_000_000 * KIB,
    ],
  ])('is bounded by %s', async (_, files, ram, total) => {
    for (const [file, text] of Object.entries(files)) put(file, text);
    expect(await see()).toMatchObject({ ram, ramTotal: total });
  });

  it("adds up NVIDIA's cards by nvidia-smi, asked without a shell", async () => {
    const env = fakeProgram(
      '[ "$1" = --query-gpu=memory.total,memory.free ] && echo "24576, 20000" && echo "8192, 8000"',
    );
    expect(await see({ env })).toMatchObject({
      vram: 28_000 * MIB,
      vramTotal: 32_768 * MIB,
      source: 'this machine, nvidia-smi',
    });
  });

  it.each([
    ['fails', 'echo "24576, 20000"; exit 9'],
    ['says something else', 'echo "NVIDIA-SMI has failed because it could not talk to the driver"'],
    ['has a card without a memory of its own', 'echo "[N/A], [N/A]"'],
    ['hangs', 'echo "24576, 20000"; exec sleep 30'],
  ])('has no GPU where nvidia-smi %s', async (_, body) => {
    expect(await see({ env: fakeProgram(body) })).not.toHaveProperty('vram');
  });

  it('runs no program of a folder that is not named whole', async () => {
    fakeProgram('echo "24576, 20000"');
    expect(await see({ env: { PATH: 'bin:.:' }, cwd: root })).not.toHaveProperty('vram');
  });

  it("counts AMD's cards by their driver, but not the little set aside for a processor's own", async () => {
    put('sys/class/drm/card0/device/mem_info_vram_total', '17163091968\n');
    put('sys/class/drm/card0/device/mem_info_vram_used', '1000000000\n');
    put('sys/class/drm/card1/device/mem_info_vram_total', '536870912\n');
    put('sys/class/drm/card0-DP-1/device/mem_info_vram_total', '17163091968\n');
    expect(await see()).toMatchObject({ vram: 16_163_091_968, vramTotal: 17_163_091_968 });
  });

  it('is one for both on macOS, where the GPU may have a part', async () => {
    const seen = await see({ platform: 'darwin' });
    expect(seen).toMatchObject({ ram: totalmem(), unified: true });
    expect(seen?.vram).toBeLessThan(totalmem());
    expect(seen?.vram).toBeGreaterThan(totalmem() / 2);
  });
});

it.each([
  ['', undefined],
  ['24576, 20000\r\n', { total: 24_576 * MIB, free: 20_000 * MIB }],
  ['100, 200\n', { total: 100 * MIB, free: 100 * MIB }],
  ['1e99, 5\n', undefined],
])('reads %j of nvidia-smi', (output, memory) => {
  expect(parseNvidia(output)).toEqual(memory);
});
