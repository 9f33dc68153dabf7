// What a pull takes against the least that it can take, from a sandbox in a process of its own whose registry sends each
// connection so many bytes a second and no more.
import { setTimeout as sleep } from 'node:timers/promises';
import { figure } from './figures.js';
import { BIN, script } from './rig.js';

const RATE = ['--empty', '--rate', '500kB'];
/** Of nearly the same size, and with no layer in common. */
const THREE = ['deepseek-r1:1.5b', 'qwen2.5-coder:1.5b', 'gemma3:1b'];
/** At this scale the three take between 3 and 5 seconds each. */
const SCALE_OF_THREE = '0.002';
/** At this scale it takes half a minute. */
const LONG = { model: 'qwen3:8b', scale: '0.0029' };
/** So that no start is measured beside another one. */
const APART_MS = 1_500;

async function timeOf(rig, url, models) {
  return (await rig.runBeside([BIN, 'pull', '-j', '3', ...models], rig.ofServer(url))).ms;
}

/** Three models side by side, over the slowest of them alone. */
async function compareThree(rig) {
  const [alone, together] = [
    await rig.openSandbox([...RATE, '--scale', SCALE_OF_THREE]),
    await rig.openSandbox([...RATE, '--scale', SCALE_OF_THREE]),
  ];
  try {
    const times = [];
    for (const model of THREE) times.push(await timeOf(rig, alone.url, [model]));
    return (await timeOf(rig, together.url, THREE)) / Math.max(...times);
  } finally {
    alone.close();
    together.close();
  }
}

/** Who pulls the same model, each from a server of its own. A registry that never answers holds up nobody. */
const PULLERS = {
  bare: (rig, url) => rig.runBeside([script('bare-pull.cjs'), url, LONG.model]),
  lines: (rig, url) => rig.runBeside([BIN, 'pull', LONG.model], rig.ofServer(url)),
  json: (rig, url) => rig.runBeside([BIN, 'pull', LONG.model, '--json'], rig.ofServer(url)),
  terminal: (rig, url) => rig.runInTerminal(['pull', LONG.model], rig.ofServer(url)),
  silent: (rig, url) => rig.runInTerminal(['pull', LONG.model], rig.ofServer(url)),
};

/** All at once: each takes half a minute, in which none of them has much to do. */
async function pullLong(rig) {
  const whos = Object.keys(PULLERS);
  const faults = (who) => (who === 'silent' ? ['--fault', 'delay=60s:path=/v2/'] : []);
  const sandboxes = await Promise.all(
    whos.map((who) => rig.openSandbox([...RATE, '--scale', LONG.scale, ...faults(who)])),
  );
  try {
    const times = await Promise.all(
      whos.map(async (who, n) => {
        await sleep(n * APART_MS);
        const { ms, seconds = ms / 1000 } = await PULLERS[who](rig, sandboxes[n].url);
        return [who, seconds];
      }),
    );
    return Object.fromEntries(times);
  } finally {
    for (const sandbox of sandboxes) sandbox.close();
  }
}

/** The figures of pulls: `runs` says how many of each. */
export async function measurePulls(rig, runs) {
  const three = [];
  for (let n = 0; n < runs.three; n += 1) three.push(await compareThree(rig));
  const long = [];
  for (let n = 0; n < runs.long; n += 1) long.push(await pullLong(rig));
  console.error(`a bare client's pull: ${long.map(({ bare }) => bare.toFixed(1)).join(', ')} s`);
  const row = (what, who) =>
    figure(
      what,
      long.map((times) => times[who] / times.bare),
      { atMost: 1.02, digits: 3 },
    );
  return [
    figure('3 models at once, to the slowest of them alone', three, { atMost: 1.15 }),
    row("a pull of half a minute in lines, to a bare client's", 'lines'),
    row('  as JSON', 'json'),
    row('  in a terminal', 'terminal'),
    row('  in a terminal, from a registry that is silent', 'silent'),
  ];
}
