// What looking after models takes: asking a registry far away for many, and hashing what is here.
import path from 'node:path';
import { figure } from './figures.js';
import { makeModels } from './models-folder.js';
import { BIN, script } from './rig.js';

const ROUND_TRIP_MS = 300;
/** In the registry with a newer build: each is asked about once more. They are the oldest, and so the last in the list. */
const OUTDATED = ['llama3.2:1b', 'llama3.2:3b', 'qwen3:0.6b', 'qwen3:8b', 'gemma3:1b'];
const CURRENT = 95;
const FILES = [550_000_000, 450_000_000, 525_000_000, 475_000_000];

async function ask(url, path, body, method = 'POST') {
  const response = await fetch(`${url}${path}`, { method, body: JSON.stringify({ stream: false, ...body }) });
  if (!response.ok) throw new Error(`${path} of the sandbox: ${response.status} ${await response.text()}`);
}

/** A hundred models that the registry has too. */
async function fillLibrary(url) {
  const names = Array.from({ length: CURRENT }, (_, n) => `bench/model-${n}`);
  for (const model of OUTDATED) await ask(url, '/api/pull', { model });
  await ask(url, '/api/pull', { model: 'all-minilm' });
  await Promise.all(names.map((name) => ask(url, '/api/copy', { source: 'all-minilm', destination: name })));
  await Promise.all(names.map((name) => ask(url, '/api/push', { model: name })));
  await ask(url, '/api/delete', { model: 'all-minilm' }, 'DELETE');
}

/** `outdated` in round trips: all that it takes on the clock, its start too. */
export async function measureOutdated(rig, runs) {
  const faults = [`delay=${ROUND_TRIP_MS}ms`, 'newer:path=/v2/'].flatMap((fault) => ['--fault', fault]);
  const sandbox = await rig.openSandbox(['--empty', '--scale', '0.0001', ...faults]);
  try {
    await fillLibrary(sandbox.url);
    const trips = [];
    for (let n = 0; n < runs.outdated; n += 1) {
      const { ms, stdout } = rig.run([BIN, 'outdated', '--json'], { environment: rig.ofServer(sandbox.url) });
      const { models, outdated } = JSON.parse(stdout);
      if (models.length !== CURRENT + OUTDATED.length || outdated !== OUTDATED.length) {
        throw new Error(`${outdated} of ${models.length} models are outdated`);
      }
      trips.push(ms / ROUND_TRIP_MS);
    }
    return [figure(`outdated: 100 models at ${ROUND_TRIP_MS} ms, in round trips`, trips, { atMost: 6 })];
  } finally {
    sandbox.close();
  }
}

/** `verify` to a bare hash of the same files, which both find in memory. */
export async function measureVerify(rig, runs) {
  const folder = path.join(rig.home, 'models');
  makeModels(folder, FILES);
  const sandbox = await rig.openSandbox(['--models', folder]);
  try {
    const ratios = [];
    for (let n = 0; n < runs.verify; n += 1) {
      const bare = rig.run([script('bare-hash.cjs'), path.join(folder, 'blobs')]);
      const checked = rig.run([BIN, 'verify', '--models-dir', folder, '--json'], {
        environment: rig.ofServer(sandbox.url),
      });
      const { depth, models } = JSON.parse(checked.stdout);
      if (depth !== 'hashed' || models.length !== FILES.length) throw new Error('not all was hashed');
      ratios.push(checked.ms / bare.ms);
    }
    return [figure('verify of 2 GB, to a bare hash on as many threads', ratios, { atMost: 1.1 })];
  } finally {
    sandbox.close();
  }
}
