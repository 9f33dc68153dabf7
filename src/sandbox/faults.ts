import { OllamaError } from '../core/errors.js';

/** What each fault does, in one line for `--help`; the default place of those that happen part-way is 50 %. */
export const FAULTS = {
  cut: { describe: 'the connection is reset part-way (cut@50%)' },
  stall: { describe: 'nothing more is sent from some point on (stall@50%)' },
  slow: { describe: 'at most so many bytes a second (slow=50kB)' },
  frozen: { describe: 'the same numbers again and again for a while, then on (frozen=30s@50%)' },
  linger: { describe: 'each layer stays at 100 % for a while, as real servers do (linger=1s)' },
  corrupt: { describe: 'a layer arrives with a wrong byte: a digest mismatch' },
  'rolled-back': { describe: 'progress goes down part-way, then on (rolled-back@50%)' },
  'missing-completed': {
    describe: 'the registry fails behind the server: lines without `completed`, no end',
  },
  'max-retries': { describe: 'lines without `completed`, then "max retries exceeded"' },
  'no-final': { describe: 'finished layers send no last line, small ones none at all' },
  'no-space': { describe: 'the disk is full part-way' },
  offline: { describe: 'the server cannot reach the registry' },
  newer: { describe: 'the registry has a newer build of every model' },
  '401': { describe: 'status 401 everywhere, not signed in' },
  '404': { describe: 'the model does not exist' },
  '412': { describe: 'the registry asks for a newer Ollama' },
  '500': { describe: 'status 500 everywhere' },
  '503': { describe: 'status 503 of chats, pulls and embeddings, the queue is full' },
  html: { describe: "a proxy's HTML page with status 502 everywhere" },
  'html-200': { describe: "a proxy's HTML page with status 200 everywhere" },
  'half-lines': { describe: 'lines and characters arrive in pieces' },
  'error-line': { describe: 'an error line ends the stream part-way (error-line@50%)' },
  'no-done': { describe: 'the stream ends without `done` or `success`' },
  delay: { describe: 'every answer begins so late, as over a long way (delay=300ms)' },
  verifying: { describe: 'verifying takes so long, without a word (verifying=5s)' },
  'lost-partials': { describe: 'what unfinished pulls left is forgotten: a layer begins at nothing' },
  'registry-500': { describe: 'the registry fails with status 500' },
  'registry-401': { describe: 'the registry asks who is there' },
  'registry-garbage': { describe: "the registry sends a proxy's page for a manifest" },
  'registry-huge': { describe: 'a manifest of the registry never ends' },
  'retry-after': { describe: 'the registry has had too much, and names a wait (retry-after=1s)' },
  'escape-names': { describe: 'the list holds a model named with terminal escape sequences' },
  oom: { describe: 'a model finds too little memory; windows up to some tokens fit (oom=2048)' },
  'slow-load': { describe: 'a model takes so long to load (slow-load=5s)' },
  killed: { describe: "the system ends a model's process while it answers (killed@50%)" },
  'cut-window': { describe: 'a prompt too long is cut in silence, whatever the request says' },
  'count-new': { describe: 'only the tokens of the last message are counted, as of one read before' },
  escapes: { describe: 'answers, thinking and calls hold terminal escape sequences' },
  'bad-image': { describe: 'no image can be read' },
} as const satisfies Readonly<Record<string, { readonly describe: string }>>;

export type FaultName = keyof typeof FAULTS;

/** One fault that the sandbox shows, from `parseFault`. */
export interface Fault {
  readonly name: FaultName;
  /** Bytes a second of `slow`, tokens of `oom`, milliseconds of all others that take an amount. */
  readonly amount?: number;
  /** Where it happens, 0–100 % of the way. */
  readonly percent?: number;
  /** In how many requests it happens; without it, in all. */
  readonly times?: number;
  /** Only to requests of this path, or of all paths below it when it ends in `/`. */
  readonly path?: string;
}

const BYTES: Readonly<Record<string, number>> = { '': 1, B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9 };
const DURATIONS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3 };
const TOKENS: Readonly<Record<string, number>> = { '': 1, k: 1024 };
const AMOUNTS: Partial<Record<FaultName, { units: Readonly<Record<string, number>>; standard: number }>> = {
  slow: { units: BYTES, standard: 50_000 },
  frozen: { units: DURATIONS, standard: 30_000 },
  linger: { units: DURATIONS, standard: 1000 },
  delay: { units: DURATIONS, standard: 300 },
  verifying: { units: DURATIONS, standard: 5000 },
  'retry-after': { units: DURATIONS, standard: 1000 },
  oom: { units: TOKENS, standard: 0 },
  'slow-load': { units: DURATIONS, standard: 5000 },
};

/**
 * Reads `NAME[=AMOUNT][@PERCENT%][:times=N][:path=/api/…]`; throws `usage` with the valid names for anything else.
 */
