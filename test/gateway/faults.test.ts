import { describe, expect, it } from 'vitest';
import type { FaultName } from '../../src/sandbox/faults.js';
import { ESCAPES } from '../support/run.js';
import { openTestGateway } from './open.js';

/** What the list, a pull and a chat are answered with: a status, and the code of an error. */
type Row = readonly [fault: string, list: string, pull: string, chat: string];

const OK = '200';
const REFUSED = '500 unauthorized';
const FOREIGN = '500 protocol';
const FAILED = '500 server_error';
const MISSING = '404 model_not_found';
const CUT = '500 stream_cut';
const LATE = '504 timeout';

/** Every fault of the sandbox: one that is new has to be given its row. */
const ROWS: Readonly<Record<FaultName, readonly Row[]>> = {
  '401': [['401', REFUSED, REFUSED, REFUSED]],
  '404': [['404', OK, MISSING, MISSING]],
  '412': [['412', OK, FAILED, OK]],
  '500': [['500', FAILED, FAILED, FAILED]],
  '503': [['503', OK, '503 server_error', '503 server_error']],
  html: [['html', FOREIGN, FOREIGN, FOREIGN]],
  'html-200': [['html-200', FOREIGN, FOREIGN, FOREIGN]],
  cut: [
    ['cut@0', OK, CUT, CUT],
    ['cut@50%', OK, CUT, CUT],
  ],
  stall: [['stall@50%', OK, '500 stalled', LATE]],
  'no-done': [['no-done', OK, CUT, CUT]],
  'error-line': [
    ['error-line@0', OK, '500 registry_unreachable', FAILED],
    ['error-line@50%', OK, '500 registry_unreachable', FAILED],
  ],
  corrupt: [['corrupt', OK, '500 digest_mismatch', OK]],
  'no-space': [['no-space', OK, '500 no_space', OK]],
  offline: [['offline', OK, '500 registry_unreachable', OK]],
  oom: [['oom=1', OK, OK, FAILED]],
  // The sandbox shows it in Ollama's own API, and the gateway asks by OpenAI's.
  killed: [['killed@0', OK, OK, OK]],
  'missing-completed': [['missing-completed', OK, LATE, OK]],
  'max-retries': [['max-retries', OK, '500 registry_unreachable', OK]],
  // All of these are only slower, or otherwise than others, and whole.
  slow: [['slow=10MB', OK, OK, OK]],
  frozen: [['frozen=50ms@50%', OK, OK, OK]],
  linger: [['linger=10ms', OK, OK, OK]],
  delay: [['delay=10ms', OK, OK, OK]],
  verifying: [['verifying=10ms', OK, OK, OK]],
  'slow-load': [['slow-load=10ms', OK, OK, OK]],
  'rolled-back': [['rolled-back', OK, OK, OK]],
  'no-final': [['no-final', OK, OK, OK]],
  'half-lines': [['half-lines', OK, OK, OK]],
  'lost-partials': [['lost-partials', OK, OK, OK]],
  'escape-names': [['escape-names', OK, OK, OK]],
  escapes: [['escapes', OK, OK, OK]],
  'cut-window': [['cut-window', OK, OK, OK]],
  'count-new': [['count-new', OK, OK, OK]],
  'bad-image': [['bad-image', OK, OK, OK]],
  // These are the registry's, which `outdated` and the update of all ask.
  newer: [['newer', OK, OK, OK]],
  'registry-500': [['registry-500', OK, OK, OK]],
  'registry-401': [['registry-401', OK, OK, OK]],
  'registry-garbage': [['registry-garbage', OK, OK, OK]],
  'registry-huge': [['registry-huge', OK, OK, OK]],
  'retry-after': [['retry-after=1ms', OK, OK, OK]],
};

const ONCE = { OLLAMA_CLI_RETRY__ATTEMPTS: '1' };
/** Those that never end are waited for no longer than this. */
const ENDLESS = ['stall@50%', 'missing-completed'];
const LIMITS = { ...ONCE, OLLAMA_CLI_TIMEOUTS__SILENCE: '400ms', OLLAMA_CLI_TIMEOUTS__PULL: '800ms' };

const REQUESTS = [
  ['GET', '/api/providers/ollama/models'],
  ['POST', '/api/providers/ollama/pull', { model: 'smollm2:135m' }],
  ['POST', '/api/chat', { message: 'count to 10', model: 'gemma3:1b' }],
] as const;

describe('a server that meets a fault', () => {
  it.each(Object.values(ROWS).flat())(
    'of %s is told by the gateway as %s, %s, %s',
    async (fault, ...told) => {
      const gateway = await openTestGateway({ env: ENDLESS.includes(fault) ? LIMITS : ONCE });
      gateway.fault(fault);
      const came: string[] = [];
      for (const [method, path, body] of REQUESTS) {
        const response = await gateway.send(method, path, body);
        const answer = (await response.json()) as { error?: { code: string; message: string } };
        const { error } = answer;
        came.push(error === undefined ? String(response.status) : `${response.status} ${error.code}`);
        if (error === undefined) continue;
        expect(answer).toEqual({
          error: { code: error.code, message: expect.stringMatching(/\w/), hint: expect.any(String) },
        });
        expect(error.message).not.toMatch(ESCAPES);
      }
      expect(came).toEqual(told);
    },
  );
});
