import { describe, expect, test } from 'vitest';
import { OllamaError, type ErrorCode, type ErrorFacts } from '../../src/core/errors.js';
import { pullError, type OllamaPullEvent } from '../../src/core/pull-events.js';
import { judgeFailure, lastFailure } from '../../src/core/pull-retry.js';
import { countTries } from '../../src/core/pull-tries.js';

const failure = (code: ErrorCode, facts: ErrorFacts = {}, message = 'oh'): OllamaError =>
  new OllamaError(code, message, facts);
const system = (code: string): Error => Object.assign(new Error(code), { code });
const DIGEST = `sha256:a5fd3b62230a${'0'.repeat(52)}`;
const MISMATCH = `digest mismatch, file must be downloaded again: want ${DIGEST}, got sha256:${'1'.repeat(64)}`;

describe('what a server says of its registry', () => {
  test.each([
    ['max retries exceeded: EOF', 'registry', 'max retries exceeded: EOF'],
    ['pull model manifest: 500: oh', 'registry', 'the registry answered 500'],
    ['pull model manifest: 503: busy', 'registry', 'the registry answered 503'],
    ['502: Bad Gateway', 'registry', 'the registry answered 502'],
    ['pull model manifest: 429: too many requests', 'busy', 'the registry answered 429'],
    [
      'pull model manifest: Get "https://registry.ollama.ai/v2/library/x/manifests/latest": dial tcp: lookup registry.ollama.ai: no such host',
      'registry',
      'no such host',
    ],
    [
      'Get "https://r/v2/": dial tcp 10.0.0.1:443: i/o timeout',
      'registry',
      'Get "https://r/v2/": dial tcp 10.0.0.1:443: i/o timeout',
    ],
    [
      'Get "https://r/v2/": net/http: TLS handshake timeout',
      'registry',
      'Get "https://r/v2/": net/http: TLS handshake timeout',
    ],
    [
      'read tcp 10.0.0.2:1->10.0.0.1:443: read: connection reset by peer',
      'registry',
      'connection reset by peer',
    ],
    ['write: broken pipe', 'registry', 'write: broken pipe'],
    ['stream error: stream ID 5; INTERNAL_ERROR', 'registry', 'stream error: stream ID 5; INTERNAL_ERROR'],
  ])('%s: it is asked again', (text, kind, reason) => {
    expect(judgeFailure(pullError(text), true)).toEqual({ kind, reason });
  });

  test.each([
    ['pull model manifest: file does not exist', 'model_not_found'],
    ['unauthorized: access denied', 'unauthorized'],
    ['pull model manifest: 401: {"errors":[]}', 'unauthorized'],
    ['pull model manifest: 403: gated', 'unauthorized'],
    ['pull model manifest: 412: the model requires a newer version of Ollama', 'server_error'],
    ['write /blobs/sha256-1: no space left on device', 'no_space'],
    ['max retries exceeded: write /blobs/x: no space left on device', 'no_space'],
    ['invalid model name', 'invalid_name'],
    [
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
      'registry_unreachable',
    ],
    ['Get "https://r/v2/": http: server gave HTTP response to HTTPS client', 'registry_unreachable'],
    ['http: no Location header in response', 'registry_unreachable'],
    ['this model requires MLX support, but the MLX runtime is not available', 'server_error'],
  ])('%s: it would say so again', (text, code) => {
    expect(pullError(text).code).toBe(code);
    expect(judgeFailure(pullError(text), true)).toBeUndefined();
  });

  test('of a wrong layer it is known which', () => {
    expect(judgeFailure(pullError(MISMATCH), true)).toEqual({
      kind: 'digest',
      reason: 'layer a5fd3b62230a does not match its digest',
      digest: DIGEST,
    });
    expect(judgeFailure(pullError('digest mismatch'), true)).toEqual({
      kind: 'digest',
      reason: 'a layer does not match its digest',
    });
  });
});

