import { expect, it } from 'vitest';
import { openTestGateway, TOKEN } from './open.js';
import { exchange } from './raw-socket.js';

function ask(message: string, last = false): string {
  const body = JSON.stringify({ message, model: 'qwen3:8b', stream: true });
  const connection = last ? 'Connection: close\r\n' : '';
  return `POST /api/chat HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nAccept: application/x-ndjson\r\nContent-Type: application/json\r\n${connection}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** The answers of a connection, each taken out of its chunks. */
function takeApart(bytes: string): string[] {
  const bodies: string[] = [];
  let rest = bytes;
  while (rest !== '') {
    rest = rest.slice(rest.indexOf('\r\n\r\n') + 4);
    let body = '';
    for (;;) {
      const [head = '', size = ''] = /^([0-9a-f]+)\r\n/.exec(rest) ?? [];
      expect(head).not.toBe('');
      const length = Number.parseInt(size, 16);
      body += rest.slice(head.length, head.length + length);
      expect(rest.slice(head.length + length, head.length + length + 2)).toBe('\r\n');
      rest = rest.slice(head.length + length + 2);
      if (length === 0) break;
    }
    bodies.push(body);
  }
  return bodies;
}

it('answers two streams that were asked for at once one after the other, each whole', async () => {
  const { port } = await openTestGateway({ sandbox: { tokensPerSecond: 500 } });
  const bodies = takeApart(await exchange(port, ask('Say hello, grüße') + ask('Say it again', true)));
  expect(bodies).toHaveLength(2);
  for (const body of bodies) {
    const events = body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(Buffer.from(line, 'latin1').toString()) as { type: string });
    expect(events.at(0)?.type).toBe('start');
    expect(events.filter(({ type }) => type === 'token').length).toBeGreaterThan(1);
    expect(events.at(-1)?.type).toBe('result');
  }
}, 20_000);
