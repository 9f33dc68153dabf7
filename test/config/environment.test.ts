import { describe, expect, it } from 'vitest';
import { readEnvironment } from '../../src/config/environment.js';

function valuesOf(env: Record<string, string>): Record<string, unknown> {
  const { layer, problems } = readEnvironment(env);
  expect(problems).toEqual([]);
  return Object.fromEntries([...layer.values].map(([key, { value }]) => [key, value]));
}

describe('settings of the environment', () => {
  it.each([
    [{ OLLAMA_CLI_DEFAULT_MODEL: ' "llama3.2:1b" ' }, { default_model: 'llama3.2:1b' }],
    [{ OLLAMA_CLI_OPTIONS__TEMPERATURE: '0.2' }, { 'options.temperature': 0.2 }],
    [{ OLLAMA_CLI_OPTIONS__MAX_TOKENS: '-1' }, { 'options.num_predict': -1 }],
    [{ OLLAMA_CLI_OPTIONS__STOP: 'a, b' }, { 'options.stop': ['a, b'] }],
    [{ OLLAMA_CLI_OPTIONS__STOP: '["a", "b"]' }, { 'options.stop': ['a', 'b'] }],
    [{ OLLAMA_CLI_ALLOWED_MODELS: 'llama*, hf.co/*' }, { allowed_models: ['llama*', 'hf.co/*'] }],
    [{ OLLAMA_CLI_TIMEOUTS__CONNECT: '2s' }, { 'timeouts.connect': 2000 }],
    [{ OLLAMA_CLI_TIMEOUTS__RESPONSE: 'off' }, { 'timeouts.response': null }],
    [{ OLLAMA_CLI_AUTO_START_SERVER: 'yes' }, { auto_start_server: true }],
    [{ OLLAMA_CLI_HISTORY: '0' }, { history: false }],
    [{ OLLAMA_CLI_KEEP_ALIVE: '-1' }, { keep_alive: -1 }],
    [{ OLLAMA_CLI_HEADERS__X_API_KEY: 'k' }, { 'headers.x-api-key': 'k' }],
    [{ OLLAMA_CLI_HOSTS__GPU__URL: 'http://gpu:1' }, { 'hosts.gpu.url': 'http://gpu:1' }],
    [{ OLLAMA_NOHISTORY: '1' }, { history: false }],
    [{ OLLAMA_NOHISTORY: 'false' }, {}],
    [{ OLLAMA_NOHISTORY: '1', OLLAMA_CLI_HISTORY: 'true' }, { history: true }],
    [{ OLLAMA_CLI_DEFAULT_MODEL: '' }, {}],
    [{ OLLAMA_CLI_DEFAULT_MODEL: ' "" ' }, {}],
  ])('%j sets %j', (env, expected) => {
    expect(valuesOf(env)).toEqual(expected);
  });

  it.each([
    [{ OLLAMA_HOST: 'b', OLLAMA_BASE_URL: 'c', OLLAMA_CLI_HOST: 'a' }, 'a', 'OLLAMA_CLI_HOST'],
    [{ OLLAMA_HOST: 'b', OLLAMA_BASE_URL: 'c' }, 'b', 'OLLAMA_HOST'],
    [{ OLLAMA_HOST: '', OLLAMA_BASE_URL: 'c' }, 'c', 'OLLAMA_BASE_URL'],
    [{ OLLAMA_HOST: ' " b " ' }, 'b', 'OLLAMA_HOST'],
    [{ OLLAMA_CLI_BASE_URL: 'a', OLLAMA_HOST: 'b' }, 'a', 'OLLAMA_CLI_BASE_URL'],
    [{ OLLAMA_HOST: 'b', OLLAMA_CLI_PORT: '7' }, 'b:7', 'OLLAMA_HOST'],
  ])('of %j the host is %s, by %s', (env, value, name) => {
    expect(readEnvironment(env as Record<string, string>).layer.values.get('host')).toEqual({ value, name });
  });

  it.each([
    [
      { OLLAMA_CLI_OPTIONS__TEMPERATURE: 'warm' },
      'OLLAMA_CLI_OPTIONS__TEMPERATURE must be a number of at least 0, not "warm"',
    ],
    [
      { OLLAMA_CLI_OPTIONS__NUM_CTX: '0x10' },
      'OLLAMA_CLI_OPTIONS__NUM_CTX must be a whole number of at least 1, not "0x10"',
    ],
    [{ OLLAMA_CLI_OPTIONS__SEED: '.' }, 'OLLAMA_CLI_OPTIONS__SEED must be a whole number, not "."'],
    [{ OLLAMA_CLI_ACCESSIBLE: 'maybe' }, 'OLLAMA_CLI_ACCESSIBLE must be true or false, not "maybe"'],
    [
      { OLLAMA_CLI_OPTIONS__STOP: '[1' },
      'OLLAMA_CLI_OPTIONS__STOP must be a text or a list of texts, not "[1"',
    ],
    [
      { OLLAMA_HOST: 'ftp://x' },
      'OLLAMA_HOST must be an address such as http://127.0.0.1:11434, not "ftp://x"',
    ],
    [
      { OLLAMA_CLI_HOST: 'a', OLLAMA_CLI_BASE_URL: 'b' },
      'OLLAMA_CLI_BASE_URL: base_url and host are the same setting; keep one',
    ],
    [
      { OLLAMA_CLI_HOST: 'a:1', OLLAMA_CLI_PORT: '2' },
      'OLLAMA_CLI_PORT: port is there, and host says a port too; keep one',
    ],
  ])('%j is refused: %s', (env, message) => {
    expect(readEnvironment(env as Record<string, string>).problems).toEqual([message]);
  });

  it('names the variables with the prefix that are no settings, but not those that are read elsewhere', () => {
    const env = {
      OLLAMA_CLI_OPTION__SEED: '1',
      OLLAMA_CLI_DEBUG: '1',
      OLLAMA_CLI_FORCE_TTY: '80',
      OTHER: 'x',
    };
    expect(readEnvironment(env).unknown).toEqual(['OLLAMA_CLI_OPTION__SEED']);
    expect(readEnvironment(env).layer.values.size).toBe(0);
  });
});
