import xterm from '@xterm/headless';
import { afterEach, describe, expect, test } from 'vitest';
import type { ToolCall } from '../../src/core/wire.js';
import { createCleaner } from '../../src/format/clean.js';
import { renderMarkdown } from '../../src/markdown/markdown.js';
import { createStyles } from '../../src/output/styles.js';
import { labelsOf, readBody, readRecording, VERSIONS, type Recording } from '../core/recorded.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { lines, run, schemaErrors, TERMINAL, type Ran } from '../support/run.js';

/** What a recorded answer holds, read without the code that is tried. */
interface Recorded {
  readonly content: string;
  readonly thinking: string;
  readonly calls: readonly ToolCall[];
  readonly reason: string | undefined;
  readonly error: string | undefined;
  readonly counts: readonly [prompt: number, answer: number];
}

interface Line {
  readonly message?: {
    readonly content?: string;
    readonly thinking?: string;
    readonly tool_calls?: ToolCall[];
  };
  readonly response?: string;
  readonly done_reason?: string;
  readonly error?: string;
  readonly prompt_eval_count?: number;
  readonly eval_count?: number;
}

function readAnswer(version: string, label: string): Recorded {
  const all = lines(readBody(version, label)) as Line[];
  const last = all.at(-1);
  return {
    content: all.map(({ message, response }) => message?.content ?? response ?? '').join(''),
    thinking: all.map(({ message }) => message?.thinking ?? '').join(''),
    calls: all.flatMap(({ message }) => message?.tool_calls ?? []),
    reason: last?.done_reason,
    error: last?.error,
    counts: [last?.prompt_eval_count ?? 0, last?.eval_count ?? 0],
  };
}

/** How the program ends where the recorded answer is an error: the code of `--json`, and the exit. */
const FAILURES: Readonly<Record<string, readonly [code: string, exit: number]>> = {
  'chat-missing': ['model_not_found', 3],
  'chat-overflow': ['context_overflow', 9],
};
const SERVER_ERROR = ['server_error', 1] as const;

function endOf(version: string, label: string): readonly [code: string, exit: number] {
  // The old server could not load the model at all.
  if (label === 'chat-overflow' && version === '0.5.13') return SERVER_ERROR;
  return FAILURES[label] ?? SERVER_ERROR;
}

let server: FaultServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const SPLITS: Readonly<Record<string, (chunks: readonly Buffer[]) => Buffer[]>> = {
  'in its own chunks': (chunks) => [...chunks],
  'byte by byte': (chunks) => Array.from(Buffer.concat(chunks), (byte) => Buffer.of(byte)),
};

/** Answers a chat with the recording, and everything else as the same server did. */
async function replay(
  version: string,
  { request, response: recorded }: Recording,
  split = 'in its own chunks',
) {
  const pieces = (SPLITS[split] ?? SPLITS['in its own chunks'])?.(
    recorded.chunks.map(([, text]) => Buffer.from(text)),
  );
  server = await serve(({ url }, response) => {
    if (url === '/api/version') return { body: [readBody(version, 'version')] };
    if (url === '/api/tags') return { body: [readBody(version, 'tags')] };
    if (url !== request.path) return { status: 404, body: ['{"error":"model not found"}'] };
    response.writeHead(recorded.status, recorded.type === null ? {} : { 'content-type': recorded.type });
    response.socket?.setNoDelay(true);
    for (const piece of pieces ?? []) response.write(piece);
    if (recorded.ended === 'aborted') response.write('', () => response.socket?.destroySoon());
    else response.end();
    return undefined;
  });
  return server.url;
}

async function ask(
  version: string,
  label: string,
  flags: readonly string[] = [],
  options: Parameters<typeof run>[2] = {},
  split?: string,
): Promise<Ran> {
  const recording = readRecording(version, label);
  const host = await replay(version, recording, split);
  const raw = recording.request.path === '/api/generate' ? ['--raw'] : [];
  const env = { OLLAMA_NOHISTORY: '1', OLLAMA_CLI_RETRY__ATTEMPTS: '1', ...options.env };
  return await run(['chat', 'acme/lic', 'Count', ...raw, ...flags], host, { ...options, env });
}