export function parseFault(text: string): Fault {
  const [head = '', ...limits] = text.split(':');
  const match = /^([a-z0-9-]+)(?:=([^@]*))?(?:@(\d+(?:\.\d+)?)%?)?$/.exec(head);
  const name = match?.[1];
  if (match === null || name === undefined || !isFaultName(name)) {
    throw usage(`unknown fault ${JSON.stringify(text)}; the faults are ${Object.keys(FAULTS).join(', ')}`);
  }
  let fault: Fault = { name };
  const standard = AMOUNTS[name];
  if (standard !== undefined) {
    fault = {
      ...fault,
      amount: match[2] === undefined ? standard.standard : readAmount(text, match[2], standard.units),
    };
  } else if (match[2] !== undefined) throw usage(`the fault ${name} takes no amount`);
  if (match[3] !== undefined) {
    const percent = Number(match[3]);
    if (percent > 100) throw usage(`${match[3]} % in the fault ${JSON.stringify(text)} is more than all`);
    fault = { ...fault, percent };
  }
  for (const limit of limits) {
    const [key, value = ''] = limit.split('=');
    if (key === 'times' && /^[1-9]\d*$/.test(value)) fault = { ...fault, times: Number(value) };
    else if (key === 'path' && value.startsWith('/')) fault = { ...fault, path: value };
    else
      throw usage(
        `cannot read ${JSON.stringify(limit)} in the fault ${JSON.stringify(text)}; use times=N or path=/api/…`,
      );
  }
  return fault;
}

function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(FAULTS, name);
}

function readAmount(text: string, amount: string, units: Readonly<Record<string, number>>): number {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(amount);
  const unit = units[match?.[2] ?? ''];
  if (match === null || unit === undefined)
    throw usage(`cannot read the amount in the fault ${JSON.stringify(text)}`);
  return Number(match[1]) * unit;
}

function usage(message: string): OllamaError {
  return new OllamaError('usage', message);
}

// Where a fault without a path makes sense.
const PULL: readonly string[] = ['/api/pull'];
const CHATS: readonly string[] = ['/api/chat', '/api/generate', '/v1/chat/completions', '/v1/messages'];
const EMBEDS: readonly string[] = ['/api/embed', '/api/embeddings', '/v1/embeddings'];
const LOADS: readonly string[] = [...CHATS, ...EMBEDS];
const STREAMS: readonly string[] = ['/api/pull', '/api/push', ...CHATS];
const WORK: readonly string[] = [...STREAMS, ...EMBEDS, '/api/create'];
const REGISTRY: readonly string[] = ['/v2/'];
/** A proxy, a password or a broken disk stands before every route. */
const ALL = ['/'];
const PLACES: Readonly<Record<FaultName, readonly string[]>> = {
  cut: STREAMS,
  stall: STREAMS,
  slow: STREAMS,
  frozen: PULL,
  linger: PULL,
  corrupt: PULL,
  'rolled-back': PULL,
  'missing-completed': PULL,
  'max-retries': PULL,
  'no-final': PULL,
  'no-space': PULL,
  offline: PULL,
  newer: ['/api/pull', '/v2/'],
  '401': ALL,
  '404': WORK,
  '412': PULL,
  '500': ALL,
  '503': WORK,
  html: ALL,
  'html-200': ALL,
  'half-lines': STREAMS,
  'error-line': STREAMS,
  'no-done': STREAMS,
  delay: ALL,
  verifying: PULL,
  'lost-partials': PULL,
  'registry-500': REGISTRY,
  'registry-401': REGISTRY,
  'registry-garbage': REGISTRY,
  'registry-huge': REGISTRY,
  'retry-after': REGISTRY,
  'escape-names': ['/api/tags'],
  oom: LOADS,
  'slow-load': LOADS,
  killed: CHATS,
  'cut-window': CHATS,
  'count-new': CHATS,
  escapes: CHATS,
  'bad-image': CHATS,
};

/** The faults that one request may meet. */
export interface FaultPlan {
  /** What is to happen, before it does. */
  (name: FaultName): Fault | undefined;
  /** The same where it happens now: it is counted, once a request. */
  fire(name: FaultName): Fault | undefined;
}

/** In how many requests each fault has happened so far; those that have not are left out. */
export type FiredFaults = Readonly<Partial<Record<FaultName, number>>>;

/** Picks the faults for each request, counts in `fired` those that happen, and ends those that are limited. */
export function planFaults(
  faults: readonly Fault[],
  fired: Partial<Record<FaultName, number>> = {},
): (path: string) => FaultPlan {
  const left = new Map(faults.map((fault) => [fault, fault.times ?? Infinity]));
  return (path) => {
    const mine = faults.filter((fault) => matches(fault, path));
    const met = new Set<Fault>();
    const look = (name: FaultName): Fault | undefined =>
      mine.find((fault) => fault.name === name && (met.has(fault) || (left.get(fault) ?? 0) > 0));
    const fire = (name: FaultName): Fault | undefined => {
      const fault = look(name);
      if (fault === undefined || met.has(fault)) return fault;
      met.add(fault);
      left.set(fault, (left.get(fault) ?? 0) - 1);
      fired[name] = (fired[name] ?? 0) + 1;
      return fault;
    };
    return Object.assign(look, { fire });
  };
}

function matches(fault: Fault, path: string): boolean {
  const places = fault.path === undefined ? PLACES[fault.name] : [fault.path];
  return places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));
}

/** True where a fault that breaks a stream off happens now, when `share` of the way is done. */
export function reachesFault(
  plan: FaultPlan,
  name: 'cut' | 'stall' | 'error-line' | 'killed',
  share: number,
): boolean {
  const fault = plan(name);
  return fault !== undefined && share >= faultShare(fault) && plan.fire(name) !== undefined;
}

/** The share of the way at which a fault happens, 0 to 1. */
export function faultShare(fault: Fault): number {
  return (fault.percent ?? 50) / 100;
}
