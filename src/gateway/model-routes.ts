import type { FastifyReply } from 'fastify';
import { OllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';
import type { InstalledModel, ModelDetails } from '../core/wire.js';
import type { DeclareRoutes, GatewayDeps } from './deps.js';
import { signalOfCaller } from './event-stream.js';
import { MODEL_NAME, readModelName } from './model-names.js';
import { errorResponses, QUERY_FLAG } from './schemas.js';

const TEXT = { type: 'string' } as const;

const ENTRY = {
  name: TEXT,
  size: { type: 'integer', description: 'Bytes.' },
  modified_at: { type: 'string', description: 'ISO 8601.' },
  digest: TEXT,
  details: {
    type: 'object',
    required: ['format', 'family', 'families', 'parameter_size', 'quantization_level'],
    properties: {
      format: TEXT,
      family: TEXT,
      families: { type: 'array', items: TEXT },
      parameter_size: TEXT,
      quantization_level: TEXT,
    },
  },
} as const;
const ENTRY_KEYS = ['name', 'size', 'modified_at', 'digest', 'details'] as const;

const LIST = {
  type: 'object',
  required: ['models', 'total'],
  properties: {
    models: { type: 'array', items: { type: 'object', required: ENTRY_KEYS, properties: ENTRY } },
    total: { type: 'integer' },
  },
} as const;

const SHOWN = {
  type: 'object',
  required: [...ENTRY_KEYS, 'capabilities', 'parameters', 'template', 'system', 'license', 'model_info'],
  properties: {
    ...ENTRY,
    capabilities: { type: 'array', items: TEXT },
    parameters: TEXT,
    template: TEXT,
    system: TEXT,
    license: TEXT,
    model_info: { type: 'object', additionalProperties: true },
  },
} as const;

const REMOVED = {
  type: 'object',
  required: ['success', 'message', 'model'],
  properties: { success: { type: 'boolean' }, message: TEXT, model: TEXT },
} as const;

const BASE = '/api/providers/ollama/models';
const JSON_TYPE = 'application/json; charset=utf-8';

/** The installed models: the list, one of them, and its removal. */
export const modelRoutes: DeclareRoutes = (app, deps) => {
  // One and the same list is told many times; its bytes are made once.
  const bodies = new WeakMap<readonly InstalledModel[], Buffer>();

  app.get<{ Querystring: { force?: 'true' | 'false' } }>(
    BASE,
    {
      schema: {
        operationId: 'listModels',
        tags: ['models'],
        summary: 'The installed models, newest first; kept for model_cache_ttl, asked anew with force=true',
        querystring: { type: 'object', additionalProperties: false, properties: { force: QUERY_FLAG } },
        response: { 200: { description: 'The models.', ...LIST }, ...errorResponses(503, 504) },
      },
    },
    async (request, reply) => {
      const models = await deps.client.list({ force: request.query.force === 'true' });
      let body = bodies.get(models);
      if (body === undefined) {
        body = Buffer.from(JSON.stringify({ models: models.map(describe), total: models.length }));
        bodies.set(models, body);
      }
      return reply.type(JSON_TYPE).send(body);
    },
  );

  const show = async (text: string, reply: FastifyReply): Promise<object> =>
    await showModel(deps, readModelName(text), signalOfCaller(reply));
  const remove = async (text: string, reply: FastifyReply): Promise<object> => {
    const model = readModelName(text);
    deps.checkAllowed(model);
    await deps.client.delete(model, { signal: signalOfCaller(reply) });
    return { success: true, message: `Model '${model}' removed`, model };
  };

  const params = {
    type: 'object',
    required: ['name'],
    properties: { name: { ...MODEL_NAME, description: `${MODEL_NAME.description}, "/" as %2F or as it is` } },
  } as const;
  const shown = {
    operationId: 'showModel',
    tags: ['models'],
    summary: 'One installed model',
    params,
    response: { 200: { description: 'The model.', ...SHOWN }, ...errorResponses(404, 503, 504) },
  };
  const removed = {
    operationId: 'removeModel',
    tags: ['models'],
    summary: 'Removes a model, and its layers where no other has them',
    params,
    response: { 200: { description: 'It is gone.', ...REMOVED }, ...errorResponses(404, 503, 504) },
  };
  interface Named {
    Params: { name: string };
  }
  app.get<Named>(`${BASE}/:name`, { schema: shown }, ({ params: { name } }, reply) => show(name, reply));
  app.delete<Named>(`${BASE}/:name`, { schema: removed }, ({ params: { name } }, reply) =>
    remove(name, reply),
  );

  // A name with slashes that nobody has encoded. The document can't tell such a path, and has the one above.
  interface Rest {
    Params: { '*': string };
  }
  const hidden = {
    hide: true,
    params: { type: 'object', required: ['*'], properties: { '*': MODEL_NAME } },
  } as const;
  app.get<Rest>(
    `${BASE}/*`,
    { schema: { ...hidden, response: shown.response } },
    ({ params: { '*': name } }, reply) => show(name, reply),
  );
  app.delete<Rest>(
    `${BASE}/*`,
    { schema: { ...hidden, response: removed.response } },
    ({ params: { '*': name } }, reply) => remove(name, reply),
  );
};

function describe({ name, size, modified_at, digest, details }: InstalledModel): object {
  return { name, size, modified_at, digest, details: describeDetails(details) };
}

function describeDetails({
  format = '',
  family = '',
  families,
  parameter_size = '',
  quantization_level = '',
}: ModelDetails): object {
  return { format, family, families: families ?? [], parameter_size, quantization_level };
}

async function showModel({ client }: GatewayDeps, model: string, signal: AbortSignal): Promise<object> {
  const [shown, installed] = await Promise.all([client.show(model, { signal }), client.list({ signal })]);
  const entry =
    installed.find(({ name }) => sameModel(name, model)) ??
    // It came after the list that is kept.
    (await client.list({ signal, force: true })).find(({ name }) => sameModel(name, model));
  if (!entry) {
    throw new OllamaError('model_not_found', `"${model}" is not installed.`, {
      host: client.host.url,
      model,
    });
  }
  const { parameters = '', template = '', system = '', license = '', model_info, capabilities } = shown;
  return {
    ...describe(entry),
    ...{ parameters, template, system, license },
    capabilities: capabilities ?? [],
    model_info: model_info ?? {},
  };
}