describe('what happens on the way to the server', () => {
  test.each<[string, OllamaError, boolean, object | undefined]>([
    [
      'a cut stream',
      failure('stream_cut', { cause: system('ECONNRESET') }),
      false,
      { kind: 'cut', reason: 'the connection was cut' },
    ],
    [
      'a stream without its end',
      failure('stream_cut'),
      false,
      { kind: 'cut', reason: 'the stream ended too soon' },
    ],
    [
      'a cut connection',
      failure('unreachable', { cause: system('ECONNRESET') }),
      false,
      { kind: 'cut', reason: 'the connection was cut' },
    ],
    ['a refusal at first', failure('unreachable', { cause: system('ECONNREFUSED') }), false, undefined],
    [
      'a refusal later',
      failure('unreachable', { cause: system('ECONNREFUSED') }),
      true,
      { kind: 'cut', reason: 'the connection was refused' },
    ],
    ['no connection in time at first', failure('timeout'), false, undefined],
    [
      'no connection in time later',
      failure('timeout'),
      true,
      { kind: 'cut', reason: 'the server did not answer' },
    ],
    ['no first word', failure('stalled', {}, 'x has sent nothing for 20 s.'), false, undefined],
    [
      'a standstill',
      failure('stalled', {}, 'x has sent no new byte for 0.3 s.'),
      true,
      { kind: 'stall', reason: 'no data for 0.3 s' },
    ],
    [
      'a busy server',
      failure('server_error', { status: 503 }),
      false,
      { kind: 'busy', reason: 'the server answered 503' },
    ],
    [
      'too many requests',
      failure('server_error', { status: 429 }),
      false,
      { kind: 'busy', reason: 'the server answered 429' },
    ],
    [
      'a failing server',
      failure('server_error', { status: 500 }),
      false,
      { kind: 'busy', reason: 'the server answered 500' },
    ],
    ['a bad request', failure('server_error', { status: 400 }), true, undefined],
    [
      'a page with 502',
      failure('protocol', { status: 502 }),
      false,
      { kind: 'busy', reason: 'a proxy answered 502' },
    ],
    ['a page with 200', failure('protocol', { status: 200 }), true, undefined],
    ['half a line at the end', failure('protocol'), true, { kind: 'cut', reason: 'half a line came' }],
    ['no JSON at all', failure('protocol'), false, undefined],
    ['a certificate', failure('tls'), true, undefined],
    ['Ctrl-C', failure('interrupted'), true, undefined],
  ])('%s', (_what, error, reached, judged) => {
    expect(judgeFailure(error, reached)).toEqual(judged);
  });
});

describe('the last failure', () => {
  test('says how often was tried, and keeps all else', () => {
    const error = failure(
      'stalled',
      { host: 'h', model: 'm', status: 1, hint: 'x', digest: DIGEST },
      'Nothing came.',
    );
    expect(lastFailure(error, 4)).toMatchObject({
      code: 'stalled',
      message: 'Nothing came, after 4 tries.',
      host: 'h',
      model: 'm',
      status: 1,
      hint: 'x',
      digest: DIGEST,
    });
    expect(lastFailure(error, 1)).toBe(error);
  });

  test('names the layer that is wrong', () => {
    expect(lastFailure(pullError(MISMATCH), 2).message).toBe(
      `Layer a5fd3b62230a does not match its digest (${MISMATCH}), after 2 tries.`,
    );
    expect(lastFailure(pullError(MISMATCH), 1).message).toBe(
      `Layer a5fd3b62230a does not match its digest (${MISMATCH}).`,
    );
  });
});

