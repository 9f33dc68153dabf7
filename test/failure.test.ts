import { describe, expect, it } from 'vitest';
import { OllamaError, type ErrorCode, type ErrorFacts } from '../src/core/errors.js';
import { smallerWindow } from '../src/advise-memory.js';
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

  it('tells a script what to do about a sum, and people that of each part alone', () => {
    const errors = [new OllamaError('unreachable', 'one', { host })];
    const { hint, steps } = toFailure(new OllamaError('partial', '1 of 2.', { errors, hint: 'Look.' }));
    expect({ hint, steps }).toEqual({ hint: 'Look.', steps: [] });
  });

  it('says of what was interrupted that it can be run again, unless there is more to say', () => {
    expect(told('interrupted', 'Interrupted.', {}).hint).toBe('run it again: the same command');
    expect(told('interrupted', 'Interrupted.', { hint: 'Go on.' }).hint).toBe('Go on.');
  });

  it('says once how to wait longer', () => {
    expect(told('timeout', 'No answer.', { host }).hint).toContain('--timeout 5m');
    expect(told('timeout', 'No answer.', { host, hint: 'Wait with --timeout.' }).hint).toBe(
      'Wait with --timeout.',
    );
  });

  it.each([
    ['model requires more system memory (5.6 GiB) than is available (3.2 GiB)', 'does not fit the memory'],
    ['llama runner process has terminated: cudaMalloc failed: out of memory', 'does not fit the memory'],
    ['llama runner process has terminated: error loading model: unable to allocate CUDA0 buffer', 'does not'],
    ['llama runner process has terminated: signal: killed', 'was ended by the system of 127.0.0.1:11434'],
  ])('names the remedies of too little memory: %s', (message, words) => {
    const { message: said, hint } = told('server_error', message, { host, model: 'qwen3:8b', status: 500 });
    expect(said).toContain(`qwen3:8b ${words}`);
    expect(said).toContain(message);
    expect(hint).toContain('ollama-cli chat qwen3:8b --num-ctx 2048');
    expect(hint).toContain('ollama-cli tags qwen3');
    expect(hint).toContain('ollama-cli stop --all');
  });

  it('names the smaller window and the smaller models that are known', () => {
    const error = new OllamaError('server_error', 'CUDA error: out of memory', { host, model: 'qwen3:8b' });
    const anyOther = toFailure(error, { hostFlag: 'gpu-box' }).steps;
    expect(anyOther[1]?.note).toContain('ollama-cli -H gpu-box fit tells beforehand');
    const facts = { window: 40_000, smaller: ['gemma3:4b', 'llama3.2:1b'], hostFlag: 'gpu-box' };
    const { hint, steps } = toFailure(error, facts);
    expect(hint).toContain('ollama-cli -H gpu-box chat qwen3:8b --num-ctx 16384');
    expect(hint).toContain('ollama-cli -H gpu-box chat gemma3:4b');
    expect(steps[0]?.note).toBe('in a chat: /set parameter num_ctx 16384');
    expect(steps[1]?.note).toBe('installed and smaller: gemma3:4b, llama3.2:1b');
    expect(steps[2]?.note).toBe('ollama-cli -H gpu-box ps shows what is loaded');
  });

  it.each([
    [undefined, 2048],
    [4096, 2048],
    [131_072, 65_536],
    [1500, 1024],
    [512, 1024],
  ])('would try a window of %j tokens with %d', (window, smaller) => {
    expect(smallerWindow(window)).toBe(smaller);
  });

  it.each([
    'an error was encountered while running the model: unexpected EOF',
    'model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, check ollama server logs for details',
  ])('says of a model that died in the middle that it can be asked again: %s', (words) => {
    expect(told('server_error', words, { host, model: 'm:1' }).hint).toContain('ask again');
  });

  it('names what helps a script whose conversation does not fit', () => {
    const { hint } = told('context_overflow', 'the input length exceeds the context length', {
      host,
      model: 'm:1',
    });
    expect(hint).toContain('--num-ctx');
    expect(hint).toContain('--truncate');
  });

  it('says of a server whose queue is full that it can be asked in a moment', () => {
    const words = 'server busy, please try again.  maximum pending requests exceeded';
    const { hint } = told('server_error', words, { host, model: 'm:1', status: 503 });
    expect(hint).toMatch(/^wait: the same command in a moment/);
  });

  it('shows what a model can do where it was asked for more', () => {
    expect(told('server_error', '"m:1" does not support tools', { host, model: 'm:1' }).hint).toContain(
      'ollama-cli show m:1',
    );
  });
});
