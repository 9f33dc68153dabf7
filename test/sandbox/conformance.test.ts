import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import type { Lab, Recording } from './lab.js';
import { bodyOf, parseLines, readRecording, readUntil, RECORDINGS, startLab } from './lab.js';
import { fold, outline } from './shape.js';

type Version = '0.24.0' | '0.5.13';

/** How the sandbox comes to show what a recording shows. */
interface Row {
  /** What the server has; default: the models of the recordings. */
  readonly state?: (lab: Lab) => Promise<void>;
  readonly faults?: readonly string[];
  /** The recorder, or its client, hung up after so many events. */
  readonly hangUpAfter?: number;
  /** Where the sandbox's longer answer ends at `num_predict` and the tiny model's did not. */
  readonly doneReason?: 'length';
}

const NAME = 'registry.example:5000/acme/tiny';
const TINY_PULL = { model: NAME, insecure: true };

async function empty(): Promise<void> {
  // Nothing is installed.
}

async function pulled(lab: Lab): Promise<void> {
  await lab.events('/api/pull', TINY_PULL);
}

async function whole(lab: Lab): Promise<void> {
  await pulled(lab);
  await lab.send('POST', '/api/copy', { source: NAME, destination: 'acme/lic' });
  const tools = '{{ if .Tools }}Tools: {{ .Tools }}{{ end }}{{ .Prompt }}';
  const think = '{{ .Prompt }}{{ if .Think }}<think>{{ .Thinking }}{{ end }}';
  // Made of the bare weights, as the recorded ones were.
  const manifest = (await (await lab.send('GET', '/v2/acme/tiny/manifests/latest')).json()) as {
    layers: { digest: string }[];
  };
  const files = { 'model.gguf': manifest.layers[0]?.digest };
  await lab.events('/api/create', {
    model: 'acme/tools',
    files,
    template: tools,
    parameters: { num_ctx: 512 },
  });
  await lab.events('/api/create', {
    model: 'acme/think',
    files,
    template: think,
    parameters: { num_ctx: 512 },
  });
}

async function loaded(lab: Lab): Promise<void> {
  await whole(lab);
  await lab.events('/api/chat', { model: 'acme/lic', messages: [] });
}

async function sameSystemBefore(lab: Lab): Promise<void> {
  await whole(lab);
  await lab.events('/api/create', { model: 'acme/v0', from: 'acme/lic', system: 'variant' });
}

// The first layer had arrived when the client went away, and had not been made a blob yet.
async function cancelledWhenComplete(lab: Lab): Promise<void> {
  lab.fault('linger=10s');
  await readUntil(
    lab,
    '/api/pull',
    TINY_PULL,
    (event) => event['completed'] === event['total'] && event['total'] !== undefined,
  );
  // A round trip later the server has noticed.
  await lab.send('GET', '/api/version');
  lab.fault();
}

// Rows of the same kind in both servers.
const BOTH: Readonly<Record<string, Row>> = {
  'blob-bad': {},
  'blob-head-absent': {},
  'chat-badjson': {},
  'chat-missing': {},
  'chat-nomodel': {},
  'chat-tools-unsupported': {},
  'chat-image-unsupported': {},
  'chat-load': {},
  'chat-overflow': {},
  'chat-logprobs': {},
  'chat-length': {},
  'chat-think-unsupported': {},
  chat: {},
  'copy-missing': {},
  copy: { state: pulled },
  'create-missing': {},
  'create-nofrom': {},
  'embed-missing': {},
  embed: {},
  'generate-suffix-unsupported': {},
  me: {},
  'pull-badjson': {},
  'pull-badname': {},
  'pull-missing': {},
  'pull-noname': {},
  'pull-nonstream': { state: empty },
  'pull-offline': { faults: ['offline'] },
  'pull-present': { state: pulled },
  'pull-refused': {},
  'pull-secure-mismatch': {},
  pull: { state: empty },
  'push-missing': {},
  push: { state: pulled },
  'rm-1': { state: pulled },
  'rm-missing': {},
  root: {},
  'show-badname': {},
  'show-missing': {},
  'show-noname': {},
  'show-verbose': {},
  show: {},
  'tags-empty': { state: empty },
  tags: {},
  'unknown-route': {},
  unload: { state: loaded },
  'v1-chat-missing': {},
  'v1-chat-stream': {},
  'v1-chat': {},
  'v1-models': {},
  version: {},
  'wrong-method': {},
};

