import { OllamaError, type FailureReason } from './errors.js';
import type { RequestFacts } from './http-errors.js';

/** Whether a failed connection failed at its TLS, by the codes and words of Node and OpenSSL. */
export const isTlsError = (code: string, message: string): boolean =>
  /^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|EPROTO)/.test(code) ||
  /wrong version number|ssl routines/i.test(message);

/** Which certificate's fault it is, by OpenSSL's and Node's codes, with what to do. */
const CERTIFICATES: readonly (readonly [RegExp, FailureReason, string])[] = [
  [
    /^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/,
    'tls_expired',
    'Renew the certificate of the server, and look at the clock of this machine.',
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$|^HOSTNAME_MISMATCH$/,
    'tls_wrong_host',
    'Dial the server by a name that its certificate holds, or give it a certificate for this one.',
  ],
  [
    /^(?:DEPTH_ZERO_)?SELF_SIGNED|^UNABLE_TO_|^CERT_UNTRUSTED$/,
    'tls_unknown',
    'Trust its certificate by NODE_EXTRA_CA_CERTS=FILE or the setting ca_file, or write http:// if it has none.',
  ],
];

/** The typed error of a handshake that failed. */
export function tlsError(
  code: string,
  message: string,
  facts: RequestFacts & { cause: unknown },
): OllamaError {
  if (/wrong version number|packet length too long/i.test(message)) {
    return new OllamaError('tls', `The TLS connection to ${facts.host} failed: it does not speak TLS.`, {
      ...facts,
      reason: 'tls_not_spoken',
      hint: 'Write http:// for a server without TLS.',
    });
  }
  const [, reason, hint] = CERTIFICATES.find(([pattern]) => pattern.test(code)) ?? [
    undefined,
    'tls_failed' as const,
    'Trust its certificate by NODE_EXTRA_CA_CERTS=FILE or the setting ca_file, or write http:// if it has none.',
  ];
  const words = `The TLS connection to ${facts.host} failed: ${message}.`;
  return new OllamaError('tls', words, { ...facts, reason, hint });
}

/** Whether bytes begin as a TLS record does that tells of an alert. */
export const isTlsAlert = (bytes: string): boolean => bytes.startsWith('\u0015\u0003');

/** The typed error of a server that wants TLS and was asked without. */
export function speaksTls(facts: RequestFacts & { cause?: unknown; status?: number }): OllamaError {
  return new OllamaError('tls', `What answers at ${facts.host} speaks TLS, and was asked without.`, {
    ...facts,
    reason: 'tls_needed',
    hint: `Write ${facts.host.replace(/^http:/, 'https:')} as the host.`,
  });
}

/** How Go, nginx, Apache and HAProxy answer plain HTTP on a port for TLS. */
const WANTS_TLS =
  /sent an HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port|plain HTTP to an SSL-enabled server/i;

/** Whether a refusal says that TLS was wanted. */
export const wantsTls = (text: string): boolean => WANTS_TLS.test(text);
