// What is tried with one pull, or several: which faults, which models, which flags, and whether the server is killed.
import { chanceOf } from './random.js';
import { ENDING_ROWS, isAlways, neededBy, pathsOf, ROWS, writeFault } from './faults.js';

const MODELS = [
  'all-minilm:22m',
  'all-minilm',
  'smollm2:135m',
  'nomic-embed-text:v1.5',
  'qwen3:0.6b',
  'tinyllama',
];

/**
 * @typedef {object} Plan
 * @property {string} title
 * @property {string} repeat The command that does the same again.
 * @property {readonly import('./faults.js').PlannedFault[]} faults
 * @property {readonly string[]} models
 * @property {readonly string[]} flags
 * @property {number | undefined} retries The number in the flags.
 * @property {boolean} keepGoing
 * @property {boolean} withFolder Whether the program is told the server's folder, as on a machine of its own.
 * @property {{afterLines: number, downMs: number} | undefined} kill When the server is killed, in lines of progress.
 */

const describe = ({ text, times }) => text + (times === undefined ? '' : `:times=${times}`);

function makePlan(title, repeat, { faults, models, chance, kill, retries, keepGoing, withFolder, more }) {
  return {
    title: `${title}: ${faults.map(describe).join(' ')}${kill ? ' and a killed server' : ''}`,
    repeat: `node scripts/plans/run.js ${repeat}`,
    faults,
    models,
    retries,
    keepGoing,
    withFolder,
    kill,
    flags: [
      ...['-j', String(chance.between(1, 3))],
      ...(retries === undefined ? [] : ['--retries', String(retries)]),
      ...(keepGoing ? ['--keep-going'] : []),
      ...more,
    ],
  };
}

/** The plan of one fault alone: it strikes each time, or `times` times. */
function planAlone(row, { times, path }) {
  const chance = chanceOf([...row].reduce((sum, char) => sum * 31 + char.charCodeAt(0), 7));
  const fault = writeFault(row, { times, path }, chance);
  const before = neededBy(row);
  const words = ['--alone', row, ...(path === undefined ? [] : ['--path', path])];
  if (times !== undefined) words.push('--times', String(times));
  return makePlan('alone', words.join(' '), {
    ...{ chance, models: ['smollm2:135m'], kill: undefined, retries: undefined, more: [] },
    ...{ keepGoing: false, withFolder: false, faults: before === undefined ? [fault] : [before, fault] },
  });
}

/** One plan a fault; one more for each that ends a pull: once only. */
export function plansAlone() {
  const rows = ROWS.flatMap((row) => [
    { row, path: undefined },
    ...pathsOf(row).map((path) => ({ row, path })),
  ]);
  const once = rows.filter(({ row, path }) => path !== undefined || ENDING_ROWS.includes(row));
  return [
    ...rows.map(({ row, path }) => planAlone(row, { path })),
    ...once.map(({ row, path }) => planAlone(row, { path, times: 1 })),
  ];
}

/** The plans alone of one row, as the command line asks for it. */
export function planOfRow(row, limits) {
  if (!ROWS.includes(row)) throw new Error(`there is no fault ${row}; there are ${ROWS.join(', ')}`);
  return planAlone(row, limits);
}

/** True for a fault that lets no other strike after it, unless there is another model. */
const isBlocking = ({ isEarly, passes, times, codes }) =>
  codes.length > 0 && ((isEarly && times === undefined) || !passes);

function chooseFaults(chance, others) {
  const rows = chance.pickSome(ROWS, chance.between(1, 3));
  // One that strikes each time keeps others from striking at all: mostly they are limited.
  const chosen = rows.map((row) => {
    const path = chance.flip(0.4) ? chance.pick([undefined, ...pathsOf(row)]) : undefined;
    const endless =
      isAlways(row) || chance.flip(ENDING_ROWS.includes(row) || path !== undefined ? 0.15 : 0.5);
    return writeFault(row, { path, times: endless ? undefined : chance.between(1, 3) }, chance);
  });
  // The sandbox counts them by their names.
  const distinct = chosen.filter(({ name }, at) => chosen.findIndex((other) => other.name === name) === at);
  const first = distinct.find(isBlocking);
  const isAlone = first !== undefined && (first.times ?? Infinity) > others;
  const faults = isAlone ? distinct.filter((fault) => fault === first || fault.isBeside) : distinct;
  const hasBreak = faults.some(({ name, times }) => name === 'cut' && times !== undefined);
  const needed = faults.flatMap(({ row }) => neededBy(row) ?? []);
  return hasBreak ? faults : [...needed.slice(0, 1), ...faults];
}

/** The plan of a seed: one to three faults at once, one to three models. */
export function planOfSeed(seed) {
  const chance = chanceOf(seed);
  // Two names of one model are another matter.
  const models = chance.pickSome(MODELS, chance.pick([1, 1, 2, 2, 3])).filter((name, at, all) => {
    return !name.startsWith('all-minilm') || all.findIndex((other) => other.startsWith('all-minilm')) === at;
  });
  const keepGoing = chance.flip();
  const faults = chooseFaults(chance, keepGoing ? models.length - 1 : 0);
  const isEndless = faults.some(({ codes, times }) => codes.length > 0 && times === undefined);
  // A wrong layer that a server keeps until it is verified stays where the server is gone before: `verify` is for that.
  const mayKill = !faults.some((fault) => isBlocking(fault) || fault.name === 'corrupt');
  return makePlan(`seed ${seed}`, `--seed ${seed}`, {
    ...{ chance, faults, models, keepGoing },
    kill:
      mayKill && chance.flip(0.3)
        ? { afterLines: chance.between(1, 12), downMs: chance.between(0, 400) }
        : undefined,
    // Of a fault that never passes a few tries tell as much as many.
    retries: chance.flip(isEndless ? 0.3 : 0.5) ? (isEndless ? chance.between(0, 3) : 60) : undefined,
    withFolder: chance.flip(),
    more: [...(chance.flip() ? ['--yes'] : []), ...(chance.flip(0.1) ? ['--insecure'] : [])],
  });
}
