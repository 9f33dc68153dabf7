import { advise } from './advice.js';
import { OllamaError, isOllamaError, type ErrorCode } from './core/errors.js';
import { cleanLine } from './format/clean.js';
import { asAsked, throughHost, type FailureFacts, type NextStep } from './next-step.js';

/** The exit code of each error code: the one table, from which the help and the README are made. */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  server_error: 1,
  protocol: 1,
  internal: 1,
  usage: 2,
  config: 2,
  invalid_name: 2,
  model_not_found: 3,
  session_not_found: 3,
  host_not_found: 3,
  unauthorized: 4,
  unreachable: 5,
  timeout: 5,
  tls: 5,
  registry_unreachable: 6,
  stalled: 6,
  stream_cut: 6,
  digest_mismatch: 6,
  declined: 7,
  not_allowed: 7,
  no_space: 7,
  partial: 8,
  context_overflow: 9,
  interrupted: 130,
};

/** What each exit code means, for `help exit-codes` and the README. */
export const EXIT_MEANINGS: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done; an empty list is done'],
  [
    '1',
    "the server answered with an error, with something that is not Ollama's, or something unforeseen happened",
  ],
  ['2', 'usage, a name outside the grammar, or the configuration: the flag, or file, key and line, is named'],
  ['3', 'not found: the model (here or in the registry), session or host'],
  ['4', 'authentication needed or refused'],
  ['5', 'server unreachable: refused, no such name, TLS, no answer in time; `health` that is not healthy'],
  [
    '6',
    'a transfer did not finish: registry unreachable, retries spent, a stream cut, a digest that does not match',
  ],
  ['7', 'declined, or an answer was needed and there is no terminal; not allowed; no space left'],
  ['8', 'several were asked for, and some failed'],
  ['9', 'the conversation does not fit the context window'],
  ['130, 143', 'interrupted, terminated'],
  ['141', 'the reader of stdout went away'],
];

/** An error as the program tells it. Everything in it is cleaned. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly exit: number;
  readonly steps: readonly NextStep[];
  readonly host?: string;
  readonly model?: string;
  readonly status?: number;
}

/** An address as a person reads it in a sentence: `127.0.0.1:11434`. */
function shortHost(url: string): string {
  return url.replace(/^http:\/\//, '');
}

/** The core's neutral error for anything that was thrown. */
export function toOllamaError(error: unknown): OllamaError {
  if (isOllamaError(error)) return error;
  if (error instanceof Error && error.name === 'AbortError')
    return new OllamaError('interrupted', 'Interrupted.');
  return new OllamaError(
    'internal',
    `Something unforeseen happened: ${error instanceof Error ? error.message : String(error)}`,
    {
      cause: error,
    },
  );
}

/** Turns what was thrown into what is told: cleaned, with an exit code and the next step in this program's words. */
export function toFailure(thrown: unknown, facts: FailureFacts = {}): Failure {
  const error = toOllamaError(thrown);
  const { message, steps: advised } = advise(error, {
    ...facts,
    where: shortHost(error.host ?? 'the server'),
  });
  const steps = advised.map((step) => ({
    ...step,
    command: asAsked(step.command, facts),
    ...(step.note === undefined ? {} : { note: throughHost(step.note, facts.hostFlag) }),
  }));
  const next = error.hint === undefined ? undefined : throughHost(error.hint, facts.hostFlag);
  const hints = [...(next === undefined ? [] : [next]), ...steps.map(hintOf)];
  return {
    code: error.code,
    message: tidy(message ?? placed(error)),
    hint: cleanLine(hints.join('; ')),
    exit: EXIT_CODES[error.code],
    // People are told the next step of each of those that it sums up.
    steps:
      next === undefined || error.errors !== undefined
        ? steps
        : [{ label: 'next', command: cleanLine(next) }, ...steps],
    ...(error.host === undefined ? {} : { host: error.host }),
    ...(error.model === undefined ? {} : { model: error.model }),
    ...(error.status === undefined ? {} : { status: error.status }),
  };
}

/** Whose words these are: a server's own say neither where it is nor which model they are about. */
const SERVER_WORDS: readonly ErrorCode[] = [
  'server_error',
  'registry_unreachable',
  'digest_mismatch',
  'no_space',
];

function placed({ code, message, host, model, errors }: OllamaError): string {
  const isOurs = errors !== undefined || !SERVER_WORDS.includes(code);
  if (host === undefined || isOurs || message.includes(shortHost(host))) return message;
  const about = model === undefined || message.includes(model) ? '' : `${model} on `;
  return `${about}${shortHost(host)}: ${message}`;
}

/** Cleaned, and without the empty lines that some servers put into their words. */
function tidy(message: string): string {
  const lines = message.split('\n').map((line) => cleanLine(line).trim());
  return lines.filter((line) => line !== '').join('\n');
}

function hintOf(step: NextStep): string {
  return `${step.label}: ${step.command}`;
}

/** The `error` object of the JSON output. */
export function failureJson(failure: Failure): Record<string, unknown> {
  const { code, message, hint, host, model, status } = failure;
  return {
    code,
    message,
    hint,
    ...(host === undefined ? {} : { host }),
    ...(model === undefined ? {} : { model }),
    ...(status === undefined ? {} : { status }),
  };
}

/** The exit code where several were asked for: one code that all share, 8 where some succeeded or the codes differ. */
function combinedExit(failed: readonly ErrorCode[], succeeded: number): number {
  if (failed.length === 0) return 0;
  const codes = new Set(failed.map((code) => EXIT_CODES[code]));
  const [only] = codes;
  return succeeded === 0 && codes.size === 1 && only !== undefined ? only : EXIT_CODES.partial;
}

/** What the one error of several says. */
interface SumFacts {
  readonly message: string;
  readonly host?: string;
  readonly hint?: string | undefined;
}

/**
 * The one error of several that failed beside `succeeded` others: the only one, else one with the code that all share,
 * or `partial`; undefined of none.
 */
export function sumErrors(
  errors: readonly OllamaError[],
  succeeded: number,
  facts: SumFacts,
): OllamaError | undefined {
  const [first] = errors;
  return errors.length === 1 && succeeded === 0 ? first : sumOf(errors, succeeded, facts);
}

/** The same, also of one alone: a sum with the code that all share, or `partial`; undefined of none. */
export function sumOf(
  errors: readonly OllamaError[],
  succeeded: number,
  { message, host, hint }: SumFacts,
): OllamaError | undefined {
  const [first] = errors;
  if (!first) return undefined;
  const exit = combinedExit(
    errors.map(({ code }) => code),
    succeeded,
  );
  const code = exit === toFailure(first).exit ? first.code : 'partial';
  return new OllamaError(code, message, { host, hint, errors, cause: first });
}
