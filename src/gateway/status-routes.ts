import type { HealthReport } from '../core/health.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import type { DeclareRoutes } from './deps.js';
import { errorBody, toHttpError } from './errors.js';
import { ERROR_FIELDS, errorResponses, QUERY_FLAG } from './schemas.js';

const TEXT = { type: 'string' } as const;
const COUNT = { type: 'integer', minimum: 0 } as const;

const HEALTH = {
  type: 'object',
  required: ['status', 'host', 'models', 'running', 'checks'],
  properties: {
    status: { type: 'string', enum: ['healthy', 'degraded', 'unreachable'] },
    host: TEXT,
    version: TEXT,
    response_time_ms: COUNT,
    models: { ...COUNT, description: 'How many are installed.' },
    running: { ...COUNT, description: 'How many are loaded.' },
    checks: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'status', 'detail'],
        properties: {
          name: TEXT,
          status: { type: 'string', enum: ['pass', 'warn', 'fail', 'skip'] },
          detail: TEXT,
          hint: TEXT,
        },
      },
    },
    error: ERROR_FIELDS,
  },
} as const;

const READY = {
  type: 'object',
  required: ['ready'],
  properties: { ready: { type: 'boolean' }, error: ERROR_FIELDS },
} as const;

const FORCE = { type: 'object', additionalProperties: false, properties: { force: QUERY_FLAG } } as const;
interface Forced {
  Querystring: { force?: 'true' | 'false' };
}

function json(description: string, schema: object): object {
  return { description, content: { 'application/json': { schema } } };
}

/** The failure behind a verdict, for those who ask no more than whether all is well. */
function errorOf(report: HealthReport, host: string): { error?: object } {
  if (report.status === 'healthy') return {};
  const failed = report.checks.find(({ status }) => status === 'fail');
  const error = report.error ?? new OllamaError('server_error', failed?.detail ?? report.status, { host });
  return errorBody(toHttpError(error));
}

/** `/health`, the verdict on the host in force, and `/ready`, whether a request would be answered. */
export const statusRoutes: DeclareRoutes = (app, { client }) => {
  const host = client.host.url;
  app.get<Forced>(
    '/health',
    {
      schema: {
        operationId: 'getHealth',
        tags: ['gateway'],
        summary:
          'How the server is; kept for health_check_interval, what is bad for 2 s; asked anew with force=true',
        querystring: FORCE,
        response: {
          200: json('It answers.', HEALTH),
          503: json('It does not answer, or as no Ollama does.', HEALTH),
          ...errorResponses(),
        },
      },
    },
    async (request, reply) => {
      const report = await client.health({ force: request.query.force === 'true' });
      return await reply.code(report.error ? 503 : 200).send({
        status: report.status,
        host,
        ...(report.version === undefined ? {} : { version: cleanLine(report.version) }),
        ...(report.responseTimeMs === undefined ? {} : { response_time_ms: report.responseTimeMs }),
        models: report.models.length,
        running: report.running.length,
        checks: report.checks.map(({ name, status, detail, hint }) => ({
          name,
          status,
          detail: cleanLine(detail),
          ...(hint === undefined ? {} : { hint: cleanLine(hint) }),
        })),
        ...errorOf(report, host),
      });
    },
  );
  app.get<Forced>(
    '/ready',
    {
      schema: {
        operationId: 'getReady',
        tags: ['gateway'],
        summary: 'Whether the server can be asked; kept and asked anew as /health is',
        querystring: FORCE,
        response: {
          200: json('It can.', READY),
          503: json('It can not.', READY),
          ...errorResponses(),
        },
      },
    },
    async (request, reply) => {
      const report = await client.health({ force: request.query.force === 'true' });
      const ready = report.error === undefined;
      return await reply.code(ready ? 200 : 503).send({ ready, ...(ready ? {} : errorOf(report, host)) });
    },
  );
};
