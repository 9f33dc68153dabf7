import { OllamaError, isOllamaError } from '../core/errors.js';
import type { ErrorCode } from '../core/errors.js';

/** Whose errors they are. */
export interface ErrorSource {
  readonly name: string;
  readonly base_url: string;
  /** What a server may have repeated to us, and nobody is to read. */
  readonly secret?: string | undefined;
}

/** How other APIs say that a conversation is too long. Sources: the documentation of OpenAI and of Anthropic. */
const TOO_LONG =
  /maximum context length|context[_ ]length[_ ]exceeded|context window|prompt is too long|exceeds? (?:the )?context limit/i;

/** A key, or a beginning of one, of fewer characters would take words out of a sentence. */
const SHORTEST_SECRET = 6;

/**
 * The text without a provider's key, which some servers repeat in their errors; nor the beginning of it, where a long
 * text was cut in the middle of the key.
 */
function withoutSecret(text: string, secret = ''): string {
  for (let length = secret.length; length >= SHORTEST_SECRET; length--) {
    const part = secret.slice(0, length);
    if (text.includes(part)) return text.replaceAll(part, '***');
  }
  return text;
}

/**
 * The error of a provider in words that say which one it was, with its code kept: the core's speak of an Ollama server.
 * Without the provider's key, and without what the core knows of Ollama alone.
 */
export function retellError(thrown: unknown, source: ErrorSource): OllamaError {
  const error = isOllamaError(thrown)
    ? thrown
    : new OllamaError('internal', thrown instanceof Error ? thrown.message : String(thrown), {
        cause: thrown,
      });
  if (error.provider !== undefined || error.code === 'interrupted') return error;
  const code = codeOf(error);
  return new OllamaError(code, withoutSecret(wordsOf(error, source), source.secret), {
    host: source.base_url,
    model: error.model,
    status: error.status,
    reason: error.reason,
    retryAfterMs: error.retryAfterMs,
    hint: hintOf(error, code, source.name),
    provider: source.name,
    // Not the error itself, whose words hold what was taken out here.
    cause: error.cause,
  });
}

function codeOf({ code, message, status }: OllamaError): ErrorCode {
  const isRefusal = status === undefined || status === 400 || status === 413;
  return code === 'server_error' && isRefusal && TOO_LONG.test(message) ? 'context_overflow' : code;
}

function wordsOf({ message, host }: OllamaError, { name, base_url: url }: ErrorSource): string {
  const where = `${name} (${url})`;
  const gone = /^No Ollama server(?: answered)? at \S+: (.*)$/s.exec(message)?.[1];
  if (gone !== undefined) return `${where} can't be reached: ${gone}`;
  const other = /^What answers at \S+ (?:is not Ollama|is no Ollama server) \((.*)\)\.$/s.exec(message)?.[1];
  if (other !== undefined) return `What answers at ${where} is not its API (${other}).`;
  const unknown = /^The server at \S+ does not know (.*): it is an older Ollama, or none\.$/s.exec(
    message,
  )?.[1];
  if (unknown !== undefined) return `${where} does not know ${unknown}.`;
  return host !== undefined && message.includes(host)
    ? message.replace(host, () => where)
    : `${where}: ${message}`;
}

function hintOf({ hint, status, message }: OllamaError, code: ErrorCode, name: string): string | undefined {
  switch (code) {
    case 'unauthorized':
      return 'Look at its api_key_env or api_key: the key may be missing, wrong or worn out.';
    case 'model_not_found':
      return `Name a model that it has; they are listed: ollama-cli providers test ${name} --json`;
    case 'unreachable':
      return 'Look at its base_url, and whether it is up.';
    case 'timeout':
      return hint ?? 'Look whether it is up, or give it longer.';
    case 'context_overflow':
      return 'Shorten the conversation, or name a model with a larger window.';
    default:
      if (status === 404 || /does not know/.test(message)) return 'Look at its base_url: many end in /v1.';
      if (status === 429)
        return 'It is asked too often, or the account has nothing left: wait, or look there.';
      return hint;
  }
}
