// Measures what a start, a pull, a chat and the upkeep of models cost, against what they may cost. Prints a table; ends
// with 1 where a figure is over its bound. `--quick` takes fewer runs. Times are ratios to `node -e 0` in the same run,
// or to the least that does the same; they hold on a slow or busy machine better than milliseconds. What is compared is
// run in turns, and medians are told. `--nightly [SEED]` first plays 200 random plans of faults, from that seed or today's.
import { measureChat } from './bench/chat.js';
import { drawTable, figure, median } from './bench/figures.js';
import { measureGateway } from './bench/gateway.js';
import { measureHosts } from './bench/hosts.js';
import { CHAT, chatEnvironment, PROMPT } from './bench/live-chat.js';
import { measurePulls } from './bench/pulls.js';
import { BIN, openRig, script } from './bench/rig.js';
import { measureTyping } from './bench/typing.js';
import { measureOutdated, measureVerify } from './bench/upkeep.js';
import { runPlans } from './plans/run-plans.js';

const isQuick = process.argv.includes('--quick');
const RUNS = isQuick
  ? {
      ...{ start: 9, frame: 3, memory: 3, flood: 1, view: 1, lines: 1 },
      ...{ stream: 1, streamTokens: 1_500, lengths: 1, lengthRate: 8_000, turns: 1, atOnce: true },
      ...{ typing: 1, typingSeconds: 6, outdated: 2, verify: 3, hosts: 5, three: 1, long: 1 },
      ...{ gateway: 1, held: 1, list: 3, listSeconds: 1 },
    }
  : {
      ...{ start: 41, frame: 21, memory: 9, flood: 3, view: 2, lines: 5 },
      ...{ stream: 2, streamTokens: 5_000, lengths: 1, lengthRate: 2_000, turns: 2, atOnce: false },
      ...{ typing: 2, typingSeconds: 15, outdated: 5, verify: 5, hosts: 15, three: 3, long: 2 },
      ...{ gateway: 4, held: 3, list: 7, listSeconds: 2 },
    };
const PLANS = 200;
const VIEW_SECONDS = isQuick ? 10 : 30;
/** What a start may take, and each second of drawing, as often as `node -e 0`. */
const VIEW_BOUND = 15 + VIEW_SECONDS;
const FLOOD_EVENTS = 100_000;
const CHAT_LINES = 1_000_000;

function checkList(stdout) {
  const { models } = JSON.parse(stdout);
  if (models.length !== 50) throw new Error(`the list has ${models.length} models instead of 50`);
}

async function measureStart(rig) {
  const list = [BIN, 'list', '--json'];
  const chat = chatEnvironment(rig);
  const withoutHost = { ...rig.env };
  delete withoutHost.OLLAMA_HOST; // the file in the folder says it
  const programs = {
    node: () => rig.run(['-e', '0']),
    version: () => rig.run([BIN, '--version']),
    help: () => rig.run([BIN, '--help']),
    get: () => rig.run([script('bare-get.cjs'), rig.url]),
    list: () => rig.run(list),
    answer: () => rig.run([BIN, ...CHAT, 'Say prose-50']),
    old: () => rig.run(list, { environment: rig.ofServer(rig.oldUrl) }),
    settings: () => rig.run(list, { folder: rig.folders.settings, environment: withoutHost }),
  };
  // It is also asked once what the list of the old server lacks, and kept from then on.
  for (const name of ['get', 'old', 'list', 'settings']) checkList(programs[name]().stdout);
  if (programs.answer().stdout.trim() === '') throw new Error('the answer is empty');
  const times = Object.fromEntries([...Object.keys(programs), 'frame', 'prompt'].map((name) => [name, []]));
  for (let n = 0; n < RUNS.start; n += 1) {
    for (const [name, run] of Object.entries(programs)) {
      const own = name === 'answer' ? rig.chatMs : () => 0;
      times[name].push(run().ms - (await own()));
    }
    if (n >= RUNS.frame) continue;
    times.frame.push(await rig.timeToText(['pull', 'held-1:1b'], 'held-1'));
    times.prompt.push(await rig.timeToText(CHAT, PROMPT, chat));
  }
  const base = median(times.node);
  const row = (what, name, atMost) => figure(what, times[name], { base, atMost });
  console.error(`node -e 0: ${base.toFixed(1)} ms on the clock`);
  return [
    row('--version', 'version', 1.2),
    row('--help', 'help', 1.65),
    row('list --json, 50 models', 'list', 1.8),
    row('  of a server that tells less, the rest kept from before', 'old', 1.8),
    row('  its bound: a bare GET', 'get'),
    row('list --json, an .ollamarc in the folder', 'settings', 2.4),
    row('pull in a terminal, to its first frame', 'frame', 10),
    row('chat in a terminal, to its prompt', 'prompt', 10),
    figure("an answer of 50 tokens in a pipe without the server's time, to list --json", times.answer, {
      base: median(times.list),
      atMost: 1.3,
    }),
  ];
}

