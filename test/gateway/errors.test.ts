import { describe, expect, it } from 'vitest';
import { OllamaError, type ErrorCode, type ErrorFacts } from '../../src/core/errors.js';
import { toHttpError } from '../../src/gateway/errors.js';
import { ESCAPES } from '../support/run.js';

const CASES: readonly (readonly [ErrorCode, string, ErrorFacts, number])[] = [
  ['usage', 'x', {}, 400],
  ['invalid_name', 'x', {}, 400],
  ['context_overflow', 'x', {}, 400],
  ['server_error', 'm does not support tools', { status: 400 }, 400],
  ['unauthorized', 'x', { status: 401 }, 500],
  ['unauthorized', 'x', { status: 403 }, 500],
  ['not_allowed', 'x', {}, 403],
  ['model_not_found', 'x', { status: 404 }, 404],
  ['server_error', 'x', { status: 429, retryAfterMs: 7_000 }, 429],
  ['server_error', '429 Too Many Requests', {}, 429],
  ['registry_unreachable', 'pull model manifest: 429: too many requests', {}, 429],
  ['protocol', 'x', { status: 404 }, 500],
  ['stream_cut', 'x', {}, 500],
  ['registry_unreachable', 'x', {}, 500],
  ['digest_mismatch', 'x', {}, 500],
  ['no_space', 'x', {}, 500],
  ['server_error', 'x', { status: 500 }, 500],
  ['server_error', 'server busy, please try again.  maximum pending requests exceeded', { status: 503 }, 503],
  ['unreachable', 'x', {}, 503],
  ['tls', 'x', {}, 503],
  ['timeout', 'x', {}, 504],
];

describe('an error as a status', () => {
  it.each(CASES)('%s %j %j is %i', (code, message, facts, status) => {
    const told = toHttpError(new OllamaError(code, message, facts));
    expect(told).toMatchObject({ status, code });
    expect(told.message).not.toBe('');
    expect(typeof told.hint).toBe('string');
  });

  it.each<[string, ErrorCode, string, ErrorFacts, string]>([
    [
      'a model that is not installed is pulled',
      'model_not_found',
      "model 'a\"b' not found",
      { model: 'a"b', host: 'http://h' },
      'POST /api/providers/ollama/pull {"model":"a\\"b"}',
    ],
    [
      'one that the registry lacks is looked up',
      'model_not_found',
      'pull model manifest: file does not exist',
      { model: 'm' },
      'Look its name up: https://ollama.com/library.',
    ],
    [
      'another provider’s has its own words',
      'model_not_found',
      'x',
      { model: 'm', provider: 'cloud', hint: 'They are listed: ollama-cli providers test cloud --json' },
      'Name a model that it has: POST /api/providers/cloud/test lists them.',
    ],
    [
      'a server that is down is started',
      'unreachable',
      'x',
      { host: 'http://127.0.0.1:11434', reason: 'refused' },
      'Start Ollama at http://127.0.0.1:11434, then GET /ready?force=true.',
    ],
    [
      'a wrong name is the gateway’s',
      'unreachable',
      'x',
      { reason: 'no_such_name' },
      'Whoever runs the gateway can change that.',
    ],
    [
      'a flag is the gateway’s',
      'timeout',
      'x',
      { hint: 'Give it longer with --timeout.' },
      'Whoever runs the gateway can change that.',
    ],
    [
      'a command is the gateway’s',
      'not_allowed',
      'x',
      { provider: 'cloud', hint: 'Enable it: ollama-cli providers enable cloud' },
      'Whoever runs the gateway can change that.',
    ],
    [
      'a neutral word stays',
      'stream_cut',
      'x',
      { hint: 'Ask again; it was half-done.' },
      'Ask again; it was half-done.',
    ],
  ])('names a route, and no command line, where %s', (_, code, message, facts, hint) => {
    expect(toHttpError(new OllamaError(code, message, facts)).hint).toBe(hint);
  });

  it.each(CASES)('has no command for a shell in the hint of %s %j', (code, message, facts) => {
    const { hint } = toHttpError(new OllamaError(code, message, { model: 'm', ...facts }));
    expect(hint).not.toMatch(/ollama-cli|ollama serve|(^|\s)-/);
  });

  it('says when to come again, always with 429', () => {
    expect(
      toHttpError(new OllamaError('server_error', 'x', { status: 429, retryAfterMs: 7_000 })),
    ).toMatchObject({
      retryAfterMs: 7_000,
    });
    expect(toHttpError(new OllamaError('server_error', 'x', { status: 429 })).retryAfterMs).toBeGreaterThan(
      0,
    );
    expect(toHttpError(new OllamaError('unreachable', 'x')).retryAfterMs).toBeUndefined();
  });

  it('tells nothing of what it did not foresee', () => {
    const told = toHttpError(new Error('ENOENT: /home/me/secret'));
    expect(told).toMatchObject({ status: 500, code: 'internal' });
    expect(JSON.stringify(told)).not.toContain('secret');
    expect(toHttpError('text')).toMatchObject({ status: 500, code: 'internal' });
  });

  it('keeps the status of what the framework refuses, and of nothing that fails in it', () => {
    const refused = Object.assign(new Error('body too large'), { statusCode: 413 });
    expect(toHttpError(refused)).toMatchObject({ status: 413, code: 'usage', message: 'body too large' });
    const failed = Object.assign(new Error('bug'), { statusCode: 500 });
    expect(toHttpError(failed)).toMatchObject({ status: 500, code: 'internal' });
  });

  it('cleans the words of others', () => {
    const told = toHttpError(new OllamaError('server_error', 'a\u001b[31mb\u0007\nc', { status: 500 }));
    expect(told.message).not.toMatch(ESCAPES);
  });
});
