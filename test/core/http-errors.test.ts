import { describe, expect, test } from 'vitest';
import { OllamaError } from '../../src/core/errors.js';
import {
  connectionError,
  cutError,
  isCutConnection,
  readErrorBody,
  serverError,
  statusError,
  systemCode,
} from '../../src/core/http-errors.js';
import { ConnectTimeout } from '../../src/core/transport.js';

const HOST = 'http://h:1';
const facts = { host: HOST, model: 'm' };
const coded = (code: string, message = 'raw words'): Error => Object.assign(new Error(message), { code });

describe('an error answer', () => {
  const json = 'application/json; charset=utf-8';
  test.each([
    [400, '{"error":"the input length exceeds the context length"}', json, 'context_overflow'],
    [
      400,
      '{"error":"the prompt is longer than the context length currently available"}',
      json,
      'context_overflow',
    ],
    [400, '{"error":"invalid model name"}', json, 'invalid_name'],
    [500, '{"error":"invalid model path"}', json, 'invalid_name'],
    [400, '{"error":"name \\"a b\\" is invalid"}', json, 'invalid_name'],
    [400, '{"error":"digest mismatch, expected \\"a\\", got \\"b\\""}', json, 'digest_mismatch'],
    [500, '{"error":"write /x: no space left on device"}', json, 'no_space'],
    [404, '{"error":"model \'x\' not found"}', json, 'model_not_found'],
    [404, '{"error":"model \\"x\\" not found, try pulling it first"}', json, 'model_not_found'],
    [404, '{"code":"not_found","error":"model not found"}', json, 'model_not_found'],
    [404, '{"error":{"message":"model \'x\' not found","type":"not_found_error"}}', json, 'model_not_found'],
    [404, '{"error":"something else"}', json, 'server_error'],
    [404, '404 page not found', 'text/plain', 'server_error'],
    [404, 'nothing here', 'text/plain', 'protocol'],
    [404, '', '', 'protocol'],
    [401, '{"error":"unauthorized","signin_url":"https://x"}', json, 'unauthorized'],
    [401, '<html><title>Sign in</title></html>', 'text/html', 'unauthorized'],
    [403, '', '', 'unauthorized'],
    [403, '{"error":"ollama cloud is disabled"}', json, 'unauthorized'],
    [405, '405 method not allowed', 'text/plain', 'server_error'],
    [412, '{"error":"pull model manifest: 412: newer"}', json, 'server_error'],
    [429, '{"StatusCode":429,"Status":"429 …","error":"slow down"}', json, 'server_error'],
    [500, '{"error":"model runner has unexpectedly stopped"}', json, 'server_error'],
    [500, '', '', 'protocol'],
    [501, '{"error":"this model does not support embeddings"}', json, 'server_error'],
    [502, '<!doctype html><title>Bad gateway</title>', 'text/html', 'protocol'],
    [503, '  <HTML><body>down</body>', '', 'protocol'],
    [503, 'upstream connect error', 'text/plain', 'protocol'],
    [503, '{"error":"server busy"}', json, 'server_error'],
  ])('%i %s is %3$s', (status, body, type, code) => {
    const error = statusError(status, readErrorBody(body, type), { ...facts, what: 'POST /x' });
    expect(error).toMatchObject({ code, status, host: HOST, model: code === 'protocol' ? error.model : 'm' });
    expect(error.message).not.toBe('');
  });

  test('a page is named by its title, plain words are quoted', () => {
    const page = readErrorBody('<html><head><title> Bad gateway </title>', 'text/html');
    expect(statusError(502, page, { ...facts, what: '' }).message).toContain('(502, "Bad gateway")');
    const words = readErrorBody('x'.repeat(500), 'text/plain');
    expect(statusError(500, words, { ...facts, what: '' }).message).toContain(`"${'x'.repeat(80)}"`);
  });

  test('the server’s own 404 for a route it does not know names the route', () => {
    const body = readErrorBody('404 page not found', 'text/plain');
    const error = statusError(404, body, { ...facts, what: 'GET /api/ps' });
    expect(error.message).toContain('does not know GET /api/ps');
  });

  test('an empty 403 says what an Ollama server means by it', () => {
    expect(statusError(403, readErrorBody('', ''), { ...facts, what: '' }).hint).toContain(
      'OLLAMA_HOST=0.0.0.0',
    );
  });

  test('an empty error text still says something', () => {
    expect(serverError('', { ...facts, status: 500 }).message).toBe('The server answered 500.');
  });
});

