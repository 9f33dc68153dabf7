import type { FaultName } from '../../src/sandbox/faults.js';
import { NOT_IN_A_CHAT } from '../sandbox/chat-faults.js';

/** Whom a fault of the first leaves to answer: the next one, the first itself, or nobody, as words had come. */
export type Outcome = 'next' | 'first' | 'broken';
export type Row = readonly [fault: string, outcome: Outcome, reason?: RegExp];

/** The longest to a first token in these tests, in milliseconds; the slow ones are far slower. */
export const FIRST_TOKEN_MS = 1_000;
export const LATE = /^first: It gave no token within 1 s$/;

/** Every fault of the sandbox: one that is new has to be given its row. */
const FAULTS: Readonly<Record<FaultName, readonly Row[] | 'not in a chat'>> = {
  cut: [
    ['cut@0', 'broken'],
    ['cut@50%', 'broken'],
  ],
  // The first word comes before the silence.
  stall: [['stall@0', 'broken']],
  slow: [['slow=100kB', 'first']],
  'half-lines': [['half-lines', 'first']],
  delay: [
    ['delay=50ms', 'first'],
    ['delay=60s', 'next', LATE],
  ],
  'slow-load': [
    ['slow-load=50ms', 'first'],
    ['slow-load=60s', 'next', LATE],
  ],
  'count-new': [['count-new', 'first']],
  escapes: [['escapes', 'first']],
  'cut-window': [['cut-window', 'first']],
  'escape-names': [['escape-names', 'first']],
  '401': [['401', 'next', /^first: http:\S+ refused this \(401\)/]],
  '404': [['404', 'next', /^first: it has no model "llama3\.2:1b"$/]],
  '500': [['500', 'next', /^first: .*was told to fail/]],
  '503': [['503', 'next', /^first: server busy/]],
  html: [['html', 'next', /^first: .*is not Ollama \(502/]],
  'html-200': [['html-200', 'next', /^first: .*is not Ollama/]],
  'error-line': [
    ['error-line@0', 'next', /^first: .*unexpected EOF/],
    ['error-line@50%', 'broken'],
  ],
  'no-done': [['no-done', 'broken']],
  oom: [['oom=1', 'next', /^first: .*memory/]],
  killed: [
    ['killed@0', 'next', /^first: .*killed/],
    ['killed@50%', 'broken'],
  ],
  'bad-image': [['bad-image', 'first']],
  ...NOT_IN_A_CHAT,
};
/** All of them that an answer can meet. */
export const ROWS = Object.values(FAULTS).flatMap((rows) => (rows === 'not in a chat' ? [] : rows));
