import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { VERSION } from '../version.js';
import { errorResponses } from './schemas.js';

/** Gathers the routes that are declared from now on; `/openapi.json` tells them. */
export async function describeRoutes(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'ollama-cli gateway',
        version: VERSION,
        description:
          'Models, pulls and chats of an Ollama server and of other providers, for web applications.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
      tags: [
        { name: 'models', description: 'The models that are installed.' },
        { name: 'jobs', description: 'Pulls and updates, also those that go on without a caller.' },
        { name: 'chat', description: 'Questions and answers.' },
        { name: 'providers', description: 'Those who answer.' },
        { name: 'gateway', description: 'How the gateway and its server are.' },
      ],
    },
    // A shared schema keeps its name.
    refResolver: { buildLocalReference: (json, _base, _fragment, at) => String(json['$id'] ?? `def-${at}`) },
  });
}

/** Declares `/openapi.json`; after all others. */
export function openapiRoute(app: FastifyInstance): void {
  let text: string | undefined;
  app.get(
    '/openapi.json',
    {
      schema: {
        operationId: 'getOpenapi',
        tags: ['gateway'],
        summary: 'This document',
        response: {
          200: {
            description: 'The routes as OpenAPI 3.1 describes them.',
            content: { 'application/json': { schema: { type: 'object', additionalProperties: true } } },
          },
          ...errorResponses(),
        },
      },
    },
    (_request, reply) => {
      text ??= JSON.stringify(app.swagger());
      // As text: a serialiser would go over it once more.
      return reply.type('application/json; charset=utf-8').serializer(String).send(text);
    },
  );
}
