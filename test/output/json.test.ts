import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { isOllamaError } from '../../src/core/errors.js';
import type { Io } from '../../src/io.js';
import { pickFields, writeJson, writeJsonLine } from '../../src/output/json.js';

function open(options: { tty: boolean; env?: Io['env'] }) {
  const stdout = Object.assign(new PassThrough(), { isTTY: options.tty });
  const io = { stdout, env: options.env ?? {}, signal: new AbortController().signal };
  return { io, read: () => String(stdout.read()) };
}

describe('writeJson', () => {
  it('writes one line with the schema version first into a pipe', async () => {
    const { io, read } = open({ tty: false });
    await writeJson(io, { models: [], total: 0 });
    expect(read()).toBe('{"schema_version":1,"models":[],"total":0}\n');
  });

  it('writes it indented in a terminal, real or forced', async () => {
    const pretty = '{\n  "schema_version": 1,\n  "total": 0\n}\n';
    for (const options of [{ tty: true }, { tty: false, env: { OLLAMA_CLI_FORCE_TTY: '80' } }]) {
      const { io, read } = open(options);
      await writeJson(io, { total: 0 });
      expect(read()).toBe(pretty);
    }
  });

  it('does not write the schema version twice', async () => {
    const { io, read } = open({ tty: false });
    await writeJson(io, { total: 0, schema_version: 1 });
    expect(read()).toBe('{"schema_version":1,"total":0}\n');
  });

  it('leaves text as the server gave it in a pipe, and escapes it in a terminal', async () => {
    const name = 'a\u009b2J\u202e\x1b';
    const piped = open({ tty: false });
    await writeJson(piped.io, { name });
    expect(piped.read()).toBe('{"schema_version":1,"name":"a\u009b2J\u202e\\u001b"}\n');
    const shown = open({ tty: true });
    await writeJson(shown.io, { name });
    expect(shown.read()).toContain('"a\\u009b2J\\u202e\\u001b"');
  });
});

describe('writeJsonLine', () => {
  it('writes an event on one line, in a terminal too', async () => {
    for (const tty of [true, false]) {
      const { io, read } = open({ tty });
      await writeJsonLine(io, { type: 'token', text: 'a\nb' });
      await writeJsonLine(io, { type: 'result' });
      expect(read()).toBe('{"type":"token","text":"a\\nb"}\n{"type":"result"}\n');
    }
  });

  it('escapes for a terminal', async () => {
    const { io, read } = open({ tty: true });
    await writeJsonLine(io, { text: '\u009b' });
    expect(read()).toBe('{"text":"\\u009b"}\n');
  });
});

describe('pickFields', () => {
  const list = {
    host: 'http://127.0.0.1:11434',
    models: [
      { name: 'a', size: 1, digest: 'x' },
      { name: 'b', size: 2, capabilities: ['tools'] },
    ],
    total: 2,
  };

  function usageError(work: () => unknown): string {
    try {
      work();
    } catch (error) {
      if (isOllamaError(error) && error.code === 'usage') return error.message;
      throw error;
    }
    return '';
  }

  it('picks within each item, in the order asked for, and leaves the envelope', () => {
    const picked = pickFields(list, 'models', ['size', 'name']);
    expect(JSON.stringify(picked)).toBe(
      '{"host":"http://127.0.0.1:11434","models":[{"size":1,"name":"a"},{"size":2,"name":"b"}],"total":2}',
    );
  });

  it('leaves out of an item what it does not have', () => {
    expect(pickFields(list, 'models', ['name', 'capabilities'])['models']).toEqual([
      { name: 'a' },
      { name: 'b', capabilities: ['tools'] },
    ]);
  });

  it('picks the top level of an answer without a list, its schema version stays', () => {
    const health = { schema_version: 1, status: 'healthy', version: '0.24.0', models: 3 };
    expect(pickFields(health, undefined, ['models', 'status'])).toEqual({
      schema_version: 1,
      models: 3,
      status: 'healthy',
    });
    expect(pickFields({ status: 'healthy' }, undefined, ['status'])).toEqual({ status: 'healthy' });
  });

  it('refuses an unknown field and lists the valid ones', () => {
    const message = usageError(() => pickFields(list, 'models', ['name', 'sise'], ['remote_host']));
    expect(message).toContain('"sise"');
    expect(message).toContain('remote_host, name, size, digest, capabilities');
    expect(usageError(() => pickFields({ status: 'x' }, undefined, ['name']))).toContain('status');
    expect(usageError(() => pickFields(list, 'models', ['total']))).toContain('"total"');
  });

  it('knows the fields of an empty list only from the shape', () => {
    const empty = { models: [], total: 0 };
    expect(pickFields(empty, 'models', ['name'], ['name'])).toEqual(empty);
    expect(usageError(() => pickFields(empty, 'models', ['nope'], ['name']))).toContain('name');
    expect(pickFields(empty, 'models', ['name'])).toEqual(empty);
  });

  it('leaves alone what in a list has no fields', () => {
    const mixed = { items: [{ a: 1, b: 2 }, null, 'x', ['y']] };
    expect(pickFields(mixed, 'items', ['a'])).toEqual({ items: [{ a: 1 }, null, 'x', ['y']] });
    expect(usageError(() => pickFields(mixed, 'items', ['0']))).toContain('a, b');
  });

  it('takes what every object inherits for no field', () => {
    expect(usageError(() => pickFields(list, 'models', ['constructor']))).toContain('"constructor"');
    expect(usageError(() => pickFields(list, 'models', ['__proto__']))).toContain('"__proto__"');
  });

  it('lets no control character of a server into its message', () => {
    const message = usageError(() => pickFields({ 'a\x1b[2J': 1 }, undefined, ['b\x07\n']));
    expect(message).toBe('There is no field "b ". The fields are: a[2J.');
  });
});
