// What each fault of the sandbox may bring a pull to: the judge of the plans, written from the contract of exit codes and
// of what is asked for again, and not from the program.

/** After so long without a byte the program of a plan asks again. */
export const STALL_MS = 1500;

const PULL = '/api/pull';
const percent = (chance) => `@${chance.between(0, 95)}%`;

/**
 * `codes`: what a pull ends with that meets it again and again; none where it gets there all the same. `passes`: asking
 * again gets past it. `write`: its amount and place, by chance. `where`: the paths that it may be limited to; what it
 * comes to there, where that is something else. `needsBreak`: a pull has to break off before it.
 */
const TABLE = {
  cut: { codes: ['stream_cut'], passes: true, write: percent },
  stall: { codes: ['stalled'], passes: true, write: percent },
  slow: { codes: [], write: (chance) => `=${chance.pick(['700kB', '1MB', '2MB'])}` },
  // Shorter than the patience it is no failure at all.
  'frozen-long': {
    fault: 'frozen',
    codes: ['stalled'],
    passes: true,
    write: (chance) => `=20s${percent(chance)}`,
  },
  frozen: { codes: [], write: (chance) => `=${chance.between(100, 500)}ms${percent(chance)}` },
  linger: { codes: [], write: (chance) => `=${chance.between(50, 300)}ms` },
  // One layer is fetched again once.
  corrupt: { codes: ['digest_mismatch'], passes: true, mostTimes: 1 },
  'rolled-back': { codes: [], write: percent },
  'missing-completed': { codes: ['stalled'], passes: true },
  'max-retries': { codes: ['registry_unreachable'], passes: true },
  'no-final': { codes: [] },
  'no-space': { codes: ['no_space'], write: percent },
  offline: { codes: ['registry_unreachable'], passes: true, isEarly: true },
  newer: { codes: [], isAlways: true },
  401: { codes: ['unauthorized'], isEarly: true, where: { [PULL]: {} } },
  404: { codes: ['model_not_found'], isEarly: true },
  412: { codes: ['server_error'], isEarly: true },
  500: { codes: ['server_error'], passes: true, isEarly: true, where: { [PULL]: {} } },
  503: { codes: ['server_error'], passes: true, isEarly: true },
  html: { codes: ['protocol'], passes: true, isEarly: true, where: { [PULL]: {} } },
  'html-200': { codes: ['protocol'], isEarly: true, where: { [PULL]: {} } },
  'half-lines': { codes: [] },
  'error-line': { codes: ['registry_unreachable'], passes: true, write: percent },
  'no-done': { codes: ['stream_cut'], passes: true },
  delay: { codes: [], write: (chance) => `=${chance.between(20, 200)}ms` },
  // Longer than the patience with a standstill, which does not count there.
  verifying: { codes: [], write: (chance) => `=${chance.between(1700, 2500)}ms` },
  'lost-partials': { codes: [], needsBreak: true },
  // Beside the pull they take its total away and nothing else; in the server's own way they end it.
  'registry-500': {
    codes: [],
    where: { [PULL]: { codes: ['registry_unreachable'], passes: true, isEarly: true } },
  },
  'registry-401': { codes: [], where: { [PULL]: { codes: ['unauthorized'], isEarly: true } } },
  'registry-garbage': { codes: [] },
  'registry-huge': { codes: [] },
  'retry-after': {
    codes: [],
    where: { [PULL]: { codes: ['registry_unreachable'], passes: true, isEarly: true } },
  },
  'escape-names': { codes: [] },
};

/**
 * One fault of a plan.
 * @typedef {object} PlannedFault
 * @property {string} row Of the table.
 * @property {string} name As the sandbox calls it.
 * @property {string} text For its `--fault`, without the number of times.
 * @property {number | undefined} times In how many requests; in all without it.
 * @property {readonly string[]} codes What a pull may end with because of it.
 * @property {boolean} passes Whether asking again gets past it.
 * @property {boolean} isEarly Whether it strikes before the first byte.
 * @property {boolean} isBeside Whether it strikes beside the pull, whatever that comes to.
 */

/** The names of the rows: those of the sandbox's faults, one of them in two ways. */
export const ROWS = Object.keys(TABLE);

/** The rows of the faults that end a pull as they are; the others are got past. */
export const ENDING_ROWS = ROWS.filter((row) => TABLE[row].codes.length > 0);

/**
 * Writes a fault of a row.
 * @param {string} row
 * @param {{path?: string, times?: number}} limits
 * @returns {PlannedFault}
 */
export function writeFault(row, { path, times }, chance) {
  const entry = TABLE[row];
  const there = { ...entry, ...(path === undefined ? {} : entry.where[path]) };
  const name = entry.fault ?? row;
  return {
    row,
    name,
    text: `${name}${chance === undefined ? '' : (entry.write?.(chance) ?? '')}${path === undefined ? '' : `:path=${path}`}`,
    times,
    codes: there.codes,
    passes: there.passes === true && (times ?? Infinity) <= (there.mostTimes ?? Infinity),
    isEarly: there.isEarly === true,
    isBeside: there.codes.length === 0 && /^(?:registry-|retry-after|delay)/.test(name),
  };
}

/** The paths that a row's fault may be limited to, besides none. */
export const pathsOf = (row) => Object.keys(TABLE[row].where ?? {});

/** True for a fault that counts only where it strikes each time. */
export const isAlways = (row) => TABLE[row].isAlways === true;

/** The fault that a row's own needs before it; undefined where it needs none. */
export function neededBy(row) {
  if (TABLE[row].needsBreak !== true) return undefined;
  return { ...writeFault('cut', { times: 1 }), text: 'cut@60%' };
}