async function repeat(count, run) {
  const results = [];
  for (let n = 0; n < count; n += 1) results.push(await run());
  return results;
}

async function measureMemory(rig) {
  const list = await repeat(RUNS.memory, () => rig.runWithUsage([BIN, 'list', '--json']));
  const flood = await repeat(RUNS.flood, () => rig.runInTerminal(['pull', `flood-${FLOOD_EVENTS}`]));
  const row = (what, runs, atMost) =>
    figure(
      what,
      runs.map(({ peakMb }) => peakMb),
      { atMost, unit: ' MB', digits: 0 },
    );
  return [
    row('peak memory: list --json', list, 48),
    row('peak memory: pull of 10 layers, 100,000 events, in a terminal', flood, 110),
  ];
}

async function measureView(rig) {
  const node = await repeat(RUNS.start, () => rig.runWithUsage(['-e', '0']));
  const view = await repeat(RUNS.view, () => rig.runInTerminal(['pull', `view-${VIEW_SECONDS}`]));
  const base = median(node.map(({ cpuMs }) => cpuMs));
  const rates = view.map(({ bytes, seconds }) => bytes / 1000 / seconds);
  const times = view.map(({ cpuMs }) => cpuMs);
  console.error(
    `node -e 0: ${base.toFixed(1)} ms of processor time; the view: ${median(times).toFixed(0)} ms`,
  );
  return [
    figure('bytes written by the view of 10 layers', rates, { atMost: 8, unit: ' kB/s', digits: 1 }),
    figure(`processor time of that view over ${VIEW_SECONDS} s, to node -e 0's`, times, {
      base,
      atMost: VIEW_BOUND,
    }),
  ];
}

async function measureLines(rig) {
  const ways = { parse: [], batches: [], measured: [], events: [] };
  // Once before it counts: the server makes its lines at the first request.
  rig.run([script('read-lines.js'), 'batches', rig.url, String(CHAT_LINES)]);
  for (let n = 0; n < RUNS.lines; n += 1) {
    for (const [way, times] of Object.entries(ways)) {
      times.push(Number(rig.run([script('read-lines.js'), way, rig.url, String(CHAT_LINES)]).stdout));
    }
  }
  const base = median(ways.parse);
  console.error(`JSON.parse of 1,000,000 chat lines: ${base.toFixed(0)} ms`);
  return [
    figure('1,000,000 chat lines, in batches, to JSON.parse alone', ways.batches, { base, atMost: 1.3 }),
    figure('  the same while metrics are listened to, to them unheard', ways.measured, {
      base: median(ways.batches),
      atMost: 1.1,
    }),
    figure('1,000,000 chat lines, event by event, to JSON.parse alone', ways.events, { base, atMost: 2 }),
  ];
}

/** Whether each of the plans ended as it should; a plan that failed tells how it is played again. */
async function playPlans() {
  const named = Number(process.argv[process.argv.indexOf('--nightly') + 1]);
  const seed = Number.isInteger(named) ? named : Math.floor(Date.now() / 86_400_000) * 1_000;
  const counts = await runPlans({ count: PLANS, seed }, (plan, { state, problems }) => {
    if (state !== 'failed') return;
    console.error(
      `failed: ${plan.title}\n${[...problems, `again: ${plan.repeat}`].map((line) => `  ${line}`).join('\n')}`,
    );
  });
  const others = `${counts.failed} failed, ${counts['not fired']} did not meet their faults`;
  console.log(`fault plans from seed ${seed}: ${counts.passed} passed, ${others}\n`);
  return counts.failed === 0;
}

async function measureAll() {
  const rig = await openRig();
  const figures = [];
  const parts = [
    ...[measureStart, measureMemory, measureView, measureLines],
    ...[measureChat, measureTyping],
    ...[measureOutdated, measureVerify, measureHosts, measureGateway, measurePulls],
  ];
  try {
    for (const measure of parts) figures.push(...(await measure(rig, RUNS)));
  } finally {
    rig.close();
  }
  console.log(drawTable(figures));
  return figures.every(({ ok }) => ok);
}

const isSound = process.argv.includes('--nightly') ? await playPlans() : true;
const isQuickEnough = await measureAll();
if (!isSound || !isQuickEnough) process.exitCode = 1;