const ROWS: Readonly<Record<Version, Readonly<Record<string, Row>>>> = {
  '0.24.0': {
    ...BOTH,
    'chat-format-json': { doneReason: 'length' },
    'chat-nonstream': { doneReason: 'length' },
    generate: { doneReason: 'length' },
    'chat-runner-killed': { faults: ['error-line@50%'] },
    'chat-schema': {},
    'chat-think-format': {},
    'chat-think-off': {},
    'chat-think': {},
    'chat-tools-result': {},
    'chat-tools': {},
    'chat-truncated': {},
    'create-from': { state: sameSystemBefore },
    'ps-empty': { state: loaded },
    'ps-loaded': { state: loaded },
    'ps-unloaded': { state: loaded },
    'pull-500': { state: empty, faults: ['missing-completed'], hangUpAfter: 6 },
    'pull-again': { state: empty, faults: ['max-retries'] },
    'pull-cancelled': { state: empty, faults: ['linger=10s'], hangUpAfter: 4 },
    'pull-corrupt': { state: empty, faults: ['corrupt'] },
    'pull-dropped': { state: empty, faults: ['rolled-back@50%'] },
    'pull-resumed': { state: cancelledWhenComplete },
    'pull-stalled': { state: empty, faults: ['frozen=150ms@50%'] },
    'show-think': {},
    'show-tools': {},
    'v1-messages': {},
    'v1-messages-missing': {},
    'v1-messages-nolimit': {},
    'v1-messages-stream': {},
    'v1-messages-think': {},
    'v1-messages-think-stream': {},
    'v1-messages-think-unsupported': {},
    'v1-messages-tools-unsupported': {},
  },
  '0.5.13': {
    ...BOTH,
    'chat-format-json': {},
    'chat-nonstream': {},
    generate: {},
    'create-from': {},
    'ps-empty': {},
    'ps-loaded': {},
    'ps-unloaded': {},
    'pull-again': { state: empty },
    'pull-resumed': { state: empty },
  },
};

// Left out by the real server when they are 0 (`omitempty`).
const OMITTED_WHEN_ZERO = ['eval_duration'];

let lab: Lab;
afterEach(() => lab.sandbox.close());

function labelsOf(folder: string): string[] {
  return readdirSync(new URL(folder, RECORDINGS)).map((file) => file.replace(/\.json$/, ''));
}

for (const version of ['0.24.0', '0.5.13'] as const) {
  describe(`the sandbox as ${version} answers as recorded`, () => {
    test.each(labelsOf(version))('%s', async (label) => {
      lab = await startLab({ version });
      const row = ROWS[version][label];
      if (row === undefined) throw new Error(`no row says how the sandbox comes to show ${version}/${label}`);
      await compare(readRecording(version, label), row);
    });

    test('has no row without a recording', async () => {
      lab = await startLab({ version });
      expect(Object.keys(ROWS[version]).filter((label) => !labelsOf(version).includes(label))).toEqual([]);
    });
  });
}

async function compare(recording: Recording, row: Row): Promise<void> {
  await (row.state ?? whole)(lab);
  lab.fault(...(row.faults ?? []));
  const { request, response } = recording;
  const hangUp = new AbortController();
  // The recorder cut very long prompts.
  const body = request.body?.replace('\u2026', `ord ${'word '.repeat(3000)}wo`);
  const actual = await lab.send(request.method, request.path, body, hangUp.signal);
  expect(actual.status).toBe(response.status);
  expect(actual.headers.get('content-type')).toBe(response.type);
  const recorded = eventsOf(response.type, bodyOf(recording));
  if (row.hangUpAfter === undefined) {
    const events = eventsOf(response.type, await actual.text());
    expect(outlines(events)).toEqual(outlines(recorded, row.doneReason));
    return;
  }
  let text = '';
  for await (const chunk of actual.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (parseable(text).length >= row.hangUpAfter) break;
  }
  hangUp.abort();
  expect(response.ended).not.toBe('end');
  expect(outlines(parseable(text))).toEqual(outlines(recorded));
}

function parseable(text: string): unknown[] {
  return parseLines(text.slice(0, text.lastIndexOf('\n') + 1));
}

function eventsOf(type: string | null, body: string): unknown[] {
  if (type === null || body === '') return [];
  if (type.startsWith('text/plain')) return [body];
  if (type !== 'text/event-stream') return parseLines(body);
  return body
    .split('\n\n')
    .filter((item) => item !== '')
    .map((item) => {
      const data = item.replace(/^(?:event: \w+\n)?data: /, '');
      return data === '[DONE]' ? data : (JSON.parse(data) as unknown);
    });
}

function outlines(events: readonly unknown[], doneReason?: string): unknown[] {
  const digests = new Map<string, string>();
  return fold(
    events.map((event) => {
      const result = outline(event, digests);
      if (typeof result !== 'object' || result === null) return result;
      const fields = result as Record<string, unknown>;
      for (const key of OMITTED_WHEN_ZERO) if (fields['done'] === true) Reflect.deleteProperty(fields, key);
      if (doneReason !== undefined && 'done_reason' in fields) fields['done_reason'] = doneReason;
      return fields;
    }),
  );
}
