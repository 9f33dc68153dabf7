import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import type { ChatRequest } from '../../src/core/chat.js';
import { OllamaClient } from '../../src/core/client.js';
import type { OllamaError } from '../../src/core/errors.js';
import type { CreateRequest, EmbedRequest, GenerateRequest } from '../../src/core/wire.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { labelsOf, readRecording, VERSIONS, type Recording } from './recorded.js';

/** Routes that no call of the client uses. */
const OTHERS = /^(?:me|root|unknown-route|wrong-method|v1-.*)$/;

/** What a recording ends with, by its label; all others end well. */
const CODES: Readonly<Record<string, string>> = {
  'blob-bad': 'digest_mismatch',
  'chat-badjson': 'server_error',
  'chat-image-unsupported': 'server_error',
  'chat-missing': 'model_not_found',
  'chat-nomodel': 'server_error',
  'chat-overflow': 'context_overflow',
  'chat-runner-killed': 'server_error',
  'chat-think-unsupported': 'server_error',
  'chat-tools-unsupported': 'server_error',
  'copy-missing': 'model_not_found',
  'create-missing': 'invalid_name',
  'create-nofrom': 'server_error',
  'embed-missing': 'model_not_found',
  embed: 'server_error',
  'generate-suffix-unsupported': 'server_error',
  'pull-500': 'stream_cut',
  'pull-again': 'registry_unreachable',
  'pull-badjson': 'server_error',
  'pull-badname': 'invalid_name',
  'pull-cancelled': 'stream_cut',
  'pull-corrupt': 'digest_mismatch',
  'pull-missing': 'model_not_found',
  'pull-noname': 'invalid_name',
  'pull-offline': 'registry_unreachable',
  'pull-refused': 'registry_unreachable',
  'pull-secure-mismatch': 'registry_unreachable',
  'push-missing': 'model_not_found',
  'rm-missing': 'model_not_found',
  'show-badname': 'invalid_name',
  'show-missing': 'model_not_found',
  'show-noname': 'server_error',
};
/** 0.5.13 could not load the model, and pulled where 0.24.0's registry was failing. */
const OLD_CODES: Readonly<Record<string, string | undefined>> = {
  ...CODES,
  chat: 'server_error',
  'chat-format-json': 'server_error',
  'chat-length': 'server_error',
  'chat-load': 'server_error',
  'chat-logprobs': 'server_error',
  'chat-nonstream': 'server_error',
  'chat-overflow': 'server_error',
  generate: 'server_error',
  'pull-again': undefined,
};

interface Outcome {
  readonly items: readonly unknown[];
  readonly error:
    { readonly code: string; readonly message: string; readonly status: number | undefined } | undefined;
}

async function* once(answer: Promise<unknown>): AsyncGenerator<unknown> {
  yield await answer;
}

/** The recorded request, made by the client's own call for it. */
function call(client: OllamaClient, { label, request }: Recording): AsyncGenerator<unknown> {
  let body: Record<string, unknown> = {};
  try {
    body = JSON.parse(request.body ?? '{}') as Record<string, unknown>;
  } catch {
    // The recordings hold requests that are no JSON or none of a client's; only their answers matter here.
  }
  const model = String(body['model'] ?? '');
  const digest = `sha256:${'0'.repeat(64)}`;
  switch (`${request.method} ${request.path.replace(/sha256:.*/, '')}`) {
    case 'GET /api/tags':
      return once(client.list());
    case 'GET /api/ps':
      return once(client.running());
    case 'GET /api/version':
      return once(client.version());
    case 'POST /api/show':
      return once(client.show(model, { verbose: body['verbose'] === true }));
    case 'POST /api/copy':
      return once(client.copy(String(body['source']), String(body['destination'])));
    case 'DELETE /api/delete':
      return once(client.delete(model));
    case 'POST /api/embed':
      return once(client.embed(body as unknown as EmbedRequest));
    case 'HEAD /api/blobs/':
      return once(client.hasBlob(digest));
    case 'POST /api/blobs/':
      return once(client.createBlob(digest, Readable.from([Buffer.from('hello')])));
    case 'POST /api/create':
      return client.create(body as unknown as CreateRequest);
    case 'POST /api/push':
      return client.push(model);
    case 'POST /api/pull':
      return client.pullModelStream(model);
    case 'POST /api/chat':
      return client.chat(body as unknown as ChatRequest);
    case 'POST /api/generate':
      return client.generate(body as unknown as GenerateRequest);
    default:
      throw new Error(`no call of the client makes the request of ${label}`);
  }
}

const factsOf = ({ code, message, status }: OllamaError): Outcome['error'] => ({ code, message, status });

/** Ports differ from server to server, and times from run to run: neither is a part of the outcome. */
async function outcomeOf(server: FaultServer, recording: Recording): Promise<Outcome> {
  const client = new OllamaClient(server.url, { env: {}, retry: { attempts: 1 }, now: () => 0 });
  const items: unknown[] = [];
  const neutral = (error: Outcome['error']): Outcome['error'] =>
    error && { ...error, message: error.message.replaceAll(server.url, 'HOST') };
  try {
    for await (const item of call(client, recording)) {
      const event = item as { type?: string; error?: OllamaError };
      if ((event?.type === 'Error' || event?.type === 'error') && event.error) {
        return { items, error: neutral(factsOf(event.error)) };
      }
      items.push(item);
    }
  } catch (error) {
    return { items, error: neutral(factsOf(error as OllamaError)) };
  }
  return { items, error: undefined };
}