/** The rows of a terminal that was given this, to the last that has something. */
async function rowsOf(written: string): Promise<string[]> {
  const screen = new xterm.Terminal({
    cols: 80,
    rows: 24,
    scrollback: 5000,
    allowProposedApi: true,
    convertEol: true,
  });
  await new Promise<void>((resolve) => screen.write(written, resolve));
  const { active } = screen.buffer;
  const rows = Array.from(
    { length: active.length },
    (_, y) => active.getLine(y)?.translateToString(true) ?? '',
  );
  while (rows.at(-1) === '') rows.pop();
  return rows;
}

describe.each(VERSIONS)('recorded of %s, asked once', (version) => {
  const labels = labelsOf(version).filter((label) => /^(?:chat|generate)/.test(label));
  const answered = labels.filter((label) => readAnswer(version, label).error === undefined);
  const failed = labels.filter((label) => readAnswer(version, label).error !== undefined);

  test.each(failed)('%s ends as the server did, and what came is in the pipe', async (label) => {
    const { content, error = '' } = readAnswer(version, label);
    const [code, exit] = endOf(version, label);
    const ran = await ask(version, label);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: exit, stdout: content });
    expect(ran.stderr).not.toBe('');
    if (code === 'server_error') expect(ran.stderr).toContain(error.slice(0, 40));

    const told = await ask(version, label, ['--json']);
    expect(told.code).toBe(exit);
    const events = lines(told.stdout);
    for (const event of events) expect(schemaErrors('chat-event', event)).toBe('');
    expect(events[0]?.['type']).toBe('start');
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code } });
    expect(events.map((event) => (event['type'] === 'token' ? event['text'] : '')).join('')).toBe(content);
    expect(lines(told.stderr)).toEqual([
      expect.objectContaining({ error: expect.objectContaining({ code }) }),
    ]);
  });

  test.skipIf(answered.length === 0).each(answered)(
    '%s is in a pipe byte for byte, thoughts apart',
    async (label) => {
      const { content, thinking } = readAnswer(version, label);
      for (const split of Object.keys(SPLITS)) {
        const ran = await ask(version, label, [], {}, split);
        expect({ split, code: ran.code, stdout: ran.stdout }).toEqual({ split, code: 0, stdout: content });
        if (thinking !== '') expect(ran.stderr).toContain(thinking);
        await server?.close();
      }
      const file = await ask(version, label, ['--hide-thinking']);
      expect(file.stderr).not.toContain(thinking === '' ? 'thought for' : thinking);
    },
  );

  test.skipIf(answered.length === 0).each(answered)(
    '%s is told as events, whose text is the answer',
    async (label) => {
      const { content, thinking, calls, reason, counts } = readAnswer(version, label);
      const ran = await ask(version, label, ['--json'], {}, 'byte by byte');
      const events = lines(ran.stdout);
      for (const event of events) expect(schemaErrors('chat-event', event)).toBe('');
      const textOf = (type: string): string =>
        events.map((event) => (event['type'] === type ? event['text'] : '')).join('');
      expect([ran.code, textOf('token'), textOf('thinking')]).toEqual([0, content, thinking]);
      expect(events.filter(({ type }) => type === 'tool_call')).toEqual(
        calls.map(({ function: { name, arguments: given } }) => ({
          type: 'tool_call',
          name,
          arguments: given,
        })),
      );
      const [prompt_tokens, completion_tokens] = counts;
      expect(events.at(-1)).toMatchObject({
        type: 'result',
        done_reason: reason,
        message: { role: 'assistant', content, ...(thinking === '' ? {} : { thinking }) },
        metrics: { prompt_tokens, completion_tokens },
      });
    },
  );

  test.skipIf(answered.length === 0).each(answered)(
    '%s stands on a terminal as one text drawn at once',
    async (label) => {
      const { content } = readAnswer(version, label);
      const styles = createStyles(0);
      const look = { styles, unicode: true, level: 0 as const, links: false, width: () => 80 };
      const rows = renderMarkdown(createCleaner()(content), look).map((row) => row.trimEnd());
      const ran = await ask(version, label, ['--color', 'never'], TERMINAL);
      expect(ran.code).toBe(0);
      while (rows.at(-1) === '') rows.pop();
      expect(await rowsOf(ran.stdout)).toEqual(rows);
    },
  );
});
