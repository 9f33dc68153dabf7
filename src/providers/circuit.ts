import type { OllamaError } from '../core/errors.js';
import { formatSeconds } from '../format/duration.js';

/** How a circuit is made. */
export interface CircuitOptions {
  /** How long one that keeps failing is passed over, in milliseconds; 0 never does. */
  readonly waitMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Why someone is passed over now. */
export interface Shut {
  /** `it failed 12 s ago, and is passed over for 18 s more` */
  readonly why: string;
  /** What it failed with the last time. */
  readonly error: OllamaError;
}

/** A try that is under way; one of these is to be called, and more calls change nothing. */
export interface CircuitTry {
  succeed(): void;
  fail(error: OllamaError): void;
  /** It came to nothing that says how the other is. */
  leave(): void;
}

/** Who has failed of late; shared by all that ask the same providers. */
export interface Circuit {
  /** Undefined where someone may be asked. */
  shut(name: string): Shut | undefined;
  begin(name: string): CircuitTry;
  /** Forgets who has failed: everyone is asked again. */
  clearCache(): void;
}

/**
 * So many failures in a row: the first may be a restart or a cut line, the second says that it will be so again; a third
 * would have a person wait once more for what is known.
 */
export const MOST_FAILURES = 2;

interface Failures {
  readonly failures: number;
  readonly failedAt: number;
  readonly error: OllamaError;
  /** Whether the one try after the wait is under way. */
  isTrying: boolean;
}

/** A circuit in which nobody has failed. */
export function createCircuit({ waitMs, now }: CircuitOptions): Circuit {
  const records = new Map<string, Failures>();

  const isShut = ({ failures, failedAt, isTrying }: Failures): boolean =>
    failures >= MOST_FAILURES && waitMs > 0 && (isTrying || now() - failedAt < waitMs);

  return {
    clearCache: () => records.clear(),
    shut(name) {
      const record = records.get(name);
      if (record === undefined || !isShut(record)) return undefined;
      const { failedAt, error, isTrying } = record;
      const since = Math.max(0, now() - failedAt);
      const rest = formatSeconds(Math.ceil((waitMs - since) / 1000));
      const until = isTrying ? 'is being tried again' : `is passed over for ${rest} more`;
      return { why: `it failed ${formatSeconds(since / 1000)} ago, and ${until}`, error };
    },
    begin(name) {
      const before = records.get(name);
      if (before !== undefined && before.failures >= MOST_FAILURES) before.isTrying = true;
      let isOver = false;
      const end = (work: () => void): void => {
        if (isOver) return;
        isOver = true;
        work();
      };
      return {
        succeed: () => end(() => records.delete(name)),
        fail: (error) =>
          end(() => {
            const failures = (records.get(name)?.failures ?? 0) + 1;
            records.set(name, { failures, failedAt: now(), error, isTrying: false });
          }),
        leave: () =>
          end(() => {
            if (before !== undefined) before.isTrying = false;
          }),
      };
    },
  };
}