describe('the tries of a pull', () => {
  const POLICY = { attempts: 3, delay: 100, max_delay: 1_000 };
  const CUT = failure('stream_cut', { cause: system('ECONNRESET') });
  const GONE = failure('unreachable', { cause: system('ECONNREFUSED') });
  const bytes = (completed: number, digest = 'a'): OllamaPullEvent => ({
    type: 'ChunkProgress',
    digest,
    total: 100,
    completed,
  });
  const begun = (policy = POLICY, retries?: number) => {
    const tries = countTries(policy, { retries }, () => 0.5);
    tries.hear({ type: 'Status', status: 'pulling manifest' });
    return tries;
  };
  /** How many repeats a pull gets whose tries all end so. */
  const repeats = (
    tries: ReturnType<typeof begun>,
    error: OllamaError,
    hear?: (n: number) => OllamaPullEvent,
  ) => {
    for (let n = 0; n < 50; n += 1) {
      if (hear) tries.hear(hear(n));
      if (tries.next(error).type === 'Error') return n;
    }
    return Infinity;
  };

  test('end when three in a row bring nothing', () => {
    expect(repeats(begun(), CUT)).toBe(2);
    expect(repeats(begun(), CUT, () => bytes(50))).toBe(3);
  });

  test('do not end as long as each brings bytes', () => {
    expect(repeats(begun(), CUT, (n) => bytes(n + 1))).toBe(Infinity);
    expect(repeats(begun(), CUT, (n) => bytes(100, String(n)))).toBe(Infinity);
  });

  test('bytes that were there before a fall are none', () => {
    expect(repeats(begun(), CUT, (n) => bytes(n % 2 === 0 ? 50 : 20))).toBe(3);
  });

  test.each([0, 1, 5])('are exactly as many as were asked for, %i, whatever they bring', (retries) => {
    expect(repeats(begun(POLICY, retries), CUT)).toBe(retries);
    expect(repeats(begun(POLICY, retries), CUT, (n) => bytes(n + 1))).toBe(retries);
    expect(repeats(begun(POLICY, retries), GONE)).toBe(retries);
  });

  test('are one where one is configured', () => {
    const once = { ...POLICY, attempts: 1 };
    expect(repeats(begun(once), CUT, (n) => bytes(n + 1))).toBe(0);
    expect(repeats(begun(once), pullError(MISMATCH))).toBe(0);
    expect(repeats(begun(once, 2), CUT)).toBe(2);
  });

  test('wait longer for a server that is gone than for one that brings nothing', () => {
    const tries = begun();
    tries.hear(bytes(5));
    expect(tries.next(CUT).type).toBe('Retry');
    expect(repeats(tries, GONE)).toBe(9);
  });

  test('to a server that came back and went again begin anew', () => {
    const tries = begun({ ...POLICY, attempts: 20 });
    for (let n = 0; n < 9; n += 1) expect(tries.next(GONE).type).toBe('Retry');
    expect(tries.next(CUT).type).toBe('Retry');
    expect(repeats(tries, GONE)).toBe(9);
  });

  test('of a server that is gone end with what it broke off with', () => {
    const tries = begun(POLICY, 1);
    tries.next(CUT);
    expect(tries.next(GONE)).toMatchObject({ type: 'Error', error: { code: 'stream_cut' } });
  });

  test('a server that nobody has heard is not asked again', () => {
    expect(countTries(POLICY, { retries: 9 }, () => 0).next(GONE)).toMatchObject({
      type: 'Error',
      error: GONE,
    });
    // Unless another pull of the same program has heard it.
    expect(countTries(POLICY, { begun: true }, () => 0).next(GONE)).toMatchObject({ type: 'Retry' });
  });

  test('a wrong layer is fetched again once, another one once too, and neither counts as a try without bytes', () => {
    const tries = begun();
    const wrong = (digest: string) => pullError(MISMATCH.replace('a5fd', digest));
    expect(tries.next(wrong('aaaa'))).toMatchObject({ type: 'Retry', attempt: 2, kind: 'digest' });
    expect(tries.next(wrong('bbbb'))).toMatchObject({ type: 'Retry', attempt: 3, kind: 'digest' });
    expect(tries.next(wrong('aaaa'))).toMatchObject({
      type: 'Error',
      error: { code: 'digest_mismatch', digest: expect.stringMatching(/^sha256:aaaa/) },
      message: expect.stringMatching(/^Layer aaaa3b62230a .*, after 3 tries\.$/),
    });
  });

  test('bytes of a layer that was thrown away count anew', () => {
    const tries = begun();
    tries.hear(bytes(100, DIGEST));
    tries.next(pullError(MISMATCH));
    expect(repeats(tries, CUT, (n) => bytes(Math.min(100, (n + 1) * 25), DIGEST))).toBe(6);
  });

  test('what lasts ends them at once, as it is', () => {
    const tries = begun();
    tries.next(CUT);
    expect(tries.next(pullError('unauthorized: access denied'))).toMatchObject({
      type: 'Error',
      message: 'unauthorized: access denied',
      error: { code: 'unauthorized' },
    });
  });

  test('wait longer and longer while nothing comes, up to six times the longest wait of a question', () => {
    const tries = begun({ ...POLICY, attempts: 99 });
    const delays = Array.from({ length: 12 }, () => {
      const next = tries.next(CUT);
      return next.type === 'Retry' ? next.delayMs : 0;
    });
    expect(delays.slice(0, 4)).toEqual([75, 150, 300, 600]);
    expect(delays.at(-1)).toBe(4_500);
    tries.hear(bytes(1));
    expect(tries.next(CUT)).toMatchObject({ delayMs: 75 });
  });

  test('wait as long as the server asks for, unless that is too long', () => {
    const busy = (retryAfterMs: number) => failure('server_error', { status: 503, retryAfterMs });
    expect(begun().next(busy(7_000))).toMatchObject({ type: 'Retry', kind: 'busy', delayMs: 7_000 });
    expect(begun().next(busy(12_001))).toMatchObject({ type: 'Error', error: { status: 503 } });
  });
});
