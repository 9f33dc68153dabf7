import { createHash } from 'node:crypto';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf, flipByte, readAll, seededSource } from '../../src/sandbox/bytes.js';
import { readGguf, writeGguf } from '../../src/sandbox/gguf.js';
import { fullName, parseName, showName } from '../../src/sandbox/names.js';
import { parseKeepAlive } from '../../src/sandbox/runners.js';
import { valueOf } from '../../src/sandbox/schema.js';
import { tokenize } from '../../src/sandbox/text.js';
import { goTime } from '../../src/sandbox/time.js';

describe('names', () => {
  test.each([
    ['llama3.2', 'llama3.2:latest', 'registry.ollama.ai/library/llama3.2:latest'],
    ['llama3.2:1b', 'llama3.2:1b', 'registry.ollama.ai/library/llama3.2:1b'],
    ['me/x', 'me/x:latest', 'registry.ollama.ai/me/x:latest'],
    ['host:5000/me/x:v1', 'host:5000/me/x:v1', 'host:5000/me/x:v1'],
    ['https://registry.ollama.ai/library/x', 'x:latest', 'registry.ollama.ai/library/x:latest'],
    ['gpt-oss:120b-cloud', 'gpt-oss:120b-cloud', 'registry.ollama.ai/library/gpt-oss:120b-cloud'],
    ['x:cloud', 'x:cloud', 'registry.ollama.ai/library/x:cloud'],
    ['_x', '_x:latest', 'registry.ollama.ai/library/_x:latest'],
  ])('%s is %s', (text, shown, full) => {
    const name = parseName(text);
    if (name === undefined) throw new Error('no name');
    expect([showName(name), fullName(name)]).toEqual([shown, full]);
  });

  test.each([
    '',
    'bad name!',
    'a/b/c/d',
    'host:5000/m',
    'x:',
    ':x',
    'x@sha256:0',
    '-x',
    'a.b/x',
    '../x',
    'ü',
    'x\n',
    'a'.repeat(81),
  ])('%j is none', (text) => {
    expect(parseName(text)).toBeUndefined();
  });
});

describe('seeded bytes', () => {
  const source = seededSource('seed', 200_000, Buffer.from('head'));

  test('begin with their head and are the same from wherever they are read', async () => {
    const all = await readAll(source);
    expect([all.length, all.toString('latin1', 0, 4)]).toEqual([200_000, 'head']);
    await fc.assert(
      fc.asyncProperty(fc.nat(200_000), fc.nat(200_000), async (a, b) => {
        const chunks: Buffer[] = [];
        for await (const chunk of source.read(Math.min(a, b), Math.max(a, b))) chunks.push(chunk);
        return Buffer.concat(chunks).equals(all.subarray(Math.min(a, b), Math.max(a, b)));
      }),
      { numRuns: 30 },
    );
  });

  test('differ by seed, and from block to block', async () => {
    const all = await readAll(source);
    const other = await readAll(seededSource('other', 200_000, Buffer.alloc(0)));
    expect(all.subarray(65_536, 131_072).equals(other.subarray(65_536, 131_072))).toBe(false);
    expect(all.subarray(65_536, 131_072).equals(all.subarray(131_072, 196_608))).toBe(false);
  });

  test('have the digest that anyone would compute, and another one with a byte flipped', async () => {
    const wanted = createHash('sha256')
      .update(await readAll(source))
      .digest('hex');
    expect(await digestOf(source)).toBe(`sha256:${wanted}`);
    expect(await digestOf(flipByte(source, 100_000))).not.toBe(`sha256:${wanted}`);
    const changed = await readAll(flipByte(source, 70_000));
    const same = await readAll(source);
    expect([...changed].filter((byte, index) => byte !== same[index]).length).toBe(1);
  });
});

describe('GGUF', () => {
  const value = fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.nat(),
    fc.double({ noNaN: true, min: -1e9, max: -1e-9 }),
    fc.array(fc.string()),
    fc.array(fc.nat(), { minLength: 1 }),
  );
  const tensor = fc.record({
    name: fc.string(),
    type: fc.constantFrom('F32', 'F16', 'Q4_K', 'Q8_0'),
    shape: fc.array(fc.nat(), { maxLength: 4 }),
  });

  test('a head is read as it was written', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), fc.array(tensor), (info, tensors) => {
        const head = readGguf(writeGguf({ info, tensors }));
        expect(Object.entries(head?.info ?? {})).toEqual(Object.entries(info));
        expect(head?.tensors).toEqual(tensors);
      }),
      { examples: [[JSON.parse('{"__proto__":"x"}') as Record<string, string>, []]] },
    );
  });

  test('other bytes, and a head cut short, are none', () => {
    const whole = writeGguf({ info: { a: 'b', c: [1, 2] }, tensors: [] });
    for (let length = 0; length < whole.length; length += 1)
      expect(readGguf(whole.subarray(0, length))).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array(), (bytes) => readGguf(Buffer.from(bytes)) === undefined));
  });
});

describe('keep_alive', () => {
  test.each([
    [0, 0],
    [30, 30_000],
    [-1, Infinity],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['250ms', 250],
    ['0', 0],
    ['0s', 0],
    ['-1s', Infinity],
    ['5', undefined],
    ['soon', undefined],
    ['', undefined],
    [true, undefined],
  ])('%j is %j milliseconds', (text, ms) => {
    expect(parseKeepAlive(text)).toBe(ms);
  });
});

test('tokens joined are the text again', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => tokenize(text).join('') === text));
});

test.each([
  [Date.UTC(2026, 0, 2, 3, 4, 5), '2026-01-02T03:04:05Z'],
  [Date.UTC(2026, 0, 2, 3, 4, 5, 120), '2026-01-02T03:04:05.12Z'],
  [1_000.001, '1970-01-01T00:00:01.000001Z'],
  [Infinity, '2318-12-31T23:59:59.999999999Z'],
])('the time %d is %s', (ms, text) => {
  expect(goTime(ms)).toBe(text);
});

test('a value fits its schema, whatever the prompt', () => {
  const leaf = fc.constantFrom(
    { type: 'string' },
    { type: 'integer' },
    { type: 'number' },
    { type: 'boolean' },
    { enum: ['a', 'b'] },
    { const: 7 },
  );
  const { schema } = fc.letrec((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3 },
      leaf,
      tie('schema').map((items) => ({ type: 'array', items, minItems: 1 })),
      fc.dictionary(fc.constantFrom('x', 'y', 'z'), tie('schema')).map((properties) => ({
        type: 'object',
        properties,
        required: Object.keys(properties),
        additionalProperties: false,
      })),
      tie('schema').map((inner) => ({ anyOf: [inner, { type: 'null' }] })),
    ),
  }));
  const ajv = new Ajv({ strict: false });
  fc.assert(
    fc.property(
      schema,
      fc.string(),
      (given, prompt) => ajv.validate(given as object, valueOf(given, prompt)) === true,
    ),
  );
});
