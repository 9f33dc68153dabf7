import { randomUUID } from 'node:crypto';
import { OllamaError } from '../core/errors.js';
import { toOllamaError } from '../failure.js';
import type { StatusLine } from './status-log.js';

/** Something that is told of a job while it runs. */
export type JobEvent = Readonly<Record<string, unknown>> & { readonly type: string };

/** How far a job is. Sizes are bytes, `completed` and `total` of what is known so far. */
export interface JobProgress {
  readonly status: string;
  readonly total: number;
  readonly total_known: boolean;
  readonly completed: number;
  readonly bytes_per_second?: number;
  readonly eta_seconds?: number;
}

/** What a job does. */
export interface Work {
  readonly kind: 'pull' | 'update';
  readonly models: readonly string[];
  /** Resolves to what callers are answered with, throws what it failed with; stops when `signal` is aborted. */
  run(tell: (event: JobEvent) => void, signal: AbortSignal): Promise<object>;
  /** What someone who comes now has missed, in few events. */
  recap(): readonly JobEvent[];
  progress(): JobProgress;
  log(): readonly StatusLine[];
}

export type JobStatus = 'running' | 'succeeded' | 'failed' | 'cancelled';

/** Work that several may wait for. It is cancelled when the last of them leaves, unless it is to be kept. */
export interface Job {
  readonly id: string;
  readonly work: Work;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly endedAt: number | undefined;
  readonly status: JobStatus;
  /** True from when it is cancelled: it runs until it has let go of what it does. */
  readonly isStopping: boolean;
  readonly result: object | undefined;
  readonly error: OllamaError | undefined;
  /** Resolves, and never rejects, when `status` is no longer `running`. */
  readonly ended: Promise<void>;
  /** Counts one more who waits; what it returns takes him away again, once. */
  join(): () => void;
  /** Goes on whoever leaves. */
  keep(): void;
  /** Stops it; resolves when it has stopped. */
  cancel(): Promise<void>;
  /** Stops it once nobody waits for it, kept or not; resolves when it has stopped. */
  windDown(): Promise<void>;
  /** Everything from here on, and first what was missed, in batches; ends with the job or the signal. */
  follow(signal: AbortSignal): AsyncGenerator<readonly JobEvent[], void, undefined>;
}

/** The jobs of one gateway. */
export interface Jobs {
  /** The running job with this key, or a new one of `makeWork`. Throws with status 429 where too many run. */
  share(key: string, makeWork: () => Work): Job;
  get(id: string): Job | undefined;
  /** The newest first. */
  list(): readonly Job[];
  /** Begins no more, and resolves when all have ended: those that nobody waits for are stopped. */
  close(): Promise<void>;
}

/** How jobs are kept. */
export interface JobLimits {
  /** How many may run side by side. */
  readonly running: number;
  /** How many are remembered after their end, and for how many milliseconds. */
  readonly ended: number;
  readonly keepMs: number;
}

const LIMITS: JobLimits = { running: 32, ended: 100, keepMs: 3_600_000 };
const BUSY_RETRY_MS = 10_000;
/** Events that wait for a slow reader; each tells what holds now, so the oldest is the least worth. */
const MOST_WAITING = 256;

/** Opens the jobs of a gateway. `now` in milliseconds since the epoch. */
export function openJobs(now: () => number, limits: JobLimits = LIMITS): Jobs {
  const jobs = new Map<string, Job>();
  const running = new Map<string, Job>();
  let isClosed = false;

  const forget = (): void => {
    const over = [...jobs.values()].filter((job) => job.endedAt !== undefined);
    const tooMany = over.length - limits.ended;
    for (const [index, { id, endedAt = 0 }] of over.entries()) {
      if (index < tooMany || now() - endedAt > limits.keepMs) jobs.delete(id);
    }
  };

  return {
    share(key, makeWork) {
      const known = running.get(key);
      if (known) return known;
      if (isClosed) throw new OllamaError('interrupted', 'The gateway is ending.');
      const busy = [...jobs.values()].filter(({ status }) => status === 'running').length;
      if (busy >= limits.running) {
        throw new OllamaError('server_error', `${busy} jobs are running already.`, {
          status: 429,
          retryAfterMs: BUSY_RETRY_MS,
          hint: 'Wait for one of GET /api/jobs, or cancel it.',
        });
      }
      forget();
      // One that stops is no longer shared: who comes then begins anew.
      const job = startJob(makeWork(), now, () => {
        if (running.get(key) === job) running.delete(key);
      });
      running.set(key, job);
      jobs.set(job.id, job);
      return job;
    },
    get(id) {
      forget();
      return jobs.get(id);
    },
    list() {
      forget();
      return [...jobs.values()].reverse();
    },
    async close() {
      isClosed = true;
      await Promise.all([...jobs.values()].map((job) => job.windDown()));
    },
  };
}

function startJob(work: Work, now: () => number, onStop: () => void): Job {
  const controller = new AbortController();
  const { signal } = controller;
  const readers = new Set<(event: JobEvent | undefined) => void>();
  let status: JobStatus = 'running';
  let endedAt: number | undefined;
  let result: object | undefined;
  let error: OllamaError | undefined;
  let waiting = 0;
  let isKept = false;

  const tell = (event: JobEvent | undefined): void => {
    for (const read of readers) read(event);
  };
  const stop = (why: string): void => {
    if (status !== 'running' || signal.aborted) return;
    controller.abort(new OllamaError('interrupted', why));
    onStop();
  };
  const stopUnlessWanted = (): void => {
    if (waiting === 0 && !isKept) stop('It was cancelled: nobody waits for it.');
  };
  const run = async (): Promise<void> => {
    try {
      signal.throwIfAborted();
      result = await work.run(tell, signal);
      status = 'succeeded';
    } catch (thrown) {
      error = toOllamaError(thrown);
      status = signal.aborted ? 'cancelled' : 'failed';
    }
    endedAt = now();
    onStop();
    tell(undefined);
  };

  const id = randomUUID();
  const createdAt = now();
  // A turn later, when the job stands where `onStop` looks for it.
  const ended = Promise.resolve().then(run);
  return {
    ...{ id, work, createdAt, ended },
    get endedAt() {
      return endedAt;
    },
    get status() {
      return status;
    },
    get isStopping() {
      return signal.aborted;
    },
    get result() {
      return result;
    },
    get error() {
      return error;
    },
    join() {
      waiting++;
      let isHere = true;
      return () => {
        if (!isHere) return;
        isHere = false;
        waiting--;
        stopUnlessWanted();
      };
    },
    keep() {
      isKept = true;
    },
    async cancel() {
      stop('It was cancelled.');
      await ended;
    },
    async windDown() {
      isKept = false;
      stopUnlessWanted();
      await ended;
    },
    async *follow(until) {
      let queue: JobEvent[] = [...work.recap()];
      let wake: () => void = () => undefined;
      const read = (event: JobEvent | undefined): void => {
        if (event) queue.push(event);
        if (queue.length > MOST_WAITING) queue.shift();
        wake();
      };
      const leave = (): void => wake();
      readers.add(read);
      until.addEventListener('abort', leave, { once: true });
      try {
        for (;;) {
          if (until.aborted) return;
          if (queue.length > 0) {
            const events = queue;
            queue = [];
            yield events;
          } else {
            if (status !== 'running') return;
            await new Promise<void>((resolve) => (wake = resolve));
          }
        }
      } finally {
        readers.delete(read);
        until.removeEventListener('abort', leave);
      }
    },
  };
}
