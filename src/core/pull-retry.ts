import { OllamaError } from './errors.js';
import { connectionReason, cutReason, isCutConnection } from './http-errors.js';
import type { RetryKind } from './pull-events.js';

/** A failure of a pull that another try may get past. */
export interface PassingFailure {
  readonly kind: RetryKind;
  /** In a few words. */
  readonly reason: string;
  readonly digest?: string;
}

/** What the registry, or the way to it, will say again however often it is asked. */
const LASTING =
  /x509|certificate|handshake failure|protocol version|server gave HTTP response|no Location header|unsupported protocol/i;
/** A reason longer than this is cut to its last part: Go puts the whole way to an error before it. */
const SHORT_REASON = 60;
const SHORT_DIGEST = 12;

/**
 * Why a pull that failed is worth another try; undefined where it is not: access, absence, space, a name, an old
 * server and a certificate stay what they are. `reached`: the server has spoken during this pull.
 */
export function judgeFailure(error: OllamaError, reached: boolean): PassingFailure | undefined {
  const { code, status = 0, cause, message } = error;
  switch (code) {
    case 'stream_cut':
      return { kind: 'cut', reason: cause === undefined ? 'the stream ended too soon' : cutReason(cause) };
    case 'unreachable':
      if (!reached && !isCutConnection(cause)) return undefined;
      return { kind: 'cut', reason: connectionReason(cause) ?? cutReason(cause) };
    case 'timeout':
      return reached ? { kind: 'cut', reason: 'the server did not answer' } : undefined;
    case 'stalled':
      return reached
        ? { kind: 'stall', reason: `no data ${/for [\d.]+ s/.exec(message)?.[0] ?? ''}`.trim() }
        : undefined;
    case 'registry_unreachable':
      return LASTING.test(message) ? undefined : registryFailure(message);
    case 'digest_mismatch':
      return digestFailure(error);
    case 'protocol':
      // A page of a proxy whose server is away; or half a line, where a proxy ended what the server did not.
      if (status >= 500) return { kind: 'busy', reason: `a proxy answered ${status}` };
      return reached && status === 0 ? { kind: 'cut', reason: 'half a line came' } : undefined;
    case 'server_error':
      if (status < 500 && status !== 429) return undefined;
      return { kind: 'busy', reason: `the server answered ${status}` };
    default:
      return undefined;
  }
}

function registryFailure(text: string): PassingFailure {
  const status = /(?:^|: )(429|5\d\d)\b/.exec(text)?.[1];
  if (status !== undefined) {
    return { kind: status === '429' ? 'busy' : 'registry', reason: `the registry answered ${status}` };
  }
  const reason = text.length <= SHORT_REASON ? text : text.slice(text.lastIndexOf(': ') + 1).trim();
  return { kind: 'registry', reason };
}

function digestFailure({ digest }: OllamaError): PassingFailure {
  if (digest === undefined) return { kind: 'digest', reason: 'a layer does not match its digest' };
  return { kind: 'digest', reason: `layer ${shorten(digest)} does not match its digest`, digest };
}

function shorten(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, SHORT_DIGEST);
}

/** The failure that a pull ends with when its tries are spent: it names a wrong layer, and says how often was tried. */
export function lastFailure(error: OllamaError, tries: number): OllamaError {
  const { code, digest } = error;
  const named =
    code === 'digest_mismatch' && digest !== undefined
      ? `Layer ${shorten(digest)} does not match its digest (${error.message})`
      : error.message;
  if (tries === 1)
    return named === error.message ? error : new OllamaError(code, `${named}.`, factsOf(error));
  return new OllamaError(
    code,
    `${named.trimEnd().replace(/\.$/, '')}, after ${tries} tries.`,
    factsOf(error),
  );
}

function factsOf(error: OllamaError): ConstructorParameters<typeof OllamaError>[2] {
  const { host, model, status, digest, retryAfterMs, hint, cause } = error;
  return { host, model, status, digest, retryAfterMs, hint, cause };
}
