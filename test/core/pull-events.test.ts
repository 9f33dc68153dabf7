import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pullError, pullEventsFromValue } from '../../src/core/pull-events.js';
import { readPull } from './recorded.js';

const digest = 'sha256:d7cba331e6f1';

describe('the events of one line', () => {
  test.each([
    [{ status: 'pulling manifest' }, [{ type: 'Status', status: 'pulling manifest' }]],
    [{ status: 'success' }, [{ type: 'Status', status: 'success' }, { type: 'Success' }]],
    [
      { status: 'pulling d7cba331e6f1', digest, total: 9, completed: 4 },
      [
        { type: 'Status', status: 'pulling d7cba331e6f1' },
        { type: 'ChunkProgress', digest, total: 9, completed: 4 },
      ],
    ],
    [
      { status: 'pulling d7cba331e6f1', digest, total: 9 },
      [
        { type: 'Status', status: 'pulling d7cba331e6f1' },
        { type: 'ChunkProgress', digest, total: 9 },
      ],
    ],
    [
      { status: 'pulling model', digest: 'sha256:model', total: 9, completed: 0 },
      [
        { type: 'Status', status: 'pulling model' },
        { type: 'ChunkProgress', digest: 'sha256:model', total: 9, completed: 0 },
      ],
    ],
    [{ digest }, [{ type: 'ChunkProgress', digest }]],
    [{ total: 5 }, [{ type: 'ChunkProgress', digest: '', total: 5 }]],
    [{ digest, total: '9', completed: -1 }, [{ type: 'ChunkProgress', digest }]],
    [{ digest, total: Infinity, completed: NaN }, [{ type: 'ChunkProgress', digest }]],
    [{ status: 7, other: true }, []],
    [{ error: null, status: 'x' }, [{ type: 'Status', status: 'x' }]],
    [{}, []],
    [null, []],
    ['success', []],
    [['success'], []],
  ])('%j', (value, events) => {
    expect(pullEventsFromValue(value)).toEqual(events);
  });

  test('an error is the one event of its line, whatever kind of value it is', () => {
    expect(pullEventsFromValue({ error: 'oh', status: 'success' })).toMatchObject([
      { type: 'Error', message: 'oh', error: { code: 'server_error', message: 'oh' } },
    ]);
    expect(pullEventsFromValue({ error: { why: 1 } })).toMatchObject([
      { type: 'Error', message: '{"why":1}' },
    ]);
  });

  test('any JSON value at all gives events and no exception', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => Array.isArray(pullEventsFromValue(value))));
  });
});

describe('the code of an error text', () => {
  test.each([
    ['pull model manifest: file does not exist', 'model_not_found'],
    [
      'open /var/lib/ollama/models/manifests/registry.example/acme/none/latest: no such file or directory',
      'model_not_found',
    ],
    ['digest mismatch, file must be downloaded again: want sha256:401, got sha256:402', 'digest_mismatch'],
    ['write /blobs/sha256-1: no space left on device', 'no_space'],
    ['max retries exceeded: write /x: no space left on device', 'no_space'],
    ['unauthorized: access denied', 'unauthorized'],
    ['you are not authorized to push to this namespace', 'unauthorized'],
    ['pull model manifest: 401: {"errors":[]}', 'unauthorized'],
    ['invalid model name', 'invalid_name'],
    ['pull model manifest: 412: the model requires a newer version of Ollama', 'server_error'],
    ['max retries exceeded: EOF', 'registry_unreachable'],
    [
      'pull model manifest: Get "http://localhost:54015/v2/x": dial tcp 127.0.0.1:54015: connect: connection refused',
      'registry_unreachable',
    ],
    [
      'Get "https://registry.ollama.ai/v2/": dial tcp: lookup registry.ollama.ai: no such host',
      'registry_unreachable',
    ],
    ['Get "https://r/v2/": http: server gave HTTP response to HTTPS client', 'registry_unreachable'],
    ['pull model manifest: 503: busy', 'registry_unreachable'],
    ['context deadline exceeded', 'registry_unreachable'],
    [
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
      'registry_unreachable',
    ],
    ['http: no Location header in response', 'registry_unreachable'],
    ['connect: no route to host', 'registry_unreachable'],
    ['this model requires MLX support, but the MLX runtime is not available', 'server_error'],
    ['', 'server_error'],
  ])('%s', (text, code) => {
    expect(pullError(text, { model: 'm' })).toMatchObject({ code, message: text, model: 'm' });
  });

  test.each([
    ['pull-again', 'registry_unreachable'],
    ['pull-corrupt', 'digest_mismatch'],
    ['pull-missing', 'model_not_found'],
    ['pull-offline', 'registry_unreachable'],
    ['pull-refused', 'registry_unreachable'],
    ['pull-secure-mismatch', 'registry_unreachable'],
    ['push-missing', 'model_not_found'],
  ])('as recorded in %s', (label, code) => {
    const last = readPull('0.24.0', label).at(-1)?.event;
    expect(last).toMatchObject({ type: 'Error', error: { code } });
  });
});
