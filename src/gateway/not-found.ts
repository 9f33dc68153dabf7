import type { FastifyReply } from 'fastify';
import { OllamaError } from '../core/errors.js';
import type { Provider, ProviderSet } from '../providers/provider.js';
import { errorBody, sendError, toHttpError } from './errors.js';

/** Answers 404 with an error whose code alone would be another status: what is missing is named in the path or the body. */
export async function sendNotFound(reply: FastifyReply, error: unknown): Promise<FastifyReply> {
  return await reply.code(404).send(errorBody(toHttpError(error)));
}

/** The provider of this name; undefined where the caller has been answered that there is none, or that it is not enabled. */
export function findProvider(
  providers: ProviderSet,
  name: string,
  reply: FastifyReply,
  options: Parameters<ProviderSet['get']>[1] = {},
): Provider | undefined {
  try {
    return providers.get(name, options);
  } catch (error) {
    sendError(reply, error);
    return undefined;
  }
}

/** The error for something that nobody has given this name. */
export function unknownThing(message: string, hint: string): OllamaError {
  return new OllamaError('usage', message, { hint });
}
