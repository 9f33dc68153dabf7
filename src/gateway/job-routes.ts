import type { FastifyInstance, FastifyReply } from 'fastify';
import { errorBody, toHttpError } from './errors.js';
import type { Job, Jobs } from './jobs.js';
import { sendNotFound, unknownThing } from './not-found.js';
import { errorResponses } from './schemas.js';

const TEXT = { type: 'string' } as const;
const COUNT = { type: 'number' } as const;

/** Lines of a log, as JSON schema. */
export const STATUS_LOG = {
  type: 'array',
  description: 'Each status once; of each layer its first line, one for each tenth, and its last.',
  items: {
    type: 'object',
    required: ['status'],
    properties: { model: TEXT, status: TEXT, digest: TEXT, total: COUNT, completed: COUNT },
  },
} as const;

/** A job, as JSON schema. */
export const JOB = {
  type: 'object',
  required: ['id', 'kind', 'status', 'models', 'created_at', 'progress'],
  properties: {
    id: TEXT,
    kind: { type: 'string', enum: ['pull', 'update'] },
    status: { type: 'string', enum: ['running', 'succeeded', 'failed', 'cancelled'] },
    models: { type: 'array', items: TEXT, description: 'Those that were named; none where all are meant.' },
    created_at: { type: 'string', description: 'ISO 8601.' },
    ended_at: { type: 'string', description: 'ISO 8601; absent while it runs.' },
    progress: {
      type: 'object',
      required: ['status', 'total', 'total_known', 'completed'],
      properties: {
        status: TEXT,
        total: { ...COUNT, description: 'Bytes of the layers that are known so far.' },
        total_known: { type: 'boolean', description: 'Whether these are all layers.' },
        completed: COUNT,
        bytes_per_second: COUNT,
        eta_seconds: COUNT,
      },
    },
    status_log: STATUS_LOG,
    error: { type: 'object', properties: { code: TEXT, message: TEXT, hint: TEXT } },
  },
} as const;

/** Where a job is told. */
export function addressOf({ id }: Job): string {
  return `/api/jobs/${id}`;
}

/** A job as it is told; its log only where it is told alone. */
export function describeJob(job: Job, { withLog }: { readonly withLog: boolean }): object {
  const { id, work, status, createdAt, endedAt, error } = job;
  return {
    ...{ id, kind: work.kind, status, models: work.models },
    created_at: new Date(createdAt).toISOString(),
    ...(endedAt === undefined ? {} : { ended_at: new Date(endedAt).toISOString() }),
    progress: work.progress(),
    ...(withLog ? { status_log: work.log() } : {}),
    ...(error === undefined ? {} : errorBody(toHttpError(error))),
  };
}

/** Pulls and updates that run or have ended of late: all, one, and the end of one. */
export function declareJobRoutes(app: FastifyInstance, jobs: Jobs): void {
  const one = {
    tags: ['jobs'],
    params: {
      type: 'object',
      required: ['id'],
      properties: { id: { type: 'string', minLength: 1, maxLength: 64 } },
    },
    response: {
      200: {
        description: 'The job.',
        type: 'object',
        required: ['job'],
        properties: { job: JOB },
      },
      ...errorResponses(404),
    },
  } as const;
  const list = {
    operationId: 'listJobs',
    tags: ['jobs'],
    summary: 'The pulls and updates that run, or have ended within the last hour, newest first',
    response: {
      200: {
        description: 'The jobs, without their logs.',
        type: 'object',
        required: ['jobs', 'total'],
        properties: { jobs: { type: 'array', items: JOB }, total: { type: 'integer' } },
      },
      ...errorResponses(),
    },
  } as const;

  app.get('/api/jobs', { schema: list }, () => {
    const all = jobs.list().map((job) => describeJob(job, { withLog: false }));
    return { jobs: all, total: all.length };
  });
  app.get<{ Params: { id: string } }>(
    '/api/jobs/:id',
    { schema: { operationId: 'showJob', summary: 'One job: how far it is, or what came of it', ...one } },
    async ({ params: { id } }, reply) => {
      const job = jobs.get(id);
      return job ? { job: describeJob(job, { withLog: true }) } : await sendUnknown(reply);
    },
  );
  app.delete<{ Params: { id: string } }>(
    '/api/jobs/:id',
    { schema: { operationId: 'cancelJob', summary: 'Stops a job, whoever waits for it', ...one } },
    async ({ params: { id } }, reply) => {
      const job = jobs.get(id);
      if (!job) return await sendUnknown(reply);
      await job.cancel();
      return { job: describeJob(job, { withLog: true }) };
    },
  );
}

async function sendUnknown(reply: FastifyReply): Promise<FastifyReply> {
  const message = 'There is no such job: its number is wrong, or it ended long ago.';
  return await sendNotFound(reply, unknownThing(message, 'GET /api/jobs lists those that are remembered.'));
}
