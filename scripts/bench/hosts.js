// What it costs to ask a hundred hosts, ten of them dead, to what it takes to ask the last living one alone.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { figure } from './figures.js';
import { BIN, script } from './rig.js';

const DELAY_MS = 300;

async function openHosts() {
  const server = spawn(process.execPath, [script('hosts-servers.js'), String(DELAY_MS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).once('line', resolve);
    server.once('exit', () => reject(new Error('the hosts did not start')));
  });
  return { ...JSON.parse(line), close: () => server.kill() };
}

/** When the last of these hosts' rows stands, in milliseconds after the start, and whose it is; it is stopped then. */
async function timeToRows(rig, hosts, awaited) {
  const start = process.hrtime.bigint();
  const child = spawn(process.execPath, [BIN, 'list', '--on', hosts.join(',')], {
    cwd: rig.folders.empty,
    env: rig.env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const left = new Set(awaited);
  const ended = new Promise((resolve) => child.once('close', resolve));
  const last = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [host] = line.split('\t');
      if (left.delete(host) && left.size === 0)
        resolve({ host, ms: Number(process.hrtime.bigint() - start) / 1e6 });
    });
    void ended.then(() => reject(new Error(`no row of ${[...left].join(', ')}`)));
  });
  child.kill('SIGKILL');
  await ended;
  return last;
}

/** The last living host's row among a hundred, to that host's own, asked alone by the same program. */
export async function measureHosts(rig, runs) {
  const { living, silent, refusing, close } = await openHosts();
  // The dead ones first, where they would be waited for.
  const all = [...silent, ...refusing, ...living];
  try {
    const ratios = [];
    for (let n = 0; n < runs.hosts; n += 1) {
      const among = await timeToRows(rig, all, living);
      const alone = await timeToRows(rig, [among.host], [among.host]);
      ratios.push(among.ms / alone.ms);
    }
    return [
      figure('list --on 100 hosts, 10 dead: the last row, to that host alone', ratios, { atMost: 1.3 }),
    ];
  } finally {
    close();
  }
}
