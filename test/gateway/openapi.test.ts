import { Validator } from '@seriousme/openapi-schema-validator';
import { OpenAPIClientAxios, type Document } from 'openapi-client-axios';
import { describe, expect, it } from 'vitest';
import { openTestGateway, TOKEN, type TestGateway } from './open.js';

type Answer = { status: number; data: Record<string, unknown> };
type Operation = (parameters?: object, data?: unknown, config?: object) => Promise<Answer>;

async function readDocument({ send }: TestGateway): Promise<Document> {
  const response = await send('GET', '/openapi.json');
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  return (await response.json()) as Document;
}

/** A client that knows nothing of the gateway but its own document. */
async function generateClient(gateway: TestGateway): Promise<Record<string, Operation>> {
  const api = new OpenAPIClientAxios({
    definition: await readDocument(gateway),
    axiosConfigDefaults: {
      baseURL: gateway.url,
      headers: { authorization: `Bearer ${TOKEN}` },
      validateStatus: () => true,
    },
  });
  return (await api.init()) as unknown as Record<string, Operation>;
}

function call(client: Record<string, Operation>, operation: string): Operation {
  const found = client[operation];
  if (!found) throw new Error(`the document has no ${operation}`);
  return found;
}

describe('the OpenAPI document', () => {
  it('is valid by the specification', async () => {
    const gateway = await openTestGateway();
    const document = await readDocument(gateway);
    const result = await new Validator().validate(structuredClone(document) as never);
    expect(result).toMatchObject({ valid: true });
    expect(document.openapi).toBe('3.1.0');
  });

  it('tells of every operation its id, its words, and its failures in one shape', async () => {
    const gateway = await openTestGateway();
    const {
      paths = {},
      components,
      tags: told,
    } = (await readDocument(gateway)) as unknown as {
      paths: Record<string, Record<string, OperationObject>>;
      components: { schemas: Record<string, object> };
      tags: { name: string }[];
    };
    interface OperationObject {
      operationId?: string;
      summary?: string;
      tags?: string[];
      responses: Record<string, { content?: Record<string, { schema: { $ref?: string } }> }>;
    }
    expect(Object.keys(components.schemas)).toContain('error');
    const ids: string[] = [];
    const used = new Set<string>();
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, { operationId, summary, tags, responses }] of Object.entries(methods)) {
        const what = `${method} ${path}`;
        expect([what, typeof operationId, typeof summary, tags?.length]).toEqual([
          what,
          'string',
          'string',
          1,
        ]);
        ids.push(operationId ?? '');
        used.add(tags?.[0] ?? '');
        for (const status of ['400', '401', '403', '429', '500']) {
          const schema = responses[status]?.content?.['application/json']?.schema;
          expect([what, status, schema?.$ref]).toEqual([what, status, '#/components/schemas/error']);
        }
      }
    }
    expect(new Set(ids).size).toBe(ids.length);
    expect([...used].toSorted()).toEqual(told.map(({ name }) => name).toSorted());
    expect(Object.keys(paths).toSorted()).toEqual([
      '/api/chat',
      '/api/jobs',
      '/api/jobs/{id}',
      '/api/providers',
      '/api/providers/ollama/models',
      '/api/providers/ollama/models/update',
      '/api/providers/ollama/models/{name}',
      '/api/providers/ollama/pull',
      '/api/providers/{name}',
      '/api/providers/{name}/test',
      '/health',
      '/metrics',
      '/openapi.json',
      '/ready',
    ]);
  });

  it('is enough for a generated client to do all there is', async () => {
    const gateway = await openTestGateway();
    const client = await generateClient(gateway);
    const listed = await call(client, 'listModels')();
    expect(listed).toMatchObject({ status: 200, data: { total: 2 } });
    const pulled = await call(client, 'pullModel')(undefined, { model: 'smollm2:135m' });
    expect(pulled).toMatchObject({ status: 200, data: { success: true, model: 'smollm2:135m' } });
    const shown = await call(client, 'showModel')({ name: 'smollm2:135m' });
    expect(shown).toMatchObject({ status: 200, data: { name: 'smollm2:135m' } });
    const answered = await call(client, 'chat')(undefined, { message: 'hello', model: 'gemma3:1b' });
    expect(answered).toMatchObject({ status: 200, data: { provider: 'ollama', model: 'gemma3:1b' } });
    const removed = await call(client, 'removeModel')({ name: 'smollm2:135m' });
    expect(removed).toMatchObject({ status: 200, data: { success: true } });
    const gone = await call(client, 'showModel')({ name: 'smollm2:135m' });
    expect(gone).toMatchObject({ status: 404, data: { error: { code: 'model_not_found' } } });
    const health = await call(client, 'getHealth')();
    expect(health).toMatchObject({ status: 200, data: { status: 'healthy' } });
    expect((await call(client, 'getReady')()).data).toEqual({ ready: true });
    expect((await call(client, 'getMetrics')()).status).toBe(200);
  });
});
