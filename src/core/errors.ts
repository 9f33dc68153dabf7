/** The stable names of everything that can go wrong; scripts match on them, so none is ever renamed. */
export type ErrorCode =
  | 'usage'
  | 'config'
  | 'invalid_name'
  | 'model_not_found'
  | 'session_not_found'
  | 'host_not_found'
  | 'unauthorized'
  | 'unreachable'
  | 'timeout'
  | 'tls'
  | 'registry_unreachable'
  | 'stalled'
  | 'stream_cut'
  | 'digest_mismatch'
  | 'declined'
  | 'not_allowed'
  | 'no_space'
  | 'partial'
  | 'context_overflow'
  | 'server_error'
  | 'protocol'
  | 'internal'
  | 'interrupted';

/** What stood in the way, where one code covers several: a diagnosis goes by it. Never renamed either. */
export type FailureReason =
  | 'refused'
  | 'no_such_name'
  | 'name_lookup'
  | 'no_route'
  | 'cut'
  | 'connect_timeout'
  | 'silent'
  | 'tls_expired'
  | 'tls_unknown'
  | 'tls_wrong_host'
  | 'tls_not_spoken'
  | 'tls_needed'
  | 'tls_failed'
  | 'not_http'
  | 'unauthorized'
  | 'forbidden'
  | 'host_header'
  | 'html'
  | 'not_ollama'
  | 'redirect';

/** What an error knows besides its message. All optional: an error says only what was seen. */
export interface ErrorFacts {
  /** The server's address as a person would write it, never with credentials. */
  readonly host?: string | undefined;
  readonly model?: string | undefined;
  /** The HTTP status, where the server answered with one. */
  readonly status?: number | undefined;
  /** The layer that it is about. */
  readonly digest?: string | undefined;
  /** The wait that the server asked for before another try, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** One next step in neutral words; the program adds its own commands to it (failure.ts). */
  readonly hint?: string | undefined;
  /** Who answered, where that was a provider besides the host in force: what helps there is in the hint alone. */
  readonly provider?: string | undefined;
  readonly reason?: FailureReason | undefined;
  /** Those that it sums up, each of which is told by itself. */
  readonly errors?: readonly OllamaError[] | undefined;
  readonly cause?: unknown;
}

/** The one error of this library: a stable code, a message for people, and what is known of the circumstances. */
export class OllamaError extends Error {
  readonly code: ErrorCode;
  readonly host: string | undefined;
  readonly model: string | undefined;
  readonly status: number | undefined;
  readonly digest: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly hint: string | undefined;
  readonly provider: string | undefined;
  readonly reason: FailureReason | undefined;
  readonly errors: readonly OllamaError[] | undefined;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'OllamaError';
    this.code = code;
    this.host = facts.host;
    this.model = facts.model;
    this.status = facts.status;
    this.digest = facts.digest;
    this.retryAfterMs = facts.retryAfterMs;
    this.hint = facts.hint;
    this.provider = facts.provider;
    this.reason = facts.reason;
    this.errors = facts.errors;
  }
}

/** True for an `OllamaError`, also one of another copy of this module (the library and the program are two builds). */
export function isOllamaError(value: unknown): value is OllamaError {
  return value instanceof Error && value.name === 'OllamaError' && 'code' in value;
}
