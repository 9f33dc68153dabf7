import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDocumented, type Operation, type Route } from './document.js';
import { openTestGateway } from './open.js';

const isError = new Ajv().compile({
  type: 'object',
  required: ['error'],
  additionalProperties: false,
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'hint'],
      additionalProperties: false,
      properties: {
        code: { type: 'string', pattern: '^[a-z_]+$' },
        message: { type: 'string', minLength: 1 },
        hint: { type: 'string' },
      },
    },
  },
});

/** Names and texts as a hostile or a careless caller sends them. */
const NASTY = [
  '',
  '.',
  '..',
  '../../etc/passwd',
  '%2e%2e%2f',
  'a'.repeat(300),
  'http://127.0.0.1:1/x',
  'x:y:z',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  '\r\nX: y',
  '\u202e',
  '\ud800',
  '{{.}}',
  "'; DROP TABLE models; --",
];
const word = fc.oneof(fc.constantFrom(...NASTY), fc.string(), fc.string({ unit: 'binary' }));

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly pattern?: string;
  readonly minLength?: number;
}

/** Names that are known, and some that are not. */
const name = fc.constantFrom('gemma3:1b', 'smollm2:135m', 'nothing:1b', 'ollama', 'nobody');

/** What a schema takes. */
function fitting({ type, enum: values, properties, required = [], items, pattern, minLength }: Schema) {
  const kind = typeof type === 'string' ? type : type?.[0];
  const make = (): fc.Arbitrary<unknown> => {
    if (values) return fc.constantFrom(...values);
    if (kind === 'boolean') return fc.boolean();
    if (kind === 'array') return fc.array(fitting(items ?? {}), { maxLength: 3 });
    if (kind === 'object') {
      const fields = Object.entries(properties ?? {}).map(([key, schema]) => [key, fitting(schema)] as const);
      return fc.record(Object.fromEntries(fields), { requiredKeys: required as never[] });
    }
    if (pattern !== undefined) return fc.base64String({ minLength: 4, maxLength: 16 });
    return minLength === undefined ? fc.string({ minLength: 1, maxLength: 50 }) : name;
  };
  return make();
}

function bodySchema({ requestBody }: Operation): Schema | undefined {
  return Object.values(requestBody?.content ?? {})[0]?.schema;
}

/** A body: one that fits, anything at all, or the route's own fields with anything in them. */
function bodyFor(operation: Operation): fc.Arbitrary<unknown> {
  const schema = bodySchema(operation);
  const names = Object.keys(schema?.properties ?? {});
  const value = fc.oneof(word, fc.jsonValue({ maxDepth: 3 }), fc.constant({ role: 'user', content: 5 }));
  const fields = fc.dictionary(fc.constantFrom(...names, 'other', '__proto__', 'constructor'), value);
  const raw = fc.oneof(
    fc.string(),
    fc.constantFrom('{', '[[[[', 'null', '"', '{"a":1,"a":2}', '\ufeff{}', '', ' '),
  );
  return fc.oneof(
    { weight: schema ? 6 : 0, arbitrary: fitting(schema ?? {}).map((body) => JSON.stringify(body)) },
    { weight: 4, arbitrary: fields.map((body) => JSON.stringify(body)) },
    { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 4 }).map((body) => JSON.stringify(body)) },
    { weight: 1, arbitrary: raw },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

/** What a route is asked with. */
function requestFor({ method, path, operation }: Route): fc.Arbitrary<{ url: string; init: RequestInit }> {
  const query = fc.dictionary(fc.oneof(fc.constantFrom('force', 'stream', '__proto__'), word), word, {
    maxKeys: 3,
  });
  const types = [
    'application/json',
    'application/json',
    'application/json',
    'text/plain',
    'x',
    'application/xml',
  ];
  return fc
    .record({
      words: fc.array(fc.oneof(word, name), { minLength: 4, maxLength: 4 }),
      query,
      body: method === 'get' ? fc.constant(undefined) : bodyFor(operation),
      type: fc.constantFrom(...types),
      accept: fc.constantFrom(
        ...['*/*', 'application/json', 'x;q=z', ';;;', 'text/html'],
        ...['text/event-stream', 'application/x-ndjson'],
      ),
      prefer: fc.constantFrom('respond-async', 'x', ',,;='),
    })
    .map(({ words, query, body, type, accept, prefer }) => {
      const rest = [...words];
      const filled = path.replace(/\{\w+\}/g, () => encode(rest.pop() ?? ''));
      const search = Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(value)}`);
      return {
        url: search.length === 0 ? filled : `${filled}?${search.join('&')}`,
        init: {
          method: method.toUpperCase(),
          headers: { accept, prefer, ...(body === undefined ? {} : { 'content-type': type }) },
          ...(body === undefined ? {} : { body: body as string }),
        },
      };
    });
}

/** A path that names what is above it is another path before it is sent. */
function encode(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString()).replace(/^\.{1,2}$/, (dots) =>
    dots.replaceAll('.', '%252e'),
  );
}

describe('every route, asked for anything', () => {
  it('answers as its document says, in the one shape of errors, and never fails by itself', async () => {
    const unforeseen: unknown[] = [];
    const gateway = await openTestGateway({
      gateway: { onUnforeseen: (error) => unforeseen.push(error) },
      sandbox: { installed: ['gemma3:1b'] },
    });
    const { routes, check } = await readDocumented(gateway);
    expect(routes.length).toBeGreaterThan(10);
    for (const route of routes) {
      await fc.assert(
        fc.asyncProperty(requestFor(route), async ({ url, init }) => {
          const { method = 'GET', headers, body } = init;
          const response = await gateway.send(
            method,
            url,
            body ?? undefined,
            headers as Record<string, string>,
          );
          const text = await response.text();
          const what = `${response.status} ${text.slice(0, 300)}`;
          // A path that nobody has, or by another method, is no route's.
          if (![404, 405].includes(response.status)) check(route, response, text);
          if (response.status < 400) return;
          // The one that this server has of its own for what fits: it sees no images.
          if (!text.includes('missing data required for image input')) {
            expect(response.status, what).toBeLessThan(500);
          }
          expect(isError(JSON.parse(text)), what).toBe(true);
        }),
        { numRuns: 60 },
      );
    }
    expect(unforeseen).toEqual([]);
    expect((await gateway.send('GET', '/ready')).status).toBe(200);
  }, 120_000);
});
