import { describe, expect, it } from 'vitest';
import { OllamaError } from '../../src/core/errors.js';
import { openJobs, type Job, type JobEvent, type Work } from '../../src/gateway/jobs.js';

interface Handle {
  readonly work: Work;
  tell(event: JobEvent): void;
  succeed(): void;
  fail(error: unknown): void;
}

const BEFORE: JobEvent = { type: 'status', status: 'before' };

/** Work that ends when the test says so, or when it is stopped. */
function makeWork(): Handle {
  let tell: (event: JobEvent) => void = () => undefined;
  let end: (outcome: { error?: unknown }) => void = () => undefined;
  const ended = new Promise<{ error?: unknown }>((resolve) => (end = resolve));
  const work: Work = {
    kind: 'pull',
    models: ['m'],
    run: async (told, signal) => {
      tell = told;
      signal.addEventListener('abort', () => end({ error: signal.reason }));
      const { error } = await ended;
      if (error !== undefined) throw error;
      return { done: true };
    },
    recap: () => [BEFORE],
    progress: () => ({ status: '', total: 0, total_known: false, completed: 0 }),
    log: () => [],
  };
  return {
    work,
    tell: (event) => tell(event),
    succeed: () => end({}),
    fail: (error) => end({ error }),
  };
}

const limits = { running: 2, ended: 2, keepMs: 1_000 };
const never = new AbortController().signal;

async function readAll(job: Job, signal: AbortSignal = never): Promise<JobEvent[]> {
  const all: JobEvent[] = [];
  for await (const events of job.follow(signal)) all.push(...events);
  return all;
}

describe('a job', () => {
  it('is shared by those who ask for the same, while it runs', async () => {
    const jobs = openJobs(() => 0, limits);
    const { work, succeed } = makeWork();
    const first = jobs.share('a', () => work);
    expect(jobs.share('a', () => makeWork().work)).toBe(first);
    succeed();
    await first.ended;
    expect(first).toMatchObject({ status: 'succeeded', result: { done: true }, endedAt: 0 });
    expect(jobs.share('a', () => makeWork().work)).not.toBe(first);
    await jobs.close();
  });

  it('stops when the last who waits has left, and not before', async () => {
    const jobs = openJobs(() => 0, limits);
    const job = jobs.share('a', () => makeWork().work);
    const [leave, other] = [job.join(), job.join()];
    leave();
    leave();
    expect(job.isStopping).toBe(false);
    other();
    expect(job.isStopping).toBe(true);
    // One that stops is not shared: who comes now has his own.
    expect(jobs.share('a', () => makeWork().work)).not.toBe(job);
    await job.ended;
    expect(job).toMatchObject({ status: 'cancelled', error: { code: 'interrupted' } });
    await jobs.close();
  });

  it('goes on without anybody where it is to be kept, until it is cancelled', async () => {
    const jobs = openJobs(() => 0, limits);
    const job = jobs.share('a', () => makeWork().work);
    const leave = job.join();
    job.keep();
    leave();
    expect(job.isStopping).toBe(false);
    await job.cancel();
    expect(job.status).toBe('cancelled');
    await job.cancel();
    expect(job.status).toBe('cancelled');
  });

  it('tells one who comes late what was missed, and then what comes', async () => {
    const jobs = openJobs(() => 0, limits);
    const { work, tell, succeed } = makeWork();
    const job = jobs.share('a', () => work);
    await Promise.resolve();
    const read = readAll(job);
    await new Promise(setImmediate);
    tell({ type: 'status', status: 'now' });
    await new Promise(setImmediate);
    tell({ type: 'status', status: 'then' });
    succeed();
    expect(await read).toEqual([
      BEFORE,
      { type: 'status', status: 'now' },
      { type: 'status', status: 'then' },
    ]);
    expect(await readAll(job)).toEqual([BEFORE]);
  });

  it('keeps no more than some of what a slow reader leaves, and of that the newest', async () => {
    const jobs = openJobs(() => 0, limits);
    const { work, tell, succeed } = makeWork();
    const job = jobs.share('a', () => work);
    const reader = job.follow(never);
    expect((await reader.next()).value).toEqual([BEFORE]);
    for (let at = 0; at < 10_000; at++) tell({ type: 'progress', at });
    const { value } = await reader.next();
    expect(value?.length).toBe(256);
    expect(value?.at(-1)).toEqual({ type: 'progress', at: 9_999 });
    succeed();
    expect((await reader.next()).done).toBe(true);
  });

  it('is no longer told to one who has left', async () => {
    const jobs = openJobs(() => 0, limits);
    const job = jobs.share('a', () => makeWork().work);
    const caller = new AbortController();
    const read = readAll(job, caller.signal);
    await new Promise(setImmediate);
    caller.abort();
    expect(await read).toEqual([BEFORE]);
    expect(job.status).toBe('running');
    await jobs.close();
  });

  it('has failed where its work threw', async () => {
    const jobs = openJobs(() => 0, limits);
    const { work, fail } = makeWork();
    const job = jobs.share('a', () => work);
    fail(new OllamaError('no_space', 'full'));
    await job.ended;
    expect(job).toMatchObject({ status: 'failed', error: { code: 'no_space' } });
  });
});

describe('the jobs of a gateway', () => {
  it('are no more at once than is allowed', async () => {
    const jobs = openJobs(() => 0, limits);
    for (const key of ['a', 'b']) jobs.share(key, () => makeWork().work);
    expect(() => jobs.share('c', () => makeWork().work)).toThrow(
      expect.objectContaining({ status: 429, retryAfterMs: 10_000 }),
    );
    expect(jobs.share('a', () => makeWork().work).status).toBe('running');
    await jobs.close();
    expect(jobs.list().map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
    expect(() => jobs.share('d', () => makeWork().work)).toThrow(
      expect.objectContaining({ code: 'interrupted' }),
    );
  });

  it('are forgotten some time after their end, and when there are too many', async () => {
    let now = 0;
    const jobs = openJobs(() => now, limits);
    const ended: string[] = [];
    for (const key of ['a', 'b', 'c']) {
      const { work, succeed } = makeWork();
      const job = jobs.share(key, () => work);
      succeed();
      await job.ended;
      ended.unshift(job.id);
    }
    expect(jobs.list().map(({ id }) => id)).toEqual(ended.slice(0, 2));
    expect(jobs.get(ended[2] ?? '')).toBeUndefined();
    now = 1_000;
    expect(jobs.list()).toHaveLength(2);
    now = 1_001;
    expect(jobs.list()).toHaveLength(0);
  });

  it('end with it once those who wait have their answer', async () => {
    const jobs = openJobs(() => 0, limits);
    const { work, succeed } = makeWork();
    const awaited = jobs.share('a', () => work);
    awaited.join();
    const kept = jobs.share('b', () => makeWork().work);
    kept.keep();
    const closing = jobs.close();
    await kept.ended;
    expect(kept.status).toBe('cancelled');
    expect(awaited.isStopping).toBe(false);
    succeed();
    await closing;
    expect(awaited.status).toBe('succeeded');
  });
});
