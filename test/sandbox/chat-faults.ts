import type { ErrorCode } from '../../src/core/errors.js';
import type { FaultName } from '../../src/sandbox/faults.js';

/** A model of the sandbox that can be asked in all its versions, and does not think. */
export const FAULT_MODEL = 'llama3.2:1b';
/** One that sees. */
export const SEEING_MODEL = 'gemma3:4b';
/** The numbers in their order are the end of its answer. */
export const COUNTING = 'count to 40';

/** What a fault of the sandbox does to a chat. */
export interface ChatFault {
  readonly fault: string;
  /** How a single answer fails; absent where it is whole. */
  readonly code?: ErrorCode;
  readonly exit: number;
  /** What is said of it, on stderr and in the chat alike. */
  readonly words: RegExp;
  /** How much of the answer comes. */
  readonly comes: 'nothing' | 'part' | 'all';
  /** Silence ends only by a limit. */
  readonly limit?: string;
  /** What brings it about besides the question. */
  readonly needs?: 'image' | 'long prompt';
}

const WHOLE = { exit: 0, words: /(?:)/, comes: 'all' } as const;
const MEMORY = /memory[^]*num.ctx 2048/;

/** The faults of pulls and registries. */
export const NOT_IN_A_CHAT = {
  frozen: 'not in a chat',
  linger: 'not in a chat',
  corrupt: 'not in a chat',
  'rolled-back': 'not in a chat',
  'missing-completed': 'not in a chat',
  'max-retries': 'not in a chat',
  'no-final': 'not in a chat',
  'no-space': 'not in a chat',
  offline: 'not in a chat',
  newer: 'not in a chat',
  '412': 'not in a chat',
  verifying: 'not in a chat',
  'lost-partials': 'not in a chat',
  'registry-500': 'not in a chat',
  'registry-401': 'not in a chat',
  'registry-garbage': 'not in a chat',
  'registry-huge': 'not in a chat',
  'retry-after': 'not in a chat',
} as const satisfies Partial<Record<FaultName, 'not in a chat'>>;

/** The faults that a chat can meet, each of them; of the rest, why it can't. */
const CHAT_FAULTS: Readonly<Record<FaultName, readonly ChatFault[] | 'not in a chat'>> = {
  cut: [
    {
      fault: 'cut@0',
      code: 'stream_cut',
      exit: 6,
      words: /broke off: the connection was cut/,
      comes: 'part',
    },
    {
      fault: 'cut@50%',
      code: 'stream_cut',
      exit: 6,
      words: /broke off: the connection was cut/,
      comes: 'part',
    },
  ],
  stall: [
    { fault: 'stall@50%', code: 'timeout', exit: 5, words: /nothing for 1 s/, comes: 'part', limit: '1s' },
  ],
  slow: [{ fault: 'slow=100kB', ...WHOLE }],
  'half-lines': [{ fault: 'half-lines', ...WHOLE }],
  delay: [{ fault: 'delay=200ms', ...WHOLE }],
  'slow-load': [{ fault: 'slow-load=300ms', ...WHOLE }],
  'count-new': [{ fault: 'count-new', ...WHOLE }],
  escapes: [{ fault: 'escapes', ...WHOLE }],
  'cut-window': [
    // What is left of the window has room for one word.
    {
      fault: 'cut-window',
      exit: 0,
      words: /seems to have (?:cut|left out) the beginning/,
      comes: 'part',
      needs: 'long prompt',
    },
  ],
  '401': [{ fault: '401', code: 'unauthorized', exit: 4, words: /refused this \(401\)/, comes: 'nothing' }],
  '404': [{ fault: '404', code: 'model_not_found', exit: 3, words: /is not installed/, comes: 'nothing' }],
  '500': [{ fault: '500', code: 'server_error', exit: 1, words: /was told to fail/, comes: 'nothing' }],
  '503': [{ fault: '503', code: 'server_error', exit: 1, words: /server busy/, comes: 'nothing' }],
  html: [{ fault: 'html', code: 'protocol', exit: 1, words: /is not Ollama \(502/, comes: 'nothing' }],
  'html-200': [{ fault: 'html-200', code: 'protocol', exit: 1, words: /is not Ollama/, comes: 'nothing' }],
  'error-line': [
    { fault: 'error-line@0', code: 'server_error', exit: 1, words: /unexpected EOF/, comes: 'nothing' },
    { fault: 'error-line@50%', code: 'server_error', exit: 1, words: /unexpected EOF/, comes: 'part' },
  ],
  'no-done': [{ fault: 'no-done', code: 'stream_cut', exit: 6, words: /in the middle/, comes: 'all' }],
  oom: [{ fault: 'oom=2048', code: 'server_error', exit: 1, words: MEMORY, comes: 'nothing' }],
  killed: [
    { fault: 'killed@0', code: 'server_error', exit: 1, words: MEMORY, comes: 'nothing' },
    { fault: 'killed@50%', code: 'server_error', exit: 1, words: MEMORY, comes: 'part' },
  ],
  'bad-image': [
    {
      fault: 'bad-image',
      code: 'server_error',
      exit: 1,
      words: /image: unknown\s+format/,
      comes: 'nothing',
      needs: 'image',
    },
  ],
  'escape-names': [{ fault: 'escape-names', ...WHOLE }],
  ...NOT_IN_A_CHAT,
};

/** All rows of the table. */
export function chatFaults(): readonly ChatFault[] {
  return Object.values(CHAT_FAULTS).flatMap((rows) => (rows === 'not in a chat' ? [] : rows));
}

/** A prompt longer than a window of 256 tokens. */
export const LONG_PROMPT = `${'word '.repeat(600)}${COUNTING}`;

/** The smallest PNG. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
