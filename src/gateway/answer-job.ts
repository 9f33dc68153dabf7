import type { FastifyReply, FastifyRequest } from 'fastify';
import { OllamaError } from '../core/errors.js';
import { errorBody, sendError, toHttpError } from './errors.js';
import { frameEvent, openEventStream, signalOfCaller, type StreamForm } from './event-stream.js';
import { addressOf, describeJob } from './job-routes.js';
import type { Job, JobEvent } from './jobs.js';
import { readAccept, wantsNoWait } from './preferences.js';

/** A job, and what this caller is told of its outcome. */
export interface JobAnswer {
  readonly job: Job;
  /** Told besides the job's own result. */
  readonly more?: object | undefined;
  /** The longest that a caller waits, in milliseconds. */
  readonly limitMs: number | undefined;
}

/**
 * Answers with a job in the way that the request asks for: with its number at once, with its events as they come, or
 * with its outcome, at the latest after `limitMs`. A caller who leaves, or has waited long enough, no longer
 * counts as one who waits.
 */
export async function answerWithJob(
  request: FastifyRequest,
  reply: FastifyReply,
  { job, more, limitMs }: JobAnswer,
): Promise<unknown> {
  if (wantsNoWait(request.headers.prefer)) {
    job.keep();
    return await reply
      .code(202)
      .headers({ location: addressOf(job), 'preference-applied': 'respond-async' })
      .send({ job: describeJob(job, { withLog: true }) });
  }
  const leave = job.join();
  const wait = openWait(signalOfCaller(reply), limitMs);
  try {
    const form = readAccept(request.headers.accept);
    if (form !== 'json') {
      await streamJob(reply, form, { job, more, limitMs }, wait, leave);
      return reply;
    }
    await Promise.race([job.ended, wait.over]);
    if (job.status === 'running') {
      return sendFailure(reply, job, await giveUp(job, leave, limitMs));
    }
    if (job.error) return sendFailure(reply, job, job.error);
    return await reply.send({ ...more, ...job.result });
  } finally {
    leave();
    wait.stop();
  }
}

interface Wait {
  /** Aborted where the caller has left, or has waited for as long as anybody may. */
  readonly signal: AbortSignal;
  readonly over: Promise<void>;
  stop(): void;
}

function openWait(caller: AbortSignal, limitMs: number | undefined): Wait {
  const controller = new AbortController();
  const { signal } = controller;
  const end = (): void => controller.abort();
  const timer = limitMs === undefined ? undefined : setTimeout(end, limitMs);
  if (caller.aborted) end();
  caller.addEventListener('abort', end, { once: true });
  return {
    signal,
    over: new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    }),
    stop: () => clearTimeout(timer),
  };
}

/** Leaves the job; resolves to what the caller is told of it: it goes on where others wait for it, or it is kept. */
async function giveUp(job: Job, leave: () => void, limitMs: number | undefined): Promise<OllamaError> {
  leave();
  const what = job.work.models.join(', ') || 'all outdated models';
  const took = `The ${job.work.kind} of ${what} takes longer than ${(limitMs ?? 0) / 1000} s.`;
  if (!job.isStopping) {
    return new OllamaError('timeout', `${took} It goes on as job ${job.id}.`, {
      hint: `GET ${addressOf(job)} tells how far it is.`,
    });
  }
  await job.ended;
  return new OllamaError('timeout', `${took} It was stopped; what has come counts next time.`, {
    hint: 'Send "Prefer: respond-async" to have it go on without anybody who waits.',
  });
}

function sendFailure(reply: FastifyReply, job: Job, error: OllamaError): FastifyReply {
  sendError(reply.header('location', addressOf(job)), error);
  return reply;
}

async function streamJob(
  reply: FastifyReply,
  form: StreamForm,
  { job, more, limitMs }: JobAnswer,
  wait: Wait,
  leave: () => void,
): Promise<void> {
  const stream = openEventStream(reply, form);
  const tell = async (...events: readonly object[]): Promise<void> => {
    await stream.write(events.map((event) => frameEvent(form, event)).join(''));
  };
  const start: JobEvent = { type: 'start', schema_version: 1, job: job.id, models: job.work.models };
  await tell(start);
  for await (const events of job.follow(wait.signal)) await tell(...events);
  const error = job.status === 'running' ? await giveUp(job, leave, limitMs) : job.error;
  if (error === undefined) await tell({ type: 'result', ...more, ...job.result });
  else {
    const told = toHttpError(error);
    await tell({ type: 'error', status: told.status, ...errorBody(told) });
  }
  stream.end();
}
