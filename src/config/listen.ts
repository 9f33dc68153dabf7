import { OllamaError } from '../core/errors.js';

/** Reads `[ADDRESS:]PORT`; without an address it is this machine alone. Throws `usage`. */
export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:(\[[^\]]+\]|[^:]+):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65_535) {
    throw new OllamaError('usage', `"${text}" is no [ADDRESS:]PORT to listen on.`, {
      hint: 'For example --listen 0 or --listen 127.0.0.1:8080.',
    });
  }
  return { host: (match[1] ?? '127.0.0.1').replace(/^\[|\]$/g, ''), port };
}
