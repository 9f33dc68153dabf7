import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { OllamaError, isOllamaError, type ErrorCode } from '../core/errors.js';
import { isFields, text } from '../core/fields.js';
import { toFailure } from '../failure.js';
import { cleanLine } from '../format/clean.js';
import { OWN_HOST } from '../providers/block.js';

/** What a caller is told of a failure, and the status that it is told with. */
export interface HttpError {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  /** How long to wait before another try, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** The status of each error code, where the server's own status says nothing better. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  usage: 400,
  invalid_name: 400,
  context_overflow: 400,
  not_allowed: 403,
  declined: 403,
  model_not_found: 404,
  session_not_found: 404,
  host_not_found: 404,
  config: 500,
  // Of a server behind, which refused the gateway: with 401 a caller would take its own token for the wrong one.
  unauthorized: 500,
  registry_unreachable: 500,
  stalled: 500,
  stream_cut: 500,
  digest_mismatch: 500,
  no_space: 500,
  partial: 500,
  server_error: 500,
  protocol: 500,
  internal: 500,
  unreachable: 503,
  tls: 503,
  interrupted: 503,
  timeout: 504,
};

/** Where a server says that it is asked too often and not for how long. */
const RETRY_AFTER_MS = 10_000;

const TOO_OFTEN = /\b429\b|too many requests/i;
const FULL = /server busy|maximum pending requests/i;

function statusOf({ code, status, message }: OllamaError): number {
  if (status === 429) return 429;
  if (code === 'registry_unreachable' || code === 'server_error') {
    if (TOO_OFTEN.test(message)) return 429;
    if (code === 'server_error' && (status === 503 || FULL.test(message))) return 503;
    // What the server refuses for what was asked is the caller's to change.
    if (code === 'server_error' && status === 400) return 400;
  }
  return STATUS[code];
}

/** What the framework throws: a body that is none, too large, of another kind, or against a route's schema. */
function frameworkError(error: unknown): HttpError | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') {
    return undefined;
  }
  const { statusCode: status, message } = error;
  if (status < 400 || status > 499) return undefined;
  const told = cleanLine(message + fieldOf(error));
  return { status, code: 'usage', message: told, hint: HINTS[status] ?? SEE_ROUTES };
}

/** A name that a caller has made up may be of any length. In characters. */
const LONGEST_FIELD = 80;

/** The field that no schema has, which the framework's own words leave out. */
function fieldOf(error: Error): string {
  const faults: unknown[] = 'validation' in error && Array.isArray(error.validation) ? error.validation : [];
  const names = faults.flatMap((fault) => {
    const params = isFields(fault) && isFields(fault['params']) ? fault['params'] : {};
    const name = text(params, 'additionalProperty');
    return name === '' ? [] : [name.length > LONGEST_FIELD ? `${name.slice(0, LONGEST_FIELD)}…` : name];
  });
  return names.length === 0 ? '' : `: ${names.map((name) => JSON.stringify(name)).join(', ')}`;
}

const SEE_ROUTES = 'GET /openapi.json says what each route takes.';
const HINTS: Readonly<Record<number, string>> = {
  413: 'Send less: a megabyte, or 32 of a chat with images.',
  415: 'Send JSON, with content-type: application/json.',
};

/** Where only whoever runs the gateway can do something. */
const NOT_THE_CALLERS = 'Whoever runs the gateway can change that.';

/** Words of a command line: this program's name, or a flag. */
const IS_COMMAND = /\bollama-cli\b|(?:^|\s)--?[a-z]/i;

/** A hint that already is one by HTTP. */
const IS_ROUTE = /\b(?:GET|POST|DELETE) \//;

/** The next step by HTTP where the host in force failed with one of these. */
const BY_ROUTE: Partial<Record<ErrorCode, (error: OllamaError) => string>> = {
  model_not_found: ({ message, model }) =>
    model === undefined || /file does not exist|manifest/i.test(message)
      ? 'Look its name up: https://ollama.com/library.'
      : `POST /api/providers/ollama/pull ${JSON.stringify({ model })}`,
  unreachable: ({ host, reason }) =>
    reason === 'no_such_name' || reason === 'name_lookup'
      ? NOT_THE_CALLERS
      : `Start Ollama${host === undefined ? '' : ` at ${host}`}, then GET /ready?force=true.`,
  unauthorized: () => NOT_THE_CALLERS,
  no_space: () => 'Make room: DELETE /api/providers/ollama/models/NAME.',
};

/** A hint for whoever calls by HTTP: a command line is no use there. Of a provider, and by default, the neutral one. */
function hintFor(error: OllamaError): string {
  const { code, hint, provider } = error;
  if (hint !== undefined && IS_ROUTE.test(hint)) return cleanLine(hint);
  const byRoute = provider === undefined || provider === OWN_HOST ? BY_ROUTE[code] : undefined;
  if (byRoute) return cleanLine(byRoute(error));
  if (code === 'model_not_found' && provider !== undefined) {
    return `Name a model that it has: POST /api/providers/${encodeURIComponent(provider)}/test lists them.`;
  }
  return hint !== undefined && IS_COMMAND.test(hint) ? NOT_THE_CALLERS : cleanLine(hint ?? '');
}

/** What a caller is told of anything that was thrown. Nothing of our own insides is in it. */
export function toHttpError(error: unknown): HttpError {
  if (!isOllamaError(error)) {
    const known = frameworkError(error);
    if (known) return known;
    if (!(error instanceof Error && error.name === 'AbortError')) {
      const message = 'Something unforeseen happened in the gateway.';
      return { status: 500, code: 'internal', message, hint: 'Its --debug says what.' };
    }
  }
  const failure = toFailure(error);
  const known = isOllamaError(error) ? error : new OllamaError(failure.code, failure.message);
  const status = statusOf(known);
  const wait = known.retryAfterMs ?? (status === 429 ? RETRY_AFTER_MS : undefined);
  return {
    status,
    code: failure.code,
    message: cleanLine(failure.message),
    hint: hintFor(known),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
}

/** The body that every failure has. */
export function errorBody({ code, message, hint }: HttpError): { error: object } {
  return { error: { code, message, hint } };
}

/** `Retry-After` takes whole seconds; none is shorter than one. */
function retryAfter({ retryAfterMs }: HttpError): Readonly<Record<string, string>> {
  return retryAfterMs === undefined
    ? {}
    : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) };
}

/** Answers with a failure; a connection whose answer has begun is cut, so that nobody takes it for a whole one. */
export function sendError(reply: FastifyReply, error: unknown): void {
  if (reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  const told = toHttpError(error);
  void reply
    .code(told.status)
    .headers(retryAfter(told))
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(errorBody(told));
}

/** The same where no framework stands between: what is refused before any route is looked for. */
export function refuse(
  response: ServerResponse,
  error: HttpError,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify(errorBody(error));
  response.writeHead(error.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...retryAfter(error),
    ...headers,
  });
  response.end(body);
}