const SPLITS: Readonly<Record<string, (chunks: readonly Buffer[]) => Buffer[]>> = {
  'in its own chunks': (chunks) => [...chunks],
  'byte by byte': (chunks) => Array.from(Buffer.concat(chunks), (byte) => Buffer.of(byte)),
  'in one piece': (chunks) => [Buffer.concat(chunks)],
};

let server: FaultServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function replay(
  { response: recorded }: Recording,
  split: (chunks: readonly Buffer[]) => Buffer[],
): Promise<FaultServer> {
  const pieces = split(recorded.chunks.map(([, text]) => Buffer.from(text)));
  server = await serve((_seen, response) => {
    response.writeHead(recorded.status, recorded.type === null ? {} : { 'content-type': recorded.type });
    response.socket?.setNoDelay(true);
    // Each write is a chunk of its own on the wire, however many of them a packet holds.
    for (const piece of pieces) response.write(piece);
    if (recorded.ended === 'aborted') response.write('', () => response.socket?.destroySoon());
    else response.end();
    return undefined;
  });
  return server;
}

describe.each(VERSIONS)('recorded of %s', (version) => {
  const codes = version === '0.5.13' ? OLD_CODES : CODES;
  const labels = labelsOf(version).filter((label) => !OTHERS.test(label));

  test.each(labels)('%s is decoded alike, however it is cut', async (label) => {
    const recording = readRecording(version, label);
    const outcomes: Outcome[] = [];
    for (const split of Object.values(SPLITS)) {
      outcomes.push(await outcomeOf(await replay(recording, split), recording));
      await server?.close();
    }
    const [first, ...others] = outcomes;
    for (const other of others) expect(other).toEqual(first);
    expect(first?.error?.code).toBe(codes[label]);
    if (first?.error === undefined) expect(first?.items.length).toBeGreaterThan(0);
    if (recording.response.status >= 400 && first?.error !== undefined) {
      expect(first.error.status).toBe(recording.response.status);
    }
  });
});

describe('what recordings come to', () => {
  const items = async (label: string, version = '0.24.0'): Promise<readonly unknown[]> => {
    const recording = readRecording(version, label);
    return (await outcomeOf(await replay(recording, (chunks) => [...chunks]), recording)).items;
  };
  const textOf = (events: readonly unknown[], type: string): string =>
    events
      .map((event) => event as { type: string; text?: string })
      .filter((event) => event.type === type)
      .map((event) => event.text ?? '')
      .join('');

  test('thinking is told apart from the answer, and the numbers are those of the last line', async () => {
    const events = await items('chat-think');
    expect(textOf(events, 'thinking')).not.toBe('');
    expect(textOf(events, 'token')).toBe('');
    expect(events.at(-1)).toMatchObject({
      type: 'done',
      metrics: { prompt_tokens: 14, completion_tokens: 24, total_tokens: 38 },
    });
    expect(textOf(await items('chat-think-off'), 'token')).not.toBe('');
  });

  test('a call of a tool has its name and its arguments', async () => {
    expect(await items('chat-tools')).toContainEqual({
      type: 'tool_call',
      call: expect.objectContaining({
        function: expect.objectContaining({ name: expect.any(String), arguments: expect.any(Object) }),
      }),
    });
  });

  test('an answer that was cut by its length says so', async () => {
    expect((await items('chat-length')).at(-1)).toMatchObject({ type: 'done', reason: 'length' });
  });

  test('loading and unloading are answers without text', async () => {
    expect(await items('chat-load')).toMatchObject([{ type: 'done', reason: 'load' }]);
    expect(await items('unload')).toMatchObject([{ type: 'done', reason: 'unload' }]);
  });

  test('an answer that was not streamed is one all the same', async () => {
    const events = await items('chat-nonstream');
    expect(textOf(events, 'token')).not.toBe('');
    expect(events.at(-1)).toMatchObject({ type: 'done' });
  });

  test('what came before a failure stays', async () => {
    expect(textOf(await items('chat-runner-killed'), 'token')).not.toBe('');
  });

  test('lists have the fields of their version, and no others', async () => {
    const [now] = (await items('tags')) as [Record<string, unknown>[]];
    const [old] = (await items('tags', '0.5.13')) as [Record<string, unknown>[]];
    expect(now.length).toBeGreaterThan(1);
    expect(now[0]).toMatchObject({
      name: expect.any(String),
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      details: { family: 'gemma3' },
    });
    expect(Object.keys(now[0] ?? {})).toEqual(expect.arrayContaining(['size', 'modified_at']));
    expect(old[0]).not.toHaveProperty('capabilities');
    expect(await items('tags-empty')).toEqual([[]]);
    expect(await items('ps-loaded')).toMatchObject([[{ size_vram: 0, context_length: 512 }]]);
  });

  test('a blob that is absent is no error', async () => {
    expect(await items('blob-head-absent')).toEqual([false]);
  });

  test('a version is its text', async () => {
    expect(await items('version', '0.5.13')).toEqual(['0.5.13']);
  });
});
