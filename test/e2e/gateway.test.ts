import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/gateway/limits.js';
import {
  bodyOf,
  exchange,
  heldConnections,
  openRaw,
  statusesOf,
  statusOf,
  until,
  type RawSocket,
} from '../gateway/raw-socket.js';
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

onLinux('the gateway under attack', () => {
  it('closes the connections of who never reads, and ends the answers behind them', async () => {
    const attacked = await open(['--caller-timeout', '3s']);
    const { gateway } = attacked;
    // The list again and again: what is not read piles up until the system takes no more.
    const many = request(gateway, 'GET /openapi.json').repeat(400);
    const readers = await Promise.all(Array.from({ length: 20 }, async () => await openRaw(gateway.port)));
    await until(
      () => heldConnections(gateway.port),
      (count) => count === 20,
    );
    for (const { socket } of readers) {
      socket.pause();
      socket.write(many);
    }
    await allClosed(attacked);
    for (const { socket } of readers) socket.destroy();
    await stillAnswers(attacked);
  });

  it('lets a slow reader read on', async () => {
    const attacked = await open(['--caller-timeout', '1s'], {}, { tokensPerSecond: 20 });
    const { gateway } = attacked;
    const raw = await openRaw(gateway.port, chatRequest(gateway));
    await until(raw.received, (text) => text.includes('"type":"token"'));
    for (let time = 0; time < 8; time++) {
      raw.socket.pause();
      await sleep(200);
      raw.socket.resume();
      await sleep(50);
    }
    await until(raw.received, (text) => text.includes('"type":"result"'), 30_000);
    raw.socket.destroy();
    await allClosed(attacked);
  });

  it('closes the connections of half a head and half a body', async () => {
    // A head has less time than a body, however much that has.
    const patient = await open(['--caller-timeout', '5m']);
    const before = Date.now();
    const late = exchange(patient.gateway.port, 'GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\n');
    const attacked = await open(['--caller-timeout', '2s']);
    const { gateway } = attacked;
    const head = `GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${gateway.token}\r\n`;
    const body = request(gateway, 'POST /api/chat', [JSON_TYPE, 'Content-Length: 1000'], '{"message"');
    const chunk = request(
      gateway,
      'POST /api/chat',
      [JSON_TYPE, 'Transfer-Encoding: chunked'],
      'ff\r\n{"message"',
    );
    const answers = await Promise.all([head, body, chunk].map((text) => exchange(gateway.port, text)));
    expect(answers.map(statusOf)).toEqual([408, 408, 408]);
    await allClosed(attacked);
    // And those who do not even stay.
    for (const text of [head, body, chunk]) {
      const raw = await openRaw(gateway.port, text);
      raw.socket.resetAndDestroy();
    }
    await allClosed(attacked);
    expect(statusOf(await late)).toBe(408);
    expect(Date.now() - before).toBeLessThan(5 * LIMITS.headersMs);
    await allClosed(patient);
    expect(reached(attacked)).toEqual([]);
    await stillAnswers(attacked);
  }, 60_000);

  it('holds a bounded number of 10,000 connections, and none once they are dropped', async () => {
    const attacked = await open();
    const { gateway } = attacked;
    for (const half of ['', 'POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\n']) {
      const sockets: RawSocket[] = [];
      for (let batch = 0; batch < 50; batch++) {
        const opened = Array.from({ length: 100 }, async () => await openRaw(gateway.port, half));
        sockets.push(...(await Promise.all(opened)));
      }
      // Some may just have been taken, to be closed at once, and the system's list is read while it changes.
      for (let look = 0; look < 20; look++) {
        expect(heldConnections(gateway.port)).toBeLessThanOrEqual(LIMITS.connections + 100);
        await sleep(25);
      }
      await until(
        () => heldConnections(gateway.port),
        (count) => count <= LIMITS.connections,
      );
      for (const [at, { socket }] of sockets.entries()) {
        if (at % 2 === 0) socket.resetAndDestroy();
        else socket.destroy();
      }
      await allClosed(attacked);
      await stillAnswers(attacked);
    }
  }, 120_000);

  it('answers no name that is not its own: a page that points its name here reads nothing', async () => {
    const attacked = await open();
    const { gateway, sandbox } = attacked;
    const before = sandbox.requests.length;
    for (const host of ['rebound.example', `rebound.example:${gateway.port}`, '127.0.0.1.nip.io', '[::2]']) {
      const answer = await exchange(
        gateway.port,
        request(gateway, 'GET /api/providers/ollama/models', [], '', host),
      );
      expect([host, statusOf(answer)]).toEqual([host, 403]);
      expect(bodyOf(answer)).toMatchObject({ error: { code: 'not_allowed' } });
    }
    const two = request(gateway, 'GET /ready', ['Host: rebound.example']);
    expect(statusOf(await exchange(gateway.port, two))).toBe(400);
    expect(sandbox.requests.length).toBe(before);
    await allClosed(attacked);
  });

  it('answers no page that it was not told of, whatever its browser says', async () => {
    const attacked = await open(['--cors', 'https://app.example']);
    const { gateway } = attacked;
    const remove = 'DELETE /api/providers/ollama/models/gemma3:1b';
    const cases: readonly (readonly [string, readonly string[]])[] = [
      [remove, ['Origin: https://evil.example']],
      [remove, ['Origin: null']],
      [remove, ['Origin: https://app.example.evil.example']],
      ['GET /api/providers/ollama/models', ['Sec-Fetch-Site: cross-site']],
      ['GET /api/providers/ollama/models', ['Sec-Fetch-Site: same-site', 'Sec-Fetch-Mode: no-cors']],
      ['OPTIONS /api/chat', ['Origin: https://evil.example', 'Access-Control-Request-Method: POST']],
    ];
    for (const [line, headers] of cases) {
      const answer = await exchange(gateway.port, request(gateway, line, headers));
      expect([line, headers, statusOf(answer)]).toEqual([line, headers, 403]);
      expect(answer).not.toMatch(/^access-control-allow/im);
    }
    const twice = ['Origin: https://app.example', 'Origin: https://evil.example'];
    expect(statusOf(await exchange(gateway.port, request(gateway, remove, twice)))).toBe(400);
    expect(reached(attacked)).toEqual([]);
    const named = request(gateway, 'GET /ready', ['Origin: https://app.example', 'Connection: close']);
    expect(await exchange(gateway.port, named)).toMatch(/^access-control-allow-origin: https:\/\/app/im);
    await allClosed(attacked);
  });

  // Also where NODE_OPTIONS asks for a parser that takes all of it.
  it.each([{}, { NODE_OPTIONS: '--insecure-http-parser' }])(
    'takes no request that can be understood in two ways, with %j',
    async (env) => {
      const attacked = await open([], env);
      const { gateway } = attacked;
      const inner = request(gateway, 'DELETE /api/providers/ollama/models/gemma3:1b');
      const post = (headers: readonly string[], body = ''): string =>
        request(gateway, 'POST /api/chat', [JSON_TYPE, ...headers], body + inner);
      const cases: Readonly<Record<string, string>> = {
        'a length and chunks': post(['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
        'chunks and a length': post(['Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'),
        'two lengths': post(['Content-Length: 0', `Content-Length: ${inner.length}`]),
        'a list of lengths': post([`Content-Length: 0, ${inner.length}`]),
        'a signed length': post(['Content-Length: +0']),
        'a length with letters': post(['Content-Length: 0x10']),
        'an unknown coding': post(['Transfer-Encoding: xchunked'], '0\r\n\r\n'),
        'a coding after chunks': post(['Transfer-Encoding: chunked, identity'], '0\r\n\r\n'),
        'a space before the colon': post(['Transfer-Encoding : chunked'], '0\r\n\r\n'),
        'a folded header': post(['Transfer-Encoding:\r\n chunked'], '0\r\n\r\n'),
        'a line without its return': post(['X-A: b\nTransfer-Encoding: chunked'], '0\r\n\r\n'),
        'a return alone': post(['X-A: b\rTransfer-Encoding: chunked'], '0\r\n\r\n'),
        'a zero byte': post(['X-A: b\0']),
        'a chunk without its end': post(['Transfer-Encoding: chunked'], '3\r\nabcX0\r\n\r\n'),
        'a signed chunk': post(['Transfer-Encoding: chunked'], '+0\r\n\r\n'),
        'another version': `${inner.replace('HTTP/1.1', 'HTTP/1.7')}`,
        'what comes after a refusal': `${inner.replace('127.0.0.1', 'rebound.example')}${inner}`,
        'no version': `GET /ready\r\n\r\n${inner}`,
        'the address of another': request(gateway, 'GET http://evil.example/ready', ['Connection: close']),
        'a tunnel': `CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n${inner}`,
      };
      for (const [what, text] of Object.entries(cases)) {
        const answer = await exchange(gateway.port, text);
        const statuses = statusesOf(answer);
        expect([what, statuses.every(isRefusal)]).toEqual([what, true]);
        // Of a tunnel there is no answer at all.
        expect([what, statuses.length > 0]).toEqual([what, what !== 'a tunnel']);
      }
      expect(reached(attacked)).toEqual([]);
      await allClosed(attacked);
      await stillAnswers(attacked);
    },
    60_000,
  );

  it('carries no line of a caller into a header', async () => {
    const attacked = await open();
    const { gateway } = attacked;
    const path = '/api/providers/ollama/models/x%0d%0aSet-Cookie:%20a=b';
    const answer = await exchange(gateway.port, request(gateway, `GET ${path}`, ['Connection: close']));
    expect(statusOf(answer)).toBe(400);
    expect(answer).not.toMatch(/^set-cookie/im);
  });

  it('fetches no address of a caller', async () => {
    const attacked = await open();
    const { gateway, sandbox } = attacked;
    const target = sandbox.url;
    for (const body of [
      { message: 'x', provider: target },
      { message: 'x', provider: 'ollama', base_url: target },
      { message: 'x', model: `${target}/x` },
      { message: 'x', model: '../../etc/passwd' },
    ]) {
      const text = JSON.stringify(body);
      const headers = [JSON_TYPE, `Content-Length: ${text.length}`, 'Connection: close'];
      const answer = await exchange(gateway.port, request(gateway, 'POST /api/chat', headers, text));
      expect([body, statusOf(answer)]).toEqual([body, expect.toSatisfy(isRefusal)]);
    }
    expect(reached(attacked)).toEqual([]);
  });
});

describe('the gateway as a program', () => {
  it('says its address on stdout, its token on stderr, and ends by a signal when all has streamed', async () => {
    const { gateway } = await open([], {}, { tokensPerSecond: 40 });
    expect(gateway.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(gateway.token).toMatch(/^[\w-]{43}$/);
    const raw = await openRaw(gateway.port, chatRequest(gateway));
    await until(raw.received, (text) => text.includes('"type":"token"'));
    gateway.signal('SIGTERM');
    await raw.closed;
    expect(raw.received()).toContain('"type":"result"');
    expect(await gateway.exited).toBe('SIGTERM');
  });

  it('ends at once when it is asked twice', async () => {
    const { gateway } = await open([], {}, { loadMs: 3_600_000 });
    const raw = await openRaw(gateway.port, chatRequest(gateway));
    await sleep(300);
    gateway.signal('SIGINT');
    await until(gateway.said, (text) => text.includes('once more'));
    await sleep(200);
    gateway.signal('SIGINT');
    expect(await gateway.exited).toBe('SIGINT');
    raw.socket.destroy();
  });
});