describe('no answer', () => {
  test.each([
    ['ECONNREFUSED', 'unreachable', 'the connection was refused'],
    ['ENOTFOUND', 'unreachable', 'there is no such name'],
    ['EAI_AGAIN', 'unreachable', 'the name could not be looked up'],
    ['EHOSTUNREACH', 'unreachable', 'no route'],
    ['ENETUNREACH', 'unreachable', 'network is unreachable'],
    ['ETIMEDOUT', 'unreachable', 'timed out'],
    ['ECONNRESET', 'unreachable', 'the connection was cut'],
    ['EPIPE', 'unreachable', 'the connection was cut'],
    ['UND_ERR_SOCKET', 'unreachable', 'the connection was cut'],
    ['EWHATEVER', 'unreachable', 'raw words'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls', 'raw words'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls', 'raw words'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls', 'raw words'],
    ['CERT_HAS_EXPIRED', 'tls', 'raw words'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls', 'raw words'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls', 'raw words'],
    ['EPROTO', 'tls', 'raw words'],
    ['HPE_INVALID_CONSTANT', 'protocol', 'does not speak HTTP'],
    ['ERR_UNESCAPED_CHARACTERS', 'usage', 'raw words'],
    ['ERR_INVALID_CHAR', 'usage', 'raw words'],
  ])('%s is %s', (code, expected, words) => {
    const cause = coded(code);
    const error = connectionError(cause, facts);
    expect(error).toMatchObject({ code: expected, ...facts, cause });
    expect(error.message).toContain(words);
    expect(error.message).toContain(HOST);
  });

  test('a connection that did not stand in time is a timeout', () => {
    expect(connectionError(new ConnectTimeout(50), facts)).toMatchObject({ code: 'timeout' });
  });

  test('an abort is an interruption, a typed error stays itself', () => {
    const aborted = new DOMException('gone', 'AbortError');
    expect(connectionError(aborted, facts).code).toBe('interrupted');
    const typed = new OllamaError('stalled', 'x');
    expect(connectionError(typed, facts)).toBe(typed);
    expect(cutError(typed, facts)).toBe(typed);
  });

  test('what is no Error at all is told as it is', () => {
    expect(connectionError('boom', facts).message).toContain('boom');
  });
});

test('a code is found in an aggregate and in a cause', () => {
  expect(systemCode(new AggregateError([new Error('x'), coded('ECONNREFUSED')]))).toBe('ECONNREFUSED');
  expect(systemCode(new Error('x', { cause: coded('EPIPE') }))).toBe('EPIPE');
  expect(systemCode(new Error('x'))).toBeUndefined();
  expect(systemCode(undefined)).toBeUndefined();
});

test('only a connection that stood and broke counts as cut', () => {
  expect(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].map((code) => isCutConnection(coded(code)))).toEqual([
    true,
    true,
    true,
  ]);
  expect(['ECONNREFUSED', 'ENOTFOUND', 'EPROTO'].map((code) => isCutConnection(coded(code)))).toEqual([
    false,
    false,
    false,
  ]);
  expect(isCutConnection(new Error('no code'))).toBe(false);
});

test('a body that broke off is a cut stream, with the reason where it is known', () => {
  expect(cutError(coded('ETIMEDOUT'), facts)).toMatchObject({ code: 'stream_cut', ...facts });
  expect(cutError(coded('ETIMEDOUT'), facts).message).toContain('timed out');
  expect(cutError(new Error('aborted'), facts).message).toContain('the connection was cut');
});
