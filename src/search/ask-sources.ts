import { OllamaError, isOllamaError } from '../core/errors.js';
import { timeLimit } from '../core/time-limit.js';
import type { Answer, Found, Source, SourceName } from './source.js';

/** What one source came to. */
export interface SourceReport {
  readonly name: SourceName;
  /** Undefined where it answered. */
  readonly error: OllamaError | undefined;
  readonly note: string | undefined;
}

/** What all sources together found: in the order of the sources, and of each of them. */
export interface Findings {
  readonly results: readonly Found[];
  readonly reports: readonly SourceReport[];
}

const SOURCE_MS = 10_000;

/**
 * Asks all sources side by side, each for `limitMs` at most. One that fails only says so in its report. Throws where the
 * signal ends it, and for what is no typed error.
 */
export async function askSources(
  sources: readonly Source[],
  ask: (source: Source, signal: AbortSignal) => Promise<Answer> | undefined,
  signal: AbortSignal,
  limitMs = SOURCE_MS,
): Promise<Findings> {
  const asked = sources.map(async (source) => {
    const bound = timeLimit(signal, limitMs, () => {
      const facts = { hint: 'Ask the others alone with --source.' };
      return new OllamaError('timeout', `No answer within ${limitMs / 1000} s.`, facts);
    });
    try {
      return { source, answer: await ask(source, bound.signal ?? signal) };
    } catch (error) {
      if (signal.aborted || !isOllamaError(error)) throw error;
      return { source, error };
    } finally {
      bound.stop();
    }
  });
  const outcomes = await Promise.all(asked);
  return {
    results: outcomes.flatMap(({ answer }) => answer?.results ?? []),
    reports: outcomes.map(({ source, answer, error }) => ({ name: source.name, error, note: answer?.note })),
  };
}

/** The one error of several sources none of which answered; undefined where one did, or none was asked. */
export function failureOfAll(reports: readonly SourceReport[]): OllamaError | undefined {
  const errors = reports.flatMap(({ error }) => error ?? []);
  const [first] = errors;
  if (first === undefined || errors.length < reports.length) return undefined;
  const { host, model, status, hint } = first;
  if (errors.length === 1 || errors.every(({ code }) => code === 'model_not_found')) return first;
  const words = reports.map(({ name, error }) => `${name}: ${error?.message ?? ''}`);
  return new OllamaError('registry_unreachable', `No source answered.\n${words.join('\n')}`, {
    hint: hint ?? 'Look at the network, or name a registry with --registry.',
    model,
    host,
    status,
    cause: first,
  });
}
