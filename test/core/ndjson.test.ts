import { PassThrough, Readable } from 'node:stream';
import { setImmediate as tick, setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLineParser, LONGEST_LINE, readBatches, takeValue } from '../../src/core/ndjson.js';

/** The values of bytes that come in pieces cut at `cuts`; an error is the last value. */
function parse(bytes: Buffer, cuts: readonly number[], longestLine?: number): unknown[] {
  const parser = createLineParser(takeValue, longestLine);
  const values: unknown[] = [];
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  try {
    edges.slice(1).forEach((end, index) => parser.push(bytes.subarray(edges[index], end), values));
    parser.end(values);
  } catch (error) {
    values.push(String(error));
  }
  return values;
}

const everyByte = (bytes: Buffer): number[] => Array.from(bytes.keys()).slice(1);

const readValues = (body: Readable, heartbeatMs?: number): AsyncGenerator<unknown[]> =>
  readBatches(body, takeValue, heartbeatMs);

describe('lines and values', () => {
  test.each([
    ['', []],
    ['{"a":1}\n', [{ a: 1 }]],
    ['{"a":1}', [{ a: 1 }]],
    ['{"a":1}\r\n{"b":2}\r\n', [{ a: 1 }, { b: 2 }]],
    ['\n\n  \r\n{"a":1}\n\t\n', [{ a: 1 }]],
    [' {"a":1} \n', [{ a: 1 }]],
    ['1\n"x"\nnull\n[]\n', [1, 'x', null, []]],
    ['{"t":"a\\nb"}\n', [{ t: 'a\nb' }]],
    ['{"t":"é😀\u2028\u0085"}\n{}', [{ t: 'é😀\u2028\u0085' }, {}]],
  ])('%j in one piece, in bytes, and cut anywhere', (text, expected) => {
    const bytes = Buffer.from(text);
    expect(parse(bytes, [])).toEqual(expected);
    expect(parse(bytes, everyByte(bytes))).toEqual(expected);
    for (const cut of everyByte(bytes)) expect(parse(bytes, [cut])).toEqual(expected);
  });

  const line = fc.oneof(
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify({ text })),
    fc.constantFrom('', ' ', '\r'),
  );
  const text = fc
    .tuple(fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n'))), line)
    .map(([lines, last]) => Buffer.from(lines.map(([words, end]) => words + end).join('') + last));
  const cut = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }));

  test('any split of the bytes gives the same values', () => {
    fc.assert(
      fc.property(text, cut, fc.nat(30), (bytes, places, count) => {
        const cuts = [...places.take(count)].map((place) => Math.floor(place * bytes.length));
        const expected = bytes
          .toString()
          .split('\n')
          .filter((one) => one.trim() !== '')
          .map((one) => JSON.parse(one) as unknown);
        expect(parse(bytes, cuts)).toEqual(expected);
      }),
    );
  });

  test('with any bytes at all, the split changes neither values nor the error', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
      fc
        .array(fc.constantFrom('{}', '\n', 'x', '1', '"é"', '\r', ' '), { maxLength: 30 })
        .map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(bytes, fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }), (given, limit) => {
        expect(parse(given, everyByte(given), limit)).toEqual(parse(given, [], limit));
      }),
    );
  });
});

describe('a line that is no JSON', () => {
  test.each([
    ['{"b":2},{"c":3}', '"{\\"b\\":2},{\\"c\\":3}"'],
    ['{"b":2}{"c":3}', '"{\\"b\\":2}{\\"c\\":3}"'],
    ['[', '"["'],
    ['"', '"\\""'],
    ['{"b":"', '"{\\"b\\":\\""'],
    ['<html><body>', '"<html><body>"'],
    ['{"a":', '"{\\"a\\":"'],
    ['\u001b[31mred', '"\\u001b[31mred"'],
    [`x${'y'.repeat(200)}`, `"x${'y'.repeat(79)}…"`],
  ])('%j is an error that quotes its start, after the values before it', (bad, quoted) => {
    const [first, error, ...more] = parse(Buffer.from(`{"a":1}\n${bad}\n{"b":2}\n`), []);
    expect(first).toEqual({ a: 1 });
    expect(error).toContain(`no JSON: ${quoted}.`);
    expect(more).toEqual([]);
  });

  test('is a typed error of the stream, which closes the body', async () => {
    const body = new PassThrough();
    body.write('{"a":1}\nnope\n{"b":2}\n');
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const batch of readValues(body)) seen.push(...batch);
    })();
    await expect(reading).rejects.toMatchObject({ name: 'OllamaError', code: 'protocol' });
    expect(seen).toEqual([{ a: 1 }]);
    expect(body.destroyed).toBe(true);
  });
});

