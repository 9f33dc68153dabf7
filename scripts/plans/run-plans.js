// Plays many plans, some side by side.
import { planOfSeed, plansAlone } from './plan.js';
import { playPlan } from './play.js';

/** So many that do not strike are replaced for each that is wanted. */
const MOST_REPLACED = 2;
const SIDE = 4;

function* plansFrom(seed, count) {
  for (let n = 0; n < count * (1 + MOST_REPLACED); n += 1) yield planOfSeed(seed + n);
}

/** Plays plans until `wanted` of them have met their faults, or there are no more. */
async function playAll(plans, { side, wanted }, tell) {
  const counts = { passed: 0, failed: 0, 'not fired': 0, failures: [] };
  const source = plans[Symbol.iterator]();
  let open = wanted;
  const work = async () => {
    while (open > 0) {
      open -= 1;
      const { value: plan, done } = source.next();
      if (done) return;
      const outcome = await playPlan(plan);
      counts[outcome.state] += 1;
      // Another one takes its place.
      if (outcome.state === 'not fired') open += 1;
      if (outcome.state === 'failed')
        counts.failures.push({ repeat: plan.repeat, problems: outcome.problems });
      tell(plan, outcome);
    }
  };
  await Promise.all(Array.from({ length: side }, work));
  return counts;
}

/**
 * Plays `count` random plans from a seed on, `side` of them side by side; one whose faults did not strike is replaced by
 * another seed. `tell` gets each plan with its outcome. Resolves to how many there were of each outcome, and those that
 * failed with the commands that repeat them.
 * @param {{count: number, seed: number, side?: number}} options
 */
export async function runPlans({ count, seed, side = SIDE }, tell = () => undefined) {
  return await playAll(plansFrom(seed, count), { side, wanted: count }, tell);
}

/** Plays every fault alone. */
export async function runEach({ side = SIDE }, tell) {
  const plans = plansAlone();
  return await playAll(plans, { side, wanted: plans.length }, tell);
}
