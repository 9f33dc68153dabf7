import { OllamaError, isOllamaError, type ErrorCode, type FailureReason } from './errors.js';
import { isTlsAlert, isTlsError, speaksTls, tlsError, wantsTls } from './tls-errors.js';
import { ConnectTimeout } from './transport.js';

/** What is known of the request that failed. */
export interface RequestFacts {
  readonly host: string;
  readonly model?: string | undefined;
  /** The wait that the server asked for before another try, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'there is no such name',
  EAI_AGAIN: 'the name could not be looked up',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'the network is unreachable',
  ETIMEDOUT: 'the connection timed out',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
};

const WHY: Readonly<Record<string, FailureReason>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'no_such_name',
  EAI_AGAIN: 'name_lookup',
  EHOSTUNREACH: 'no_route',
  ENETUNREACH: 'no_route',
  ETIMEDOUT: 'connect_timeout',
  ECONNRESET: 'cut',
  EPIPE: 'cut',
  UND_ERR_SOCKET: 'cut',
};

/** The `code` of a system error, looked for in an AggregateError and in causes too. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code;
  if ('errors' in error && Array.isArray(error.errors)) {
    for (const inner of error.errors as unknown[]) {
      const code = systemCode(inner);
      if (code !== undefined) return code;
    }
  }
  return 'cause' in error ? systemCode(error.cause) : undefined;
}

const CUT = REASONS['ECONNRESET'];

/** True where a connection stood and broke: it may stand again at once; a refused one, a wrong name or certificate won't. */
export function isCutConnection(error: unknown): boolean {
  return REASONS[systemCode(error) ?? ''] === CUT;
}

/** Why a connection never stood, in words; undefined where it did, or where no system error says so. */
export function connectionReason(error: unknown): string | undefined {
  return isCutConnection(error) ? undefined : REASONS[systemCode(error) ?? ''];
}

/** The typed error of a request that got no answer, or whose answer broke off before its body. */
export function connectionError(error: unknown, facts: RequestFacts): OllamaError {
  if (isOllamaError(error)) return error;
  const code = systemCode(error) ?? '';
  const message = error instanceof Error ? error.message : String(error);
  const at = `at ${facts.host}`;
  const more = { ...facts, cause: error };
  if (error instanceof ConnectTimeout) {
    return new OllamaError('timeout', `No Ollama server answered ${at}: ${error.message}.`, {
      ...more,
      reason: 'connect_timeout',
    });
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return new OllamaError('interrupted', 'Interrupted.', more);
  }
  if (isTlsError(code, message)) return tlsError(code, message, more);
  if (code.startsWith('HPE_')) return notHttp(error, more);
  if (code === 'ERR_UNESCAPED_CHARACTERS' || code === 'ERR_INVALID_CHAR') {
    return new OllamaError('usage', `The request to ${facts.host} can't be written: ${message}.`, more);
  }
  const reason = REASONS[code] ?? message;
  return new OllamaError('unreachable', `No Ollama server ${at}: ${reason}.`, { ...more, reason: WHY[code] });
}

const LONGEST_GREETING = 60;

/** The error of an answer that is no HTTP; Node's parser keeps what came, which often names who sent it. */
function notHttp(error: unknown, facts: RequestFacts & { cause: unknown }): OllamaError {
  const packet: unknown =
    typeof error === 'object' && error !== null && 'rawPacket' in error ? error.rawPacket : undefined;
  const came = packet instanceof Uint8Array ? Buffer.from(packet).toString('latin1') : '';
  if (isTlsAlert(came)) return speaksTls(facts);
  const head = /^HTTP\/\d[^\r\n]*/.exec(came)?.[0].slice(0, LONGEST_GREETING);
  if (head !== undefined) {
    const message = `What answers at ${facts.host} speaks HTTP, but its answer is not valid HTTP: it begins with ${JSON.stringify(head)}.`;
    return new OllamaError('protocol', message, { ...facts, reason: 'not_http' });
  }
  const greeting = /^[ -~]{3,}/.exec(came)?.[0].slice(0, LONGEST_GREETING);
  const words = greeting === undefined ? '' : `: it says ${JSON.stringify(greeting)}`;
  return new OllamaError('protocol', `What answers at ${facts.host} does not speak HTTP${words}.`, {
    ...facts,
    reason: 'not_http',
  });
}

/** Why a body broke off, in a few words. */
export function cutReason(error: unknown): string {
  return REASONS[systemCode(error) ?? ''] ?? 'the connection was cut';
}

/** The typed error of a body that broke off after the answer's head. */
export function cutError(error: unknown, facts: RequestFacts & { hint?: string }): OllamaError {
  if (isOllamaError(error)) return error;
  return new OllamaError('stream_cut', `The answer of ${facts.host} broke off: ${cutReason(error)}.`, {
    ...facts,
    cause: error,
  });
}

/** What an error answer holds: `error` of a JSON body, or the text itself. */
export interface ErrorBody {
  readonly text: string;
  readonly json: boolean;
  readonly html: boolean;
}

/** Reads the body of an error answer. An OpenAI-like `{"error": {"message"}}` counts as JSON too. */
export function readErrorBody(body: string, contentType: string): ErrorBody {
  try {
    const value = JSON.parse(body) as { error?: unknown } | null;
    const error = value?.error;
    if (typeof error === 'string') return { text: error, json: true, html: false };
    if (
      typeof error === 'object' &&
      error !== null &&
      'message' in error &&
      typeof error.message === 'string'
    ) {
      return { text: error.message, json: true, html: false };
    }
  } catch {
    // Not JSON: a proxy's page, or one of Ollama's own plain-text answers.
  }
  const html = /text\/html/i.test(contentType) || /^\s*<(?:!doctype|html)/i.test(body);
  return { text: html ? titleOf(body) : body.trim().slice(0, 200), json: false, html };
}

function titleOf(page: string): string {
  return /<title>([^<]{1,120})/i.exec(page)?.[1]?.trim() ?? 'an HTML page';
}

/** Wordings that say more than the status. Sources: wire.md's tables, the recordings of both servers. */
const WORDINGS: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /input length exceeds|prompt is longer than the context|exceeds (?:the|maximum) (?:available )?context|context length exceeded/i,
    'context_overflow',
  ],
  [/no space left on device|disk is full/i, 'no_space'],
  [/invalid model (?:name|path)|name ".*" is invalid|invalid name/i, 'invalid_name'],
  [/unauthorized|access denied|not authorized/i, 'unauthorized'],
  [/digest mismatch/i, 'digest_mismatch'],
];

