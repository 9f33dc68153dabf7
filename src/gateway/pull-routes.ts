import { readModelName, MODEL_NAME } from './model-names.js';
import { answerWithJob } from './answer-job.js';
import type { DeclareRoutes } from './deps.js';
import { declareJobRoutes, JOB, STATUS_LOG } from './job-routes.js';
import { openJobs, type Job } from './jobs.js';
import { createPullWork } from './pull-work.js';
import { errorResponses } from './schemas.js';
import { createUpdateWork } from './update-work.js';

const TEXT = { type: 'string' } as const;

const PULLED = {
  type: 'object',
  required: ['success', 'message', 'model', 'status_log'],
  properties: { success: { type: 'boolean' }, message: TEXT, model: TEXT, status_log: STATUS_LOG },
} as const;

const UPDATED = {
  type: 'object',
  required: ['success', 'message', 'models', 'status_log'],
  properties: {
    success: { type: 'boolean' },
    message: TEXT,
    models: {
      type: 'array',
      items: {
        type: 'object',
        required: ['model', 'status'],
        properties: {
          model: TEXT,
          status: {
            type: 'string',
            enum: ['updated', 'failed', 'current', 'outdated', 'local', 'cloud', 'unknown'],
          },
          reason: TEXT,
        },
      },
    },
    status_log: STATUS_LOG,
  },
} as const;

/** The three ways in which a job is answered with, and its failures. */
function jobResponses(outcome: object): object {
  return {
    200: {
      description: 'It is done; or, where Accept asks for a stream, its events as they come.',
      content: {
        'application/json': { schema: outcome },
        'text/event-stream': { schema: TEXT },
        'application/x-ndjson': { schema: TEXT },
      },
    },
    202: {
      description: 'Prefer: respond-async: it goes on by itself, and Location tells of it.',
      type: 'object',
      required: ['job'],
      properties: { job: JOB },
    },
    ...errorResponses(404, 413, 415, 503, 504),
  };
}

/** Pulls, updates, and the jobs that both are. */
export const pullRoutes: DeclareRoutes = (app, deps) => {
  const jobs = openJobs(deps.now);
  app.addHook('onClose', async () => await jobs.close());
  declareJobRoutes(app, jobs);

  const share = (model: string): Job =>
    jobs.share(`pull ${model.toLowerCase()}`, () => createPullWork(deps.client, model, deps.now));

  app.post<{ Body: { model: string } }>(
    '/api/providers/ollama/pull',
    {
      schema: {
        operationId: 'pullModel',
        tags: ['models'],
        summary: 'Pulls a model; those who ask for the same one share its pull',
        body: {
          type: 'object',
          additionalProperties: false,
          required: ['model'],
          properties: { model: MODEL_NAME },
        },
        response: jobResponses(PULLED),
      },
    },
    async (request, reply) => {
      const { model } = request.body;
      const name = readModelName(model);
      deps.checkAllowed(name);
      return await answerWithJob(request, reply, {
        job: share(name),
        more: { success: true, message: `Model '${model}' pulled successfully`, model },
        limitMs: deps.pullLimitMs,
      });
    },
  );

  app.post<{ Body: { models?: readonly string[] } | null | undefined }>(
    '/api/providers/ollama/models/update',
    {
      schema: {
        operationId: 'updateModels',
        tags: ['models'],
        summary: 'Pulls the outdated ones of the installed models, or of those that are named',
        body: {
          type: ['object', 'null'],
          additionalProperties: false,
          properties: { models: { type: 'array', maxItems: 200, items: MODEL_NAME } },
        },
        response: jobResponses(UPDATED),
      },
    },
    async (request, reply) => {
      const models = [...new Set((request.body?.models ?? []).map(readModelName))].toSorted();
      const key = `update ${models.join(' ').toLowerCase()}`;
      const job = jobs.share(key, () => createUpdateWork(deps, models, share));
      return await answerWithJob(request, reply, { job, limitMs: deps.pullLimitMs });
    },
  );
};
