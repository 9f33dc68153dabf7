import { OllamaError, isOllamaError, type ErrorCode } from './core/errors.js';
import { isHuggingFace } from './core/model-name.js';
import { cleanLine } from './format/clean.js';
import { findNearest, suggestLowerCase } from './format/nearest.js';

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

/** One thing to do next: a label, a command that can be copied, and a remark. */
export interface NextStep {
  readonly label: string;
  readonly command: string;
  readonly note?: string;
}

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

/** What is known around an error, for a better next step. */
export interface FailureFacts {
  /** The names of the models that are installed, where they could be asked for. */
  readonly installed?: readonly string[];
}

interface Advice {
  readonly message?: string;
  readonly steps: readonly NextStep[];
}

/** An address as a person reads it in a sentence: `127.0.0.1:11434`. */
export function shortHost(url: string): string {
  return url.replace(/^http:\/\//, '');
}

function shellWord(text: string): string {
  return /^[\w.:/@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function adviseNotFound(error: OllamaError, { installed = [] }: FailureFacts): Advice {
  if (error.model === undefined) return { steps: [] };
  const model = cleanLine(error.model);
  const lower = isHuggingFace(model) ? undefined : suggestLowerCase(model);
  const inRegistry = /file does not exist|manifest/i.test(error.message);
  const near = findNearest(model, installed, 3).filter((name) => name !== model);
  const meant = inRegistry
    ? lower === undefined
      ? []
      : [lower]
    : near.length > 0
      ? near
      : lower === undefined
        ? []
        : [lower];
  const steps: NextStep[] = [];
  if (meant.length > 0) steps.push({ label: 'did you mean', command: meant.map(cleanLine).join(', ') });
  if (inRegistry) {
    if (lower !== undefined) steps.push({ label: 'get it', command: `ollama-cli pull ${shellWord(lower)}` });
    steps.push({
      label: 'look it up',
      command: 'https://ollama.com/library',
      note: 'which names and tags there are',
    });
  } else {
    steps.push({ label: 'get it', command: `ollama-cli pull ${shellWord(lower ?? model)}` });
  }
  const where = inRegistry ? 'in the registry' : `on ${shortHost(error.host ?? 'the server')}`;
  return {
    message: inRegistry
      ? `There is no model "${model}" in the registry.`
      : `"${model}" is not installed ${where}.`,
    steps,
  };
}

function adviseUnreachable(): Advice {
  return {
    steps: [
      { label: 'start it', command: 'ollama serve', note: 'get it: https://ollama.com/download' },
      { label: 'another address', command: 'ollama-cli -H HOST:PORT list' },
      { label: 'just looking', command: 'ollama-cli sandbox' },
    ],
  };
}

function advisePull(error: OllamaError): Advice {
  const again = `ollama-cli pull ${shellWord(error.model ?? 'MODEL')}`;
  const steps: NextStep[] = [{ label: 'go on', command: again, note: 'what has come stays on the server' }];
  if (/tls:|x509|proxy|dial tcp|no such host|timeout/i.test(error.message)) {
    return {
      steps: [
        {
          label: 'on the server',
          command: 'set HTTPS_PROXY there',
          note: 'the download runs inside the server',
        },
        ...steps,
      ],
    };
  }
  return { steps };
}

/** What to say and to do about an error, beside its own words. */
function advise(error: OllamaError, facts: FailureFacts): Advice {
  switch (error.code) {
    case 'model_not_found':
      return adviseNotFound(error, facts);
    case 'unreachable':
      return adviseUnreachable();
    case 'timeout':
      return error.message.startsWith('No Ollama server')
        ? adviseUnreachable()
        : {
            steps:
              error.hint === undefined
                ? [{ label: 'give it longer', command: 'the same command with --timeout 5m' }]
                : [],
          };
    case 'registry_unreachable':
    case 'stream_cut':
    case 'stalled':
      // A chat that broke off brings its own hint; of all else, only a pull has a model that goes on coming.
      if (error.hint !== undefined) return { steps: [] };
      return error.model === undefined
        ? { steps: [{ label: 'ask again', command: 'the same command' }] }
        : advisePull(error);
    case 'digest_mismatch':
      return {
        steps: [{ label: 'fetch it again', command: `ollama-cli pull ${shellWord(error.model ?? 'MODEL')}` }],
      };
    case 'unauthorized':
      return {
        steps: [
          { label: 'with a password', command: 'ollama-cli -H https://USER:PASSWORD@HOST list' },
          {
            label: 'with a token',
            command: 'headers.authorization in the user configuration file',
            note: 'ollama-cli config path',
          },
        ],
      };
    case 'context_overflow':
      return {
        message: `The conversation does not fit the context window of ${error.model ?? 'the model'}: ${error.message}.`,
        steps: [
          {
            label: 'a larger window',
            command: `ollama-cli chat ${shellWord(error.model ?? 'MODEL')} --option num_ctx=16384`,
          },
        ],
      };
    case 'no_space':
      return {
        steps: [
          {
            label: 'make room',
            command: 'ollama-cli rm MODEL',
            note: 'on the machine where the server runs',
          },
        ],
      };
    case 'server_error':
      return adviseServerError(error);
    case 'protocol':
      return {
        steps:
          error.hint === undefined
            ? [{ label: 'look closer', command: 'the same command with --debug' }]
            : [],
      };
    case 'not_allowed':
      return { steps: [{ label: 'see the setting', command: 'ollama-cli config list --show-origin' }] };
    case 'internal':
      return { steps: [{ label: 'look closer', command: 'the same command with --debug' }] };
    case 'usage':
    case 'config':
    case 'invalid_name':
    case 'session_not_found':
    case 'host_not_found':
    case 'tls':
    case 'declined':
    case 'partial':
    case 'interrupted':
      return { steps: [] };
  }
}

function adviseServerError(error: OllamaError): Advice {
  if (error.status === 412 || /\b412\b|newer version of ollama/i.test(error.message)) {
    return {
      steps: [
        { label: 'its version', command: 'ollama-cli health', note: 'an old server may still be running' },
        { label: 'update it', command: 'https://ollama.com/download', note: 'and start it anew' },
      ],
    };
  }
  return { steps: [{ label: 'ask it', command: 'ollama-cli health' }] };
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
  const { message, steps } = advise(error, facts);
  const hints = [...(error.hint === undefined ? [] : [error.hint]), ...steps.map(hintOf)];
  return {
    code: error.code,
    message: tidy(message ?? error.message),
    hint: cleanLine(hints.join('; ')),
    exit: EXIT_CODES[error.code],
    steps: error.hint === undefined ? steps : [{ label: 'next', command: cleanLine(error.hint) }, ...steps],
    ...(error.host === undefined ? {} : { host: error.host }),
    ...(error.model === undefined ? {} : { model: error.model }),
    ...(error.status === undefined ? {} : { status: error.status }),
  };
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
export function combinedExit(failed: readonly ErrorCode[], succeeded: number): number {
  if (failed.length === 0) return 0;
  const codes = new Set(failed.map((code) => EXIT_CODES[code]));
  const [only] = codes;
  return succeeded === 0 && codes.size === 1 && only !== undefined ? only : EXIT_CODES.partial;
}