/**
 * How servers say that a model found too little memory. Sources: llm/server.go and server/sched.go of Ollama, ggml's
 * backends; a process that the system killed was most often the one that took the most.
 */
const NO_MEMORY =
  /requires more system memory|out ?of ?(?:device ?)?memory|unable to allocate|failed to allocate|cannot allocate memory|(?:insufficient|not enough) memory|memory layout cannot be allocated|request too large for system|signal: killed/i;

/** Whether a server's error says that a model did not fit the memory, or was ended for it as it seems. */
export function isOutOfMemory({ code, message }: Pick<OllamaError, 'code' | 'message'>): boolean {
  return code === 'server_error' && NO_MEMORY.test(message);
}

/** The typed error of a text that the server sent, with or without a status. */
export function serverError(text: string, facts: RequestFacts & { status?: number }): OllamaError {
  const { status } = facts;
  const worded = WORDINGS.find(([wording]) => wording.test(text))?.[1];
  if (worded !== undefined) return new OllamaError(worded, text, facts);
  if (status === 404 && /model|not found|file does not exist/i.test(text)) {
    return new OllamaError('model_not_found', text, facts);
  }
  return new OllamaError(
    'server_error',
    text === '' ? `The server answered ${status ?? 'with an error'}.` : text,
    facts,
  );
}

/** The typed error of an answer with a status of 400 or more. */
export function statusError(
  status: number,
  body: ErrorBody,
  facts: RequestFacts & { what: string; server?: string | undefined },
): OllamaError {
  const { host, model, retryAfterMs } = facts;
  const known = { host, model, status, retryAfterMs };
  if (status === 400 && wantsTls(body.text)) return speaksTls(known);
  if (status === 401 || (status === 403 && body.json)) {
    return new OllamaError(
      'unauthorized',
      `${facts.host} refused this (${status}): ${body.text || 'unauthorized'}.`,
      { ...known, reason: status === 401 ? 'unauthorized' : 'forbidden' },
    );
  }
  if (status === 403 && body.text !== '') {
    return new OllamaError('unauthorized', `${facts.host} refused this request (403): ${body.text}.`, {
      ...known,
      reason: 'forbidden',
    });
  }
  if (status === 403) {
    return new OllamaError('unauthorized', `${facts.host} refused this request (403) without a word.`, {
      ...known,
      reason: 'host_header',
      hint: 'An Ollama server on a loopback address refuses names it does not know: dial it by its address, let a proxy send "Host: localhost", or set OLLAMA_HOST=0.0.0.0 there.',
    });
  }
  const { server } = facts;
  if (body.html)
    return notOllama(facts.host, `${status}, "${body.text}"`, { ...known, server, reason: 'html' });
  if (!body.json && status === 404) {
    return body.text.startsWith('404 page not found')
      ? new OllamaError(
          'server_error',
          `The server at ${facts.host} does not know ${facts.what}: it is an older Ollama, or none.`,
          known,
        )
      : notOllama(facts.host, `404, ${JSON.stringify(body.text.slice(0, 80))}`, { ...known, server });
  }
  if (!body.json && status >= 500)
    return notOllama(facts.host, `${status}, ${JSON.stringify(body.text.slice(0, 80))}`, {
      ...known,
      server,
    });
  return serverError(body.text, known);
}

/** The error for an answer that no Ollama server gives. */
export function notOllama(
  host: string,
  what: string,
  facts: {
    host?: string;
    status?: number | undefined;
    reason?: FailureReason;
    /** The `Server` header of the answer. */
    server?: string | undefined;
  },
): OllamaError {
  const { server, reason = 'not_ollama', ...known } = facts;
  const who = server === undefined || server === '' ? '' : `, from ${JSON.stringify(server.slice(0, 60))}`;
  return new OllamaError('protocol', `What answers at ${host} is not Ollama (${what}${who}).`, {
    ...known,
    reason,
    hint: 'Look at the address: a proxy or another program may be in front of the server.',
  });
}
