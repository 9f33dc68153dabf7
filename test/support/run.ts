import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { main } from '../../src/main.js';
import { testIo, type TestIoOptions } from './io.js';

/** What one command line did. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command line through `main()`, against the server at `host`. */
export async function run(argv: readonly string[], host?: string, options: TestIoOptions = {}): Promise<Ran> {
  const env = { ...(host === undefined ? {} : { OLLAMA_HOST: host }), ...options.env };
  const test = testIo({ ...options, env });
  const code = await main(argv, test.io);
  return { code, stdout: test.stdout(), stderr: test.stderr() };
}

/** The options of a run whose streams are terminals; without them they are pipes. */
export const TERMINAL: TestIoOptions = { tty: true, columns: 80 };

/** The values of the lines of a JSON stream. */
export function lines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const ajv = new Ajv({ allErrors: true });

/** What is wrong with a value by a published schema; empty if nothing is. */
export function schemaErrors(name: string, value: unknown): string {
  const file = path.join(import.meta.dirname, '..', '..', 'schemas', `${name}.json`);
  const schema = JSON.parse(readFileSync(file, 'utf8')) as { $id: string };
  const validate = ajv.getSchema(schema.$id) ?? ajv.compile(schema);
  return validate(value) === true ? '' : `${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`;
}

/** Every escape sequence and control character but newline and tab. */
export const ESCAPES = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
