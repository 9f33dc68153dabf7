import type { Io, OutputStream } from '../io.js';

/** How a command shows what it did: machine-readable, live in a terminal, or as plain lines. */
export type Mode = 'json' | 'tty' | 'plain';

const DEFAULT_WIDTH = 80;
const NARROWEST = 10;

/** The value of `OLLAMA_CLI_FORCE_TTY`, by which tests and recordings make a terminal of any stream. */
function readForced(env: Io['env']): string | undefined {
  const forced = env['OLLAMA_CLI_FORCE_TTY'];
  return forced === undefined || ['', '0', 'false'].includes(forced) ? undefined : forced;
}

function readWidth(value: string | undefined): number | undefined {
  const width = Number(value);
  return Number.isInteger(width) && width >= NARROWEST ? width : undefined;
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value !== 'false';
}

/** Whether this runs in continuous integration: no spinner, no prompt. The rule is Ink's own, plus Jenkins and TaskCluster. */
export function isCi(env: Io['env']): boolean {
  return (
    isOn(env['CI']) ||
    isOn(env['CONTINUOUS_INTEGRATION']) ||
    Boolean(env['BUILD_NUMBER']) ||
    Boolean(env['RUN_ID'])
  );
}

/** Whether a stream is a terminal, or is to be taken for one (`OLLAMA_CLI_FORCE_TTY`). */
export function isTerminal(stream: OutputStream, env: Io['env']): boolean {
  return stream.isTTY === true || readForced(env) !== undefined;
}

/** How many cells a line of the stream has: the forced width, the terminal's own, `COLUMNS`, or 80. */
export function terminalWidth(stream: OutputStream, env: Io['env']): number {
  return (
    readWidth(readForced(env)) ?? (stream.columns || undefined) ?? readWidth(env['COLUMNS']) ?? DEFAULT_WIDTH
  );
}

/**
 * How to show things, judged by the stream that is drawn on: json if asked for; live on a terminal that can move its
 * cursor, outside CI and without `--accessible`; else plain. A forced terminal is one wherever it runs.
 */
export function decideMode(asked: {
  readonly json: boolean;
  readonly accessible: boolean;
  readonly stream: OutputStream;
  readonly env: Io['env'];
}): Mode {
  if (asked.json) return 'json';
  if (asked.accessible || !isTerminal(asked.stream, asked.env)) return 'plain';
  if (readForced(asked.env) !== undefined) return 'tty';
  return asked.env['TERM'] === 'dumb' || isCi(asked.env) ? 'plain' : 'tty';
}
