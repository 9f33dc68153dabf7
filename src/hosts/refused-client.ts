import type { Context } from '../context.js';
import { OllamaClient } from '../core/client.js';
import { isOllamaError } from '../core/errors.js';
import { parseHost } from '../core/url.js';
import { replaceIn } from './many.js';

/**
 * The same context for a command that others can answer: each request to the host in force fails with why its client can't
 * be had, unsent. Throws that error itself where it is no `config`.
 */
export function withRefusedClient(context: Context, error: unknown): Context {
  if (!isOllamaError(error) || error.code !== 'config') throw error;
  const { io, settings } = context;
  const options = { env: io.env, refusal: error, healthCheckInterval: settings.health_check_interval };
  return replaceIn(context, { client: new OllamaClient(parseHost(settings.host), options) });
}
