import { OllamaError } from '../core/errors.js';
import type { DeclareRoutes } from './deps.js';
import { sendError } from './errors.js';
import { signalOfCaller } from './event-stream.js';
import { findProvider } from './not-found.js';
import { errorResponses } from './schemas.js';

const TEXT = { type: 'string' } as const;

const BLOCK = {
  type: 'object',
  required: ['name', 'type', 'enabled', 'api_key', 'model', 'base_url', 'status', 'last_checked'],
  properties: {
    name: TEXT,
    type: { type: 'string', enum: ['ollama', 'openai', 'anthropic'] },
    enabled: { type: 'boolean' },
    api_key: { ...TEXT, description: 'Never told: empty, or *** where there is one.' },
    api_key_env: TEXT,
    model: TEXT,
    base_url: TEXT,
    cost: {
      type: 'object',
      description: 'Of a million tokens.',
      properties: { prompt: { type: 'number' }, completion: { type: 'number' }, currency: TEXT },
    },
    status: { type: 'string', enum: ['disconnected', 'connected', 'error'] },
    last_checked: { ...TEXT, description: 'ISO 8601, or empty where nobody has looked.' },
  },
} as const;

const TESTED = {
  type: 'object',
  required: ['name', 'status', 'last_checked', 'models'],
  properties: {
    name: TEXT,
    status: BLOCK.properties.status,
    last_checked: TEXT,
    response_time_ms: { type: 'number' },
    models: { type: 'array', items: TEXT },
    model_available: { type: 'boolean', description: 'Absent where that could not be told.' },
    error: { type: 'object', properties: { code: TEXT, message: TEXT, hint: TEXT } },
  },
} as const;

const PARAMS = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string', minLength: 1, maxLength: 100 } },
} as const;

interface Named {
  Params: { name: string };
}

/** The providers: all, one, and whether one answers. */
export const providerRoutes: DeclareRoutes = (app, { providers, circuit }) => {
  const list = {
    operationId: 'listProviders',
    tags: ['providers'],
    summary: 'The configured providers, without their keys',
    response: {
      200: {
        description: 'The providers.',
        type: 'object',
        required: ['providers', 'total'],
        properties: { providers: { type: 'array', items: BLOCK }, total: { type: 'integer' } },
      },
      ...errorResponses(),
    },
  } as const;
  app.get('/api/providers', { schema: list }, () => {
    const blocks = providers.blocks();
    return { providers: blocks, total: blocks.length };
  });

  const one = {
    operationId: 'showProvider',
    tags: ['providers'],
    summary: 'One provider, without its key',
    params: PARAMS,
    response: { 200: { description: 'The provider.', ...BLOCK }, ...errorResponses(404) },
  } as const;
  app.get<Named>('/api/providers/:name', { schema: one }, async ({ params: { name } }, reply) => {
    const block = providers.blocks().find((known) => known.name === name);
    if (block) return block;
    const message = 'There is no provider of this name.';
    const hint = 'GET /api/providers lists those that there are.';
    sendError(reply, new OllamaError('host_not_found', message, { hint }));
    return reply;
  });

  const test = {
    operationId: 'testProvider',
    tags: ['providers'],
    summary: 'Looks whether a configured provider answers and has its model, and remembers it',
    params: PARAMS,
    response: {
      200: { description: 'What was seen, also where that is an error.', ...TESTED },
      ...errorResponses(404),
    },
  } as const;
  app.post<Named>('/api/providers/:name/test', { schema: test }, async ({ params: { name } }, reply) => {
    const provider = findProvider(providers, name, reply, { evenDisabled: true });
    if (provider === undefined) return reply;
    const seen = await provider.test({ signal: signalOfCaller(reply), force: true });
    await providers.note(seen);
    // Whoever was passed over for its failures is asked again.
    if (seen.status === 'connected') circuit?.begin(name).succeed();
    return seen;
  });
};
