import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { OllamaError, isOllamaError, type ErrorCode } from '../core/errors.js';
import { toFailure } from '../failure.js';
import { cleanLine } from '../format/clean.js';

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
  return { status, code: 'usage', message: cleanLine(message), hint: HINTS[status] ?? SEE_ROUTES };
}

const SEE_ROUTES = 'GET /openapi.json says what each route takes.';
const HINTS: Readonly<Record<number, string>> = {
  413: 'Send less: a megabyte, or 32 of a chat with images.',
  415: 'Send JSON, with content-type: application/json.',
};

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
    hint: failure.hint,
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
