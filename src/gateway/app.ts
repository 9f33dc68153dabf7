import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyServerFactory } from 'fastify';
import { OllamaError } from '../core/errors.js';
import { chatRoutes } from './chat-routes.js';
import type { GatewayDeps } from './deps.js';
import { refuse, sendError, toHttpError } from './errors.js';
import { LIMITS, type Limits } from './limits.js';
import { metricsRoute, openExporter } from './metrics.js';
import { modelRoutes } from './model-routes.js';
import { describeRoutes, openapiRoute } from './openapi.js';
import { providerRoutes } from './provider-routes.js';
import { pullRoutes } from './pull-routes.js';
import { openRouteTable, type RouteTable } from './route-table.js';
import { ERROR_SCHEMA } from './schemas.js';
import { statusRoutes } from './status-routes.js';

/** What is around the routes. */
export interface AppOptions {
  readonly limits?: Limits;
  /** Takes note of the routes. */
  readonly routes?: RouteTable;
  readonly serverFactory?: FastifyServerFactory;
  /** Answers what is no HTTP; without it the framework does, in its own form. */
  readonly onMalformed?: (error: Error, socket: Socket) => void;
  /** Told of what nobody has foreseen. */
  readonly onUnforeseen?: (error: unknown) => void;
}

/** All routes, with what they share: schemas, errors and limits. Listens to nothing yet. */
export async function buildApp(deps: GatewayDeps, options: AppOptions = {}): Promise<FastifyInstance> {
  const limits = options.limits ?? LIMITS;
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    forceCloseConnections: 'idle',
    // The connection's own handler answers that, in the form of all errors.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1_024 },
    // What a caller sends is taken as it is, or refused: nothing is turned into what it is not, or left out unseen.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: true } },
    frameworkErrors: (error, _request, reply) => sendError(reply, error),
    ...(options.onMalformed ? { clientErrorHandler: options.onMalformed } : {}),
    ...(options.serverFactory ? { serverFactory: options.serverFactory } : {}),
  });
  app.removeContentTypeParser('text/plain');
  takeEmptyBodies(app);
  app.addSchema(ERROR_SCHEMA);
  app.setErrorHandler((error, _request, reply) => {
    if (toHttpError(error).code === 'internal') options.onUnforeseen?.(error);
    sendError(reply, error);
  });
  const routes = options.routes ?? openRouteTable();
  routes.watch(app);
  answerUnknown(app, routes);
  limitRunning(app, limits.running);

  const exporter = openExporter();
  app.addHook('onClose', () => exporter.close());
  await describeRoutes(app);
  for (const declare of [modelRoutes, pullRoutes, chatRoutes, providerRoutes, statusRoutes]) {
    declare(app, deps);
  }
  metricsRoute(app, exporter);
  openapiRoute(app);
  return app;
}

/** Clients that say JSON of every request send it without a body too: that is no body, and no JSON that is broken. */
function takeEmptyBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null);
    else void parse(request, body, done);
  });
}

/** A path that no route has is 404; one that other methods have is 405, and says which. */
function answerUnknown(app: FastifyInstance, routes: RouteTable): void {
  app.setNotFoundHandler((request, reply) => {
    const allowed = routes.methodsOf(request.url);
    const [status, message] =
      allowed.length === 0
        ? [404, 'The gateway has no such route.']
        : [405, `This route takes ${allowed.join(', ')}.`];
    if (allowed.length > 0) void reply.header('allow', allowed.join(', '));
    const hint = 'GET /openapi.json lists the routes.';
    void reply.code(status).send({ error: { code: 'usage', message, hint } });
  });
}

/** No more work at the same time than is allowed: chats, pulls and all else that is not only read. */
function limitRunning(app: FastifyInstance, most: number): void {
  let running = 0;
  app.addHook('onRequest', (request, reply, next) => {
    if (request.method === 'GET' || request.method === 'HEAD') {
      next();
      return;
    }
    if (running >= most) {
      const busy = new OllamaError('server_error', `The gateway has ${most} requests running.`, {
        status: 429,
        retryAfterMs: 1_000,
        hint: 'Come again in a moment.',
      });
      refuse(reply.hijack().raw, { ...toHttpError(busy), hint: busy.hint ?? '' });
      return;
    }
    running += 1;
    reply.raw.once('close', () => {
      running -= 1;
    });
    next();
  });
}
