import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LIMITS } from '../../src/gateway/limits.js';
import {
  bodyOf,
  exchange,
  heldSockets,
  openRaw,
  statusesOf,
  statusOf,
  until,
  type RawSocket,
} from '../gateway/raw-socket.js';
import { serve } from '../support/fault-server.js';
import {
  allClosed,
  chatRequest,
  isRefusal,
  JSON_TYPE,
  onLinux,
  open,
  reached,
  request,
  stillAnswers,
} from './gateway-attack.js';
import { startGatewayProcess } from './gateway-process.js';

const REMOVE = 'DELETE /api/providers/ollama/models/gemma3:1b';

/** The memory that a process has of the system's, in bytes. */
function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** The headers of an answer, in lower case. */
function headOf(answer: string): string {
  return answer.slice(0, answer.indexOf('\r\n\r\n')).toLowerCase();
}

onLinux('each guard of the gateway', () => {
  it('wants the token, whole and in its own header, on every route', async () => {
    const attacked = await open();
    const { gateway, sandbox } = attacked;
    const { token, port } = gateway;
    const before = sandbox.requests.length;
    const bare = (line: string, ...headers: readonly string[]): string =>
      [`${line} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers, '', ''].join('\r\n');
    const cases = [
      bare(REMOVE),
      bare('GET /ready'),
      bare('GET /metrics'),
      bare('GET /openapi.json'),
      bare('GET /nowhere'),
      bare('OPTIONS /api/chat', 'Access-Control-Request-Method: POST'),
      bare(REMOVE, 'Authorization: Bearer '),
      bare(REMOVE, `Authorization: Bearer ${token.slice(1)}`),
      bare(REMOVE, `Authorization: Bearer ${token}x`),
      bare(REMOVE, `Authorization: Bearer ${token.toLowerCase()}`),
      bare(REMOVE, `Authorization: Basic ${Buffer.from(`:${token}`).toString('base64')}`),
      bare(REMOVE, `Authorization: ${token}`),
      bare(REMOVE, `Proxy-Authorization: Bearer ${token}`, `Cookie: token=${token}`, `X-Api-Key: ${token}`),
      bare(`${REMOVE}?token=${token}&access_token=${token}`),
    ];
    for (const text of cases) {
      const answer = await exchange(port, text);
      expect([text, statusOf(answer)]).toEqual([text, 401]);
      expect(headOf(answer)).toContain('www-authenticate: bearer');
      expect(bodyOf(answer)).toMatchObject({ error: { code: 'unauthorized' } });
      expect(answer).not.toContain(token);
    }
    const twice = bare(REMOVE, 'Authorization: Bearer x', `Authorization: Bearer ${token}`);
    expect(statusOf(await exchange(port, twice))).toBe(400);
    expect(sandbox.requests.length).toBe(before);
    await allClosed(attacked);
    await stillAnswers(attacked);
  });

  it('knows no page that it was not told of: no header of CORS comes from it', async () => {
    const attacked = await open();
    const { gateway } = attacked;
    const own = `http://127.0.0.1:${gateway.port}`;
    for (const origin of ['https://app.example', 'http://localhost:3000', 'null', own]) {
      for (const line of ['OPTIONS /api/chat', 'GET /ready', REMOVE.replace('gemma3', 'nothing')]) {
        const asks = line.startsWith('OPTIONS') ? ['Access-Control-Request-Method: POST'] : [];
        const headers = [`Origin: ${origin}`, 'Connection: close', ...asks];
        const answer = await exchange(gateway.port, request(gateway, line, headers));
        if (origin !== own) expect([origin, line, statusOf(answer)]).toEqual([origin, line, 403]);
        expect(headOf(answer)).not.toContain('access-control');
      }
    }
    await allClosed(attacked);
  });

  it('tells a named page alone what it may do, before it has a token', async () => {
    const attacked = await open(['--cors', 'https://app.example']);
    const { gateway } = attacked;
    const ask = async (origin: string): Promise<string> =>
      await exchange(
        gateway.port,
        `OPTIONS /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: ${origin}\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n`,
      );
    const named = await ask('https://app.example');
    expect(statusOf(named)).toBe(204);
    expect(headOf(named)).toContain('access-control-allow-origin: https://app.example');
    expect(headOf(named)).not.toContain('access-control-allow-credentials');
    for (const origin of ['http://app.example', 'https://app.example:8443', 'https://xapp.example', '*']) {
      expect([origin, statusOf(await ask(origin))]).toEqual([origin, 403]);
    }
    await allClosed(attacked);
  });

  it('has no path but its own, however one is written', async () => {
    const attacked = await open();
    const { gateway } = attacked;
    const models = '/api/providers/ollama/models';
    for (const path of [
      '/../../etc/passwd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '//evil.example/ready',
      '//ready',
      '/ready/',
      '/ready/../ready',
      '/READY',
      '/api//providers',
      '/openapi.json%00.html',
      `${models}/../../../jobs`,
      `${models}/..%2f..%2f..%2fapi%2ftags`,
      `${models}/%2e%2e`,
      `${models}/%2fetc%2fpasswd`,
      `${models}/http:%2f%2fevil.example%2fx%2fy`,
      `${models}/x%00`,
      '/api/providers/..%2fjobs',
      'ready',
      '*',
      'http://evil.example/ready',
      `http://127.0.0.1:${gateway.port}/ready`,
      'http:ready',
    ]) {
      const answer = await exchange(gateway.port, request(gateway, `GET ${path}`, ['Connection: close']));
      expect([path, statusOf(answer)]).toEqual([path, expect.toSatisfy(isRefusal)]);
      expect(bodyOf(answer)).toMatchObject({ error: { code: expect.any(String) } });
    }
    expect(reached(attacked)).toEqual([]);
    await allClosed(attacked);
  });

  it('does by a method what its document says, and by no other, nor by a header that names one', async () => {
    const attacked = await open();
    const { gateway } = attacked;
    const ask = async (line: string, ...headers: readonly string[]): Promise<string> =>
      await exchange(gateway.port, request(gateway, line, ['Connection: close', ...headers]));
    for (const method of ['PUT', 'PATCH', 'POST', 'OPTIONS', 'PROPFIND', 'TRACE']) {
      const answer = await ask(REMOVE.replace('DELETE', method));
      expect([method, statusOf(answer)]).toEqual([method, expect.toSatisfy(isRefusal)]);
      expect(answer).not.toContain(gateway.token);
    }
    const answer = await ask('PUT /ready');
    expect(statusOf(answer)).toBe(405);
    expect(headOf(answer)).toMatch(/^allow: get(?:, head)?$/m);
    await ask(REMOVE.replace('DELETE', 'GET'), 'X-HTTP-Method-Override: DELETE', 'X-HTTP-Method: DELETE');
    await ask(REMOVE.replace('DELETE', 'HEAD'));
    expect(reached(attacked).filter((line) => !line.startsWith('POST /api/show'))).toEqual([]);
    await allClosed(attacked);
  });

  it('answers no request that does not say whom it means', async () => {
    const attacked = await open();
    const { gateway } = attacked;
    const token = `Authorization: Bearer ${gateway.token}`;
    for (const [text, status] of [
      [`GET /ready HTTP/1.0\r\n${token}\r\n\r\n`, 403],
      [`GET /ready HTTP/1.0\r\nHost: rebound.example\r\n${token}\r\n\r\n`, 403],
      [`GET /ready HTTP/1.1\r\n${token}\r\n\r\n`, 400],
      [`GET /ready HTTP/1.1\r\nHost:\r\n${token}\r\n\r\n`, 403],
      [`GET /ready HTTP/1.1\r\nHost: 127.0.0.1, rebound.example\r\n${token}\r\n\r\n`, 403],
      // Node leaves out what comes after so many headers, unseen.
      [
        `GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\n${token}\r\n${'a: b\r\n'.repeat(2_500)}Host: x\r\n\r\n`,
        400,
      ],
      [
        `GET /ready HTTP/1.1\r\nHost: rebound.example\r\nX-Forwarded-Host: 127.0.0.1\r\n${token}\r\n\r\n`,
        403,
      ],
    ] as const) {
      expect([text, statusOf(await exchange(gateway.port, text))]).toEqual([text, status]);
    }
    await allClosed(attacked);
  });

  it('reads no more than it may: heads, bodies with a length, bodies in chunks', async () => {
    const attacked = await open();
    const { gateway } = attacked;
    const pull = 'POST /api/providers/ollama/pull';
    const over = LIMITS.bodyBytes + 1;
    const chunk = `${over.toString(16)}\r\n${'x'.repeat(over)}`;
    const cases: readonly (readonly [string, number])[] = [
      [request(gateway, 'GET /ready', [`X-Long: ${'x'.repeat(20_000)}`]), 431],
      [request(gateway, 'GET /ready', Array<string>(3_000).fill('X-Abcdefg: b')), 431],
      [request(gateway, `GET /${'x'.repeat(20_000)}`), 431],
      [request(gateway, pull, [JSON_TYPE, `Content-Length: ${over}`], 'x'), 413],
      [request(gateway, pull, [JSON_TYPE, 'Content-Length: 99999999999999'], 'x'), 413],
      [request(gateway, pull, [JSON_TYPE, 'Transfer-Encoding: chunked'], chunk), 413],
      [request(gateway, 'POST /api/chat', [JSON_TYPE, 'Content-Length: 33554433'], '{'), 413],
      // What it holds on to while it is still to come is bounded as well: extensions of chunks, and trailers.
      [request(gateway, pull, [JSON_TYPE, 'Transfer-Encoding: chunked'], `1;${'x'.repeat(40_000)}`), 413],
    ];
    for (const [text, status] of cases) {
      const raw = await openRaw(gateway.port, text);
      await until(raw.received, (answer) => statusOf(answer) === status, 5_000);
      // It waits for no more of it.
      await raw.closed;
    }
    expect(reached(attacked)).toEqual([]);
    await allClosed(attacked);
    await stillAnswers(attacked);
  });

  it('closes what asks nothing, before and after a request', async () => {
    const attacked = await open(['--caller-timeout', '1s']);
    const { gateway } = attacked;
    const silent = await Promise.all(Array.from({ length: 50 }, async () => await openRaw(gateway.port)));
    const kept = await openRaw(gateway.port, request(gateway, 'GET /ready'));
    await Promise.all([...silent, kept].map(async ({ closed }) => await closed));
    expect(statusesOf(kept.received())).toEqual([200]);
    await allClosed(attacked);
  });

  it('does no more at once than it may, and says when to come again', async () => {
    const attacked = await open();
    const { gateway } = attacked;
    const half = request(gateway, 'POST /api/chat', [JSON_TYPE, 'Content-Length: 1000'], '{"message"');
    const held: RawSocket[] = [];
    while (held.length < LIMITS.running) {
      held.push(...(await Promise.all(Array.from({ length: 128 }, () => openRaw(gateway.port, half)))));
    }
    await until(
      () => heldSockets(gateway.pid),
      (count) => count > LIMITS.running,
    );
    const answer = await exchange(gateway.port, request(gateway, REMOVE, ['Connection: close']));
    expect(statusOf(answer)).toBe(429);
    expect(headOf(answer)).toMatch(/^retry-after: \d+$/m);
    expect(bodyOf(answer)).toMatchObject({ error: { hint: expect.stringMatching(/./) as string } });
    expect(reached(attacked)).toEqual([]);
    // Who only looks is answered all the same.
    await stillAnswers(attacked);
    for (const { socket } of held) socket.destroy();
    await allClosed(attacked);
    const after = await exchange(gateway.port, request(gateway, REMOVE, ['Connection: close']));
    expect(statusOf(after)).toBe(200);
  });

  it('takes from the server no more than its callers read, in bounded memory', async () => {
    const delta = { choices: [{ index: 0, delta: { content: 'x'.repeat(65_536) } }] };
    const piece = `data: ${JSON.stringify(delta)}\n\n`;
    const most = 8_000;
    let sent = 0;
    const server = await serve(async ({ url }, response) => {
      if (!url.endsWith('/chat/completions')) return { body: ['{"version":"0.24.0","models":[]}'] };
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const closed = once(response, 'close');
      while (sent < most && !response.destroyed) {
        if (!response.write(piece)) await Promise.race([once(response, 'drain'), closed]);
        sent++;
      }
      return undefined;
    });
    onTestFinished(async () => await server.close());
    const gateway = await startGatewayProcess(server.url, ['--caller-timeout', '4s']);
    const socketsBefore = heldSockets(gateway.pid);
    const before = residentBytes(gateway.pid);
    const readers = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const raw = await openRaw(gateway.port);
        raw.socket.pause();
        raw.send(chatRequest(gateway));
        return raw;
      }),
    );
    let last = -1;
    await until(
      async () => {
        last = sent;
        await sleep(500);
        return sent;
      },
      (now) => now > 0 && now === last,
    );
    // Of half a gigabyte, what the system's buffers take.
    expect(sent).toBeLessThan(most);
    expect(residentBytes(gateway.pid) - before).toBeLessThan(300_000_000);
    // Then it gives them up, and what it has asked of the server for them.
    await until(
      () => heldSockets(gateway.pid),
      (count) => count <= socketsBefore,
    );
    for (const { socket } of readers) socket.destroy();
  }, 60_000);

  it('takes nothing new while it ends, and lets no idle connection keep it', async () => {
    const attacked = await open([], {}, { tokensPerSecond: 30 });
    const { gateway } = attacked;
    const idle = await openRaw(gateway.port, request(gateway, 'GET /ready'));
    const silent = await openRaw(gateway.port);
    const streaming = await openRaw(gateway.port, chatRequest(gateway));
    const quiet = await openRaw(gateway.port, chatRequest(gateway));
    for (const { received } of [streaming, quiet]) {
      await until(received, (text) => text.includes('"type":"token"'));
    }
    gateway.signal('SIGTERM');
    await until(gateway.said, (text) => text.includes('Ending'));
    streaming.send(request(gateway, REMOVE));
    await Promise.all([idle.closed, silent.closed]);
    expect(quiet.received()).not.toContain('"type":"result"');
    await expect(openRaw(gateway.port)).rejects.toThrow('ECONNREFUSED');
    // Not as long as it would be kept for another question.
    await until(quiet.received, (text) => text.includes('"type":"result"'));
    const before = Date.now();
    await Promise.all([streaming.closed, quiet.closed]);
    expect(Date.now() - before).toBeLessThan(LIMITS.idleMs / 2);
    expect(statusesOf(streaming.received())).toEqual([200, 503]);
    expect(streaming.received()).toContain('"type":"result"');
    expect(streaming.received().toLowerCase()).toContain('\r\nretry-after: ');
    expect(await gateway.exited).toBe('SIGTERM');
    expect(reached(attacked)).not.toContain(REMOVE.replace(/ .*/, ' /api/delete'));
  });
});

describe('the token that is made', () => {
  it('is said when it starts, and never after, to nobody', async () => {
    const { gateway } = await open(['--debug']);
    const { token } = gateway;
    const first = gateway
      .said()
      .split('\n')
      .filter((line) => line.includes(token));
    expect(first.map((line) => line.split(' ')[0])).toEqual(['Token:', 'Try:']);
    for (const line of [
      'GET /api/providers',
      'GET /api/providers/ollama',
      'GET /api/providers/ollama/models',
      'GET /health',
      'GET /metrics',
      'GET /openapi.json',
      'GET /api/jobs',
      `GET /nowhere?token=${token}`,
      `POST /api/providers/ollama/test`,
      'POST /api/chat',
      'TRACE /',
    ]) {
      const answer = await exchange(gateway.port, request(gateway, line, ['Connection: close']));
      expect([line, answer.includes(token)]).toEqual([line, false]);
    }
    await until(gateway.said, (text) => text.includes('POST /api/chat'));
    const lines = gateway
      .said()
      .split('\n')
      .filter((line) => line.includes(token));
    expect(lines).toHaveLength(2);
  });
});
