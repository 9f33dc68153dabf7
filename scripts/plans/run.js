// Plays fault plans against the built program:
//   node scripts/plans/run.js --seed N                                  one random plan
//   node scripts/plans/run.js --count N [--from SEED]                   so many of them that meet their faults
//   node scripts/plans/run.js --alone FAULT [--times N] [--path /api/…] one fault
//   node scripts/plans/run.js --each                                    every fault alone
// Prints a line a plan, and of one that failed what is wrong and the command that repeats it; ends with 1 then. `--json`
// prints a line of JSON a plan; `--lines` what the program printed; `--side N` are played side by side, 4 unless told.
import { parseArgs } from 'node:util';
import { planOfRow, planOfSeed } from './plan.js';
import { endAll, playPlan } from './play.js';
import { runEach, runPlans } from './run-plans.js';

const text = { type: 'string' };
const yes = { type: 'boolean', default: false };
const { values } = parseArgs({
  options: {
    ...{ seed: text, count: text, from: text, alone: text, times: text, path: text, side: text },
    ...{ each: yes, json: yes, lines: yes },
  },
});
const number = (value, standard) => (value === undefined ? standard : Number(value));

function tell(plan, { state, problems, seconds, end, lines }) {
  const { title, repeat, models, flags } = plan;
  const faults = plan.faults.map(({ name }) => name);
  if (values.json) {
    console.log(JSON.stringify({ title, repeat, faults, state, problems, seconds, end }));
    return;
  }
  if (values.lines) console.log(lines.map((line) => JSON.stringify(line)).join('\n'));
  console.log(
    `${state.padEnd(9)} ${seconds.toFixed(1)} s  ${title}  (${models.join(' ')} ${flags.join(' ')}) -> ${end}`,
  );
  if (state === 'failed')
    console.log([...problems, `again: ${repeat}`].map((line) => `          ${line}`).join('\n'));
}

async function playOne(plan) {
  const outcome = await playPlan(plan);
  tell(plan, outcome);
  return { passed: 0, failed: 0, 'not fired': 0, [outcome.state]: 1 };
}

async function play() {
  const side = number(values.side, 4);
  if (values.seed !== undefined) return await playOne(planOfSeed(Number(values.seed)));
  if (values.alone !== undefined) {
    return await playOne(planOfRow(values.alone, { times: number(values.times), path: values.path }));
  }
  if (values.each) return await runEach({ side }, tell);
  return await runPlans({ seed: number(values.from, 1), count: number(values.count, 20), side }, tell);
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    endAll();
    process.kill(process.pid, signal);
  });
}

const counts = await play();
if (!values.json) {
  console.log(
    `${counts.passed} passed, ${counts.failed} failed, ${counts['not fired']} did not meet their faults`,
  );
}
if (counts.failed > 0) process.exitCode = 1;
