import { OllamaError } from './errors.js';

/**
 * What happens during a pull. `Success` or `Error` is the last event of a stream, always; only `Success` means
 * that the model is there. Sizes are bytes, times milliseconds. `total` and `completed` are as the server sent
 * them: it leaves them out when they are 0, and `completed` may fall when a bad part is fetched again.
 */
export type OllamaPullEvent =
  | { readonly type: 'Status'; readonly status: string }
  | {
      readonly type: 'ChunkProgress';
      readonly digest: string;
      readonly total?: number;
      readonly completed?: number;
    }
  /** What the registry's manifest says and which of it the server has; it comes from outside the server's stream. */
  | { readonly type: 'Manifest'; readonly layers: readonly ManifestLayer[] }
  /** No byte has come for so long: the server is silent, or its numbers stand still. */
  | { readonly type: 'Stall'; readonly silentMs: number; readonly digest?: string }
  /** The server will be asked again; `digest` is the layer that it is about, where it is about one. */
  | {
      readonly type: 'Retry';
      readonly attempt: number;
      readonly reason: string;
      readonly delayMs: number;
      readonly kind: RetryKind;
      readonly digest?: string;
    }
  | { readonly type: 'Success' }
  | { readonly type: 'Error'; readonly message: string; readonly error: OllamaError };

/** One layer, or the config, of a manifest; `size` in bytes, `present` where the server has it whole. */
export interface ManifestLayer {
  readonly digest: string;
  readonly size: number;
  readonly present: boolean;
}

/** Why a pull is asked for again: a broken connection, a standstill, the registry, a wrong digest, a busy server. */
export type RetryKind = 'cut' | 'stall' | 'registry' | 'digest' | 'busy';

/** Wraps a failure as the last event of a pull. */
export function pullFailure(error: OllamaError): OllamaPullEvent {
  return { type: 'Error', message: error.message, error };
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/**
 * Turns the value of one line of a pull's stream into its events; unknown values give none. A line with a digest
 * is a status and a progress at once: the digest's `Status` comes first. Source: Ollama's server/images.go.
 */
export function pullEventsFromValue(value: unknown): OllamaPullEvent[] {
  if (typeof value !== 'object' || value === null) return [];
  const line = value as Record<string, unknown>;
  const { error } = line;
  if (error !== undefined && error !== null) {
    return [pullFailure(pullError(typeof error === 'string' ? error : JSON.stringify(error)))];
  }

  const events: OllamaPullEvent[] = [];
  const { status, digest } = line;
  if (typeof status === 'string') {
    events.push({ type: 'Status', status });
    if (status === 'success') events.push({ type: 'Success' });
  }
  const total = count(line['total']);
  const completed = count(line['completed']);
  if (typeof digest === 'string' || total !== undefined || completed !== undefined) {
    events.push({
      type: 'ChunkProgress',
      digest: typeof digest === 'string' ? digest : '',
      ...(total === undefined ? {} : { total }),
      ...(completed === undefined ? {} : { completed }),
    });
  }
  return events;
}

/** Wordings of the errors that arrive as a line of a pull's stream, and the code each one means. */
const WORDINGS: readonly (readonly [RegExp, ConstructorParameters<typeof OllamaError>[0]])[] = [
  [/file does not exist|manifest unknown|not found|manifests\/.*no such file/i, 'model_not_found'],
  [/digest mismatch/i, 'digest_mismatch'],
  [/no space left|not enough space|disk is full/i, 'no_space'],
  [/unauthorized|access denied|not authorized|(?:^|: )40[13]: |manifest: 40[13]\b/i, 'unauthorized'],
  [/invalid model (?:name|path)|name ".*" is invalid|invalid name/i, 'invalid_name'],
  [/\b412\b|newer version of ollama/i, 'server_error'],
  [
    /max retries exceeded|no such host|connection (?:refused|reset|timed out)|broken pipe|no route to host|network is unreachable|server misbehaving|name resolution|i\/o timeout|timeout (?:awaiting|exceeded)|TLS handshake|context deadline|server gave HTTP response|\bEOF\b|dial tcp|tls:|x509|http2:|stream error|(?:^|: )(?:429|5\d\d): |manifest: (?:429|5\d\d)\b|no Location header/i,
    'registry_unreachable',
  ],
];

/** The typed error of an error text that a server sent during a pull; of a wrong layer with its `digest`. */
export function pullError(
  text: string,
  facts: ConstructorParameters<typeof OllamaError>[2] = {},
): OllamaError {
  const code = WORDINGS.find(([wording]) => wording.test(text))?.[1] ?? 'server_error';
  const digest = code === 'digest_mismatch' ? /\bwant (sha256:[0-9a-f]+)/.exec(text)?.[1] : undefined;
  return new OllamaError(code, text, digest === undefined ? facts : { ...facts, digest });
}
