import { createHash } from 'node:crypto';
import { appendFileSync, createReadStream, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import type { OllamaPullEvent } from '../../src/core/pull-events.js';
import { createModel } from '../../src/modelfile/create-model.js';
import type { CreatePlan, PlannedFile } from '../../src/modelfile/plan.js';
import { folderOf } from './files.js';

const MB = 1_000_000;
let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

type Blob = (request: IncomingMessage, response: ServerResponse, attempt: number) => void;

/** A server that has no blob, takes each as `post` says, and makes every model. */
async function listen(post: Blob): Promise<{ client: OllamaClient; seen: string[] }> {
  const seen: string[] = [];
  const made = createServer((request, response) => {
    const { method = '', url = '' } = request;
    if (url !== '/api/version')
      seen.push(`${method} ${url.replace(/sha256%3A/, '').replace(/([0-9a-f]{6})[0-9a-f]{58}/, '$1')}`);
    if (method === 'HEAD') return response.writeHead(404).end();
    if (url === '/api/version') return response.end('{"version":"0.33.0"}');
    if (url === '/api/create') return response.end('{"status":"success"}\n');
    return post(request, response, seen.filter((line) => line.startsWith('POST /api/blobs')).length);
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  const { port } = made.address() as AddressInfo;
  return { client: new OllamaClient(`127.0.0.1:${String(port)}`, { env: {} }), seen };
}

function fileOf(size: number, name = 'model.gguf'): PlannedFile {
  const place = path.join(folderOf({ [name]: 'GGUF' }), name);
  truncateSync(place, size);
  const { mtimeMs } = statSync(place);
  return { path: place, name, size, mtimeMs, role: 'files' };
}

async function digestOf(file: PlannedFile): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file.path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

async function create(
  client: OllamaClient,
  files: readonly PlannedFile[],
  onEvent: (event: OllamaPullEvent) => void = () => undefined,
  signal = new AbortController().signal,
): Promise<OllamaPullEvent[]> {
  const plan: CreatePlan = { request: { model: 'mine' }, files, warnings: [] };
  const events: OllamaPullEvent[] = [];
  for await (const event of createModel(client, plan, signal)) {
    events.push(event);
    onEvent(event);
  }
  return events;
}

/** Reads a body to its end without keeping it. */
function drain(request: IncomingMessage, done: (digest: string) => void): void {
  const hash = createHash('sha256');
  request.on('data', (piece: Buffer) => hash.update(piece));
  request.on('end', () => done(hash.digest('hex')));
}

const created: Blob = (request, response) => drain(request, () => response.writeHead(201).end());

describe('the files of a model', () => {
  it('are not even read where no server answers', async () => {
    const { client } = await listen(created);
    server?.close();
    const events = await create(client, [fileOf(MB)]);
    expect(events).toMatchObject([{ type: 'Error', error: { code: 'unreachable' } }]);
  });

  it('arrive as they are, with their progress, and are named in the request', async () => {
    const digests: string[] = [];
    const { client, seen } = await listen((request, response) =>
      drain(request, (digest) => {
        digests.push(digest);
        response.writeHead(201).end();
      }),
    );
    const file = fileOf(5 * MB);
    const events = await create(client, [file]);
    const digest = await digestOf(file);
    expect(digests).toEqual([digest]);
    expect(events[0]).toEqual({ type: 'Status', status: 'gathering model.gguf' });
    const progress = events.filter((event) => event.type === 'ChunkProgress');
    const at = { type: 'ChunkProgress', digest: `sha256:${digest}`, total: file.size };
    expect(progress[0]).toEqual({ ...at, completed: 0 });
    expect(progress.at(-1)).toEqual({ ...at, completed: file.size });
    expect(events.at(-1)).toEqual({ type: 'Success' });
    expect(seen.map((line) => line.split(' ')[0])).toEqual(['HEAD', 'POST', 'POST']);
  });

  it('are read as fast as they are taken, and never whole into memory', async () => {
    const { client } = await listen((request, response) => {
      // Nothing is taken until it is clear how much was read ahead.
      request.pause();
      setTimeout(() => {
        drain(request, () => response.writeHead(201).end());
        request.resume();
      }, 300);
    });
    const file = fileOf(200 * MB);
    let ahead = 0;
    const before = process.memoryUsage().arrayBuffers;
    let highest = 0;
    const events = await create(client, [file], (event) => {
      highest = Math.max(highest, process.memoryUsage().arrayBuffers - before);
      if (ahead === 0 && event.type === 'ChunkProgress' && (event.completed ?? 0) > 0)
        ahead = event.completed ?? 0;
    });
    expect(events.at(-1)).toEqual({ type: 'Success' });
    expect(ahead).toBeLessThan(30 * MB);
    expect(highest).toBeLessThan(100 * MB);
  });

  it('are sent once where two of them are the same', async () => {
    const { client, seen } = await listen(created);
    await create(client, [fileOf(1000), { ...fileOf(1000, 'b.gguf'), role: 'draft_files' }]);
    expect(seen.filter((line) => line.startsWith('POST /api/blobs'))).toHaveLength(1);
  });

  it('are sent again, once, where the connection breaks', async () => {
    const { client, seen } = await listen((request, response, attempt) => {
      if (attempt === 1) request.once('data', () => request.socket.resetAndDestroy());
      else created(request, response, attempt);
    });
    const events = await create(client, [fileOf(20 * MB)]);
    expect(events.filter(({ type }) => type === 'Retry')).toMatchObject([{ attempt: 2, kind: 'cut' }]);
    expect(events.at(-1)).toEqual({ type: 'Success' });
    expect(seen.map((line) => line.split(' ')[0])).toEqual(['HEAD', 'POST', 'HEAD', 'POST', 'POST']);
  });

  it('are given up where it breaks again', async () => {
    const { client, seen } = await listen((request) => {
      request.once('data', () => request.socket.resetAndDestroy());
    });
    const events = await create(client, [fileOf(20 * MB)]);
    expect(events.at(-1)).toMatchObject({
      type: 'Error',
      error: { code: 'stream_cut', hint: expect.stringContaining('Run the command again') as string },
    });
    expect(seen).not.toContain('POST /api/create');
  });

  it('are given up where the server gets other bytes each time', async () => {
    const { client, seen } = await listen((request, response) =>
      drain(request, () => {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end('{"error":"digest mismatch, expected \\"sha256:a\\", got \\"sha256:b\\""}');
      }),
    );
    const events = await create(client, [fileOf(MB)]);
    expect(events.filter(({ type }) => type === 'Retry')).toMatchObject([{ kind: 'digest' }]);
    expect(events.at(-1)).toMatchObject({ type: 'Error', error: { code: 'digest_mismatch' } });
    expect(seen).not.toContain('POST /api/create');
  });

  it('are not sent a second time where the server has no room', async () => {
    const { client, seen } = await listen((request, response) =>
      drain(request, () => {
        response.writeHead(500, { 'content-type': 'application/json' });
        response.end('{"error":"write: no space left on device"}');
      }),
    );
    const events = await create(client, [fileOf(MB)]);
    expect(events.at(-1)).toMatchObject({ type: 'Error', error: { code: 'no_space' } });
    expect(seen.filter((line) => line.startsWith('POST'))).toHaveLength(1);
  });

  it('may not change while they are read, nor between reading and sending', async () => {
    const { client, seen } = await listen(created);
    const growing = fileOf(30 * MB);
    const whileRead = await create(client, [growing], (event) => {
      if (event.type === 'Status' && event.status.endsWith('10%')) appendFileSync(growing.path, 'more');
    });
    expect(whileRead.at(-1)).toMatchObject({ type: 'Error', error: { code: 'usage' } });
    const first = fileOf(MB);
    const second = fileOf(2 * MB);
    const between = await create(client, [first, second], (event) => {
      if (event.type === 'Status' && event.status.startsWith('gathering')) return;
      if (event.type === 'Status' && statSync(second.path).size === second.size)
        writeFileSync(second.path, 'other');
    });
    expect(between.at(-1)).toMatchObject({
      type: 'Error',
      message: expect.stringContaining(`${second.path} changed while it was being read.`) as string,
    });
    expect(seen).not.toContain('POST /api/create');
  });

  it('stop being sent on Ctrl-C', async () => {
    const { client, seen } = await listen((request) => void request.pause());
    const stop = new AbortController();
    const file = fileOf(100 * MB);
    const events = await create(
      client,
      [file],
      (event) => {
        if (event.type === 'ChunkProgress' && (event.completed ?? 0) > 0) stop.abort('SIGINT');
      },
      stop.signal,
    );
    expect(events.at(-1)).toMatchObject({ type: 'Error', error: { code: 'interrupted' } });
    expect(seen).toHaveLength(2);
  });
});