describe('a line that is too long', () => {
  const over = `"${'x'.repeat(10)}"`;
  test.each([
    ['in one piece', []],
    ['in two', [6]],
    ['in bytes', everyByte(Buffer.from(`1\n${over}\n2\n`))],
  ])('is refused %s, after the values before it', (_how, cuts) => {
    const bytes = Buffer.from(`1\n${over}\n2\n`);
    expect(parse(bytes, cuts, 11)).toEqual([1, expect.stringContaining('more than 11 bytes')]);
    expect(parse(bytes, cuts, 12)).toEqual([1, 'x'.repeat(10), 2]);
  });

  test('is refused without its newline, so that nothing grows without end', () => {
    expect(parse(Buffer.from('x'.repeat(20)), everyByte(Buffer.alloc(20)), 12)).toEqual([
      expect.stringContaining('more than 12 bytes'),
    ]);
  });

  test('a line of nearly 64 MB is read, one above is not', () => {
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const feed = (pieces: number, values: unknown[]): void => {
      const parser = createLineParser(takeValue);
      parser.push(Buffer.from('"'), values);
      for (let index = 0; index < pieces; index++) parser.push(piece, values);
      parser.push(Buffer.from('"\n'), values);
    };
    const values: unknown[] = [];
    feed(63, values);
    expect((values[0] as string).length).toBe(63 * 1024 * 1024);
    expect(() => feed(64, [])).toThrow(`more than ${LONGEST_LINE} bytes`);
  });
});

describe('a body', () => {
  test('is handed on in batches of what has come', async () => {
    const body = new PassThrough();
    const batches = readValues(body);
    body.write('1\n2\n3');
    expect((await batches.next()).value).toEqual([1, 2]);
    body.end('4\n');
    expect((await batches.next()).value).toEqual([34]);
    expect((await batches.next()).done).toBe(true);
  });

  test('of nothing has no batch', async () => {
    expect((await readValues(Readable.from([])).next()).done).toBe(true);
  });

  test('that breaks off gives what came and then the error it broke off with', async () => {
    const body = new PassThrough();
    const batches = readValues(body);
    const first = batches.next();
    body.write('1\n2');
    await tick();
    body.destroy(new Error('cut'));
    expect((await first).value).toEqual([1]);
    await expect(batches.next()).rejects.toThrow('cut');
  });

  test('that is closed without an end or an error is not taken as ended', async () => {
    const body = new PassThrough();
    const batches = readValues(body);
    body.write('1\n');
    expect((await batches.next()).value).toEqual([1]);
    body.destroy();
    await expect(batches.next()).rejects.toThrow('closed');
  });

  test('is closed when the loop is left, and may fail afterwards without harm', async () => {
    const body = new PassThrough();
    body.write('1\n');
    for await (const batch of readValues(body)) {
      expect(batch).toEqual([1]);
      break;
    }
    expect(body.destroyed).toBe(true);
    body.emit('error', new Error('late'));
  });

  test('that says nothing beats, again and again, until it says something', async () => {
    const body = new PassThrough();
    const batches = readValues(body, 10);
    expect((await batches.next()).value).toEqual([]);
    expect((await batches.next()).value).toEqual([]);
    body.end('1\n');
    expect((await batches.next()).value).toEqual([1]);
    expect((await batches.next()).done).toBe(true);
  });

  test('of which only pieces come, or lines of no interest, is not silent', async () => {
    const body = new PassThrough();
    const next = readBatches(body, { take: () => undefined }, 200).next();
    for (let round = 0; round < 8; round++) {
      await sleep(50);
      body.write(round % 2 === 0 ? '"half' : 'a line"\n');
    }
    body.end();
    expect((await next).done).toBe(true);
  });

  test('without a heartbeat may be silent as long as it likes', async () => {
    const body = new PassThrough();
    const next = readValues(body).next();
    expect(await Promise.race([next, sleep(50, 'silent')])).toBe('silent');
    body.end('1\n');
    expect((await next).value).toEqual([1]);
  });

  test.each([
    ['short', 100],
    ['long', 900_000],
  ])('of %s lines is not read ahead of a slow reader without bound', async (_name, length) => {
    const line = Buffer.from(`"${'x'.repeat(length)}"\n`);
    const lines = Math.ceil(20e6 / line.length);
    let sent = 0;
    const body = new Readable({
      read() {
        sent += 1;
        this.push(sent <= lines ? line : null);
      },
    });
    let taken = 0;
    for await (const batch of readValues(body)) {
      await sleep(10);
      // What it holds, and what has been read behind it.
      expect((sent - taken) * line.length).toBeLessThan(6e6);
      taken += batch.length;
    }
    expect(taken).toBe(lines);
  });
});
