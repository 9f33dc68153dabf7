import { describe, expect, it } from 'vitest';
import { OllamaError, type ErrorCode, type ErrorFacts } from '../src/core/errors.js';
import { toFailure } from '../src/failure.js';

const host = 'http://127.0.0.1:11434';

function told(code: ErrorCode, message: string, facts: ErrorFacts): { message: string; hint: string } {
  const { message: said, hint } = toFailure(new OllamaError(code, message, facts));
  return { message: said, hint };
}

describe('what a failure says', () => {
  it.each<[ErrorCode, string, ErrorFacts, string]>([
    ['server_error', 'disk', { host, model: 'm:1' }, 'm:1 on 127.0.0.1:11434: disk'],
    [
      'server_error',
      '"m:1" does not support chat',
      { host, model: 'm:1' },
      '127.0.0.1:11434: "m:1" does not',
    ],
    ['no_space', 'no space left', { host, model: 'm:1' }, 'm:1 on 127.0.0.1:11434: no space left'],
    ['server_error', 'disk', {}, 'disk'],
    ['server_error', `${host} is busy`, { host, model: 'm:1' }, `${host} is busy`],
    ['usage', 'No such flag.', { host }, 'No such flag.'],
  ])('names model and host where the words of a %s do not', (code, message, facts, begins) => {
    expect(told(code, message, facts).message.startsWith(begins)).toBe(true);
  });

  it('offers to go on only with what can go on', () => {
    expect(told('stream_cut', 'It broke off.', { host, model: 'm:1' }).hint).toContain('ollama-cli pull m:1');
    expect(told('stream_cut', 'It broke off.', { host }).hint).toBe('ask again: the same command');
    expect(told('stream_cut', 'It broke off.', { host, hint: 'Ask again.' }).hint).toBe('Ask again.');
  });

  it.each<ErrorCode>(['unauthorized', 'unreachable', 'no_space', 'digest_mismatch', 'server_error'])(
    'leaves the words and the remedies of %s to those that are summed up',
    (code) => {
      const errors = [new OllamaError(code, 'one', { host, model: 'm:1' })];
      const sum = told(code, '2 of 2 models failed.', { host, errors, cause: errors[0] });
      expect(sum).toEqual({ message: '2 of 2 models failed.', hint: '' });
      expect(told(code, 'It failed.', { host }).hint).not.toBe('');
    },
  );

  it('says once how to wait longer', () => {
    expect(told('timeout', 'No answer.', { host }).hint).toContain('--timeout 5m');
    expect(told('timeout', 'No answer.', { host, hint: 'Wait with --timeout.' }).hint).toBe(
      'Wait with --timeout.',
    );
  });

  it('shows what a model can do where it was asked for more', () => {
    expect(told('server_error', '"m:1" does not support tools', { host, model: 'm:1' }).hint).toContain(
      'ollama-cli show m:1',
    );
  });
});
