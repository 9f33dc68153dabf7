import type { McpServer } from '../config/schema.js';

/** Shorter ones are words, and hiding them would spoil every sentence. */
const SHORTEST = 4;

/** Makes a function that hides the secrets of an MCP server's configuration in a text, as they stand or URL-encoded. */
export function hideSecrets({ env = {}, headers = {} }: McpServer): (text: string) => string {
  const values = [...Object.values(env), ...Object.values(headers)].flatMap((value) => [
    value,
    // The credential itself may be told without its scheme.
    value.replace(/^(?:bearer|basic|token)\s+/i, ''),
  ]);
  const secrets = [...new Set(values.flatMap((value) => [value, encodeURIComponent(value)]))]
    .filter((value) => value.length >= SHORTEST)
    .sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((hidden, secret) => hidden.replaceAll(secret, '***'), text);
}
