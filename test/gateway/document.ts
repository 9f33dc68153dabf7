import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import type { TestGateway } from './open.js';

/** A part of the document that says what is sent or answered. */
export interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

/** One operation of the gateway's own document. */
export interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly schema: object;
  }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

/** An operation, and where it is. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** What the document of a gateway says, to hold its answers to. */
export interface Documented {
  readonly routes: readonly Route[];
  /** Fails where the document says nothing of an answer like this, or something else. */
  check(route: Route, response: Response, text: string): void;
}

/** Reads the document that a gateway tells of itself. */
export async function readDocumented({ send }: TestGateway): Promise<Documented> {
  const document = (await (await send('GET', '/openapi.json')).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addSchema(document, 'document');
  const checks = new Map<string, ValidateFunction>();
  const compile = (pointer: string): ValidateFunction => {
    const known = checks.get(pointer) ?? ajv.compile({ $ref: `document#${pointer}` });
    checks.set(pointer, known);
    return known;
  };
  return {
    routes: Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
    ),
    check({ method, path, operation }, response, text) {
      const what = `${method} ${path}: ${response.status} ${text.slice(0, 300)}`;
      const status = operation.responses[response.status] === undefined ? 'default' : String(response.status);
      const [type = ''] = (response.headers.get('content-type') ?? '').split(';');
      expect(Object.keys(operation.responses[status]?.content ?? {}), what).toContain(type);
      const words = ['paths', path, method, 'responses', status, 'content', type, 'schema'];
      const validate = compile(words.map(toPointer).join(''));
      const isValid = validate(type === 'application/json' ? JSON.parse(text) : text);
      expect([what, isValid, validate.errors ?? []]).toEqual([what, true, []]);
    },
  };
}

function toPointer(word: string): string {
  return `/${encodeURIComponent(word.replaceAll('~', '~0').replaceAll('/', '~1'))}`;
}
