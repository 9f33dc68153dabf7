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
  | { readonly type: 'Stall'; readonly silentMs: number; readonly digest?: string }
  | { readonly type: 'Retry'; readonly attempt: number; readonly reason: string; readonly delayMs: number }
  | { readonly type: 'Success' }
  | { readonly type: 'Error'; readonly message: string; readonly error: OllamaError };

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
  [/unauthorized|access denied|not authorized|manifest: 401\b/i, 'unauthorized'],
  [/invalid model (?:name|path)|name ".*" is invalid|invalid name/i, 'invalid_name'],
  [/\b412\b|newer version of ollama/i, 'server_error'],
  [
    /max retries exceeded|no such host|connection (?:refused|reset)|no route to host|network is unreachable|server misbehaving|name resolution|i\/o timeout|context deadline|server gave HTTP response|\bEOF\b|dial tcp|tls:|x509|manifest: 5\d\d|no Location header/i,
    'registry_unreachable',
  ],
];

/** The typed error of an error text that a server sent during a pull. */
export function pullError(
  text: string,
  facts: ConstructorParameters<typeof OllamaError>[2] = {},
): OllamaError {
  const code = WORDINGS.find(([wording]) => wording.test(text))?.[1] ?? 'server_error';
  return new OllamaError(code, text, facts);
}
