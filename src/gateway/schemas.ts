/** The `error` of a failure. */
export const ERROR_FIELDS = {
  type: 'object',
  required: ['code', 'message', 'hint'],
  properties: {
    code: { type: 'string', description: 'Stable; programs match on it.' },
    message: { type: 'string' },
    hint: { type: 'string', description: 'One next step, or empty.' },
  },
} as const;

/**
 * The body of every failure, as a schema that all routes share: `app.addSchema(ERROR_SCHEMA)`, then `{$ref: 'error#'}`.
 * Nothing that a caller sends is turned into another type: a query is text, and a number in a body is no text.
 */
export const ERROR_SCHEMA = {
  $id: 'error',
  type: 'object',
  description: 'What went wrong, and what to do about it.',
  required: ['error'],
  properties: { error: ERROR_FIELDS },
} as const;

const MEANINGS: Readonly<Record<number, string>> = {
  400: 'No or a bad model name, or a request against its schema.',
  401: 'No token, or not the right one.',
  403: 'Not allowed: the model, the provider, or the page that asks.',
  404: 'There is no such model, provider or job.',
  413: 'The body is too large.',
  415: 'The body is no JSON.',
  429: 'Too much at once; Retry-After says when to come again.',
  500: "The server's answer was invalid, or the work failed.",
  503: 'The server is not running, or the gateway is ending.',
  504: 'It took too long.',
};

/** A failure by its status, as it stands in the OpenAPI document. */
export interface ErrorResponse {
  readonly description: string;
  readonly content: { readonly 'application/json': { readonly schema: { readonly $ref: string } } };
}

/**
 * The failures that a route may answer with, besides those that all may: 400, 401, 403, 429, 500, and what is known of a
 * request before its route is, such as 408.
 */
export function errorResponses(...more: readonly number[]): Record<string, ErrorResponse> {
  const known = [400, 401, 403, 429, 500, ...more].map((status) => [
    status,
    describeError(MEANINGS[status] ?? 'An error.'),
  ]);
  return { ...Object.fromEntries(known), default: describeError('Any other failure.') };
}

function describeError(description: string): ErrorResponse {
  return { description, content: { 'application/json': { schema: { $ref: 'error#' } } } };
}

/** A switch in a query: `?force=true`. */
export const QUERY_FLAG = { type: 'string', enum: ['true', 'false'] } as const;
