import { PassThrough } from 'node:stream';
import { Client, type Transport } from '@modelcontextprotocol/client';
import { onTestFinished } from 'vitest';
import { main } from '../../src/main.js';
import { testIo } from '../support/io.js';

/** The program's `mcp`, which runs until its input ends. */
export interface RunningMcp {
  readonly input: PassThrough;
  /** Every line that came out so far. */
  lines(): readonly Record<string, unknown>[];
  /** Hears each of them. */
  onLine(hear: (line: Record<string, unknown>) => void): void;
  stderr(): string;
  /** Ends the input and resolves with the exit code. */
  end(): Promise<number>;
  readonly exit: Promise<number>;
}

/** Where it runs; `isTyped` where a person at a terminal is its input and sees its warnings. */
export interface McpSetting {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly isTyped?: boolean;
}

/** Runs `ollama-cli mcp` in this process, with the server at `host`, or the one that the folder's own file names. */
export function runMcp(
  host: string | undefined,
  argv: readonly string[] = [],
  { env = {}, cwd, isTyped = false }: McpSetting = {},
): RunningMcp {
  const input = new PassThrough();
  const output = new PassThrough();
  const test = testIo({
    stdin: input,
    env: { ...(host === undefined ? {} : { OLLAMA_HOST: host }), ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(isTyped ? { stdinTty: true, tty: 'stderr' as const } : {}),
  });
  const lines: Record<string, unknown>[] = [];
  const hearers: ((line: Record<string, unknown>) => void)[] = [];
  let rest = '';
  output.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const line = JSON.parse(part) as Record<string, unknown>;
      lines.push(line);
      for (const hear of hearers) hear(line);
    }
  });
  const exit = main(['mcp', ...argv], { ...test.io, stdout: output });
  onTestFinished(async () => {
    test.abort();
    await exit;
  });
  return {
    input,
    lines: () => lines,
    onLine: (hear) => void hearers.push(hear),
    stderr: test.stderr,
    end: async () => {
      input.end();
      return await exit;
    },
    exit,
  };
}

/** How an editor is made: whether it can ask a person, what that one answers, and how new it is. */
export interface EditorOptions {
  readonly answer?: 'yes' | 'no' | 'cancel';
  readonly isModern?: boolean;
}

/** The SDK's own client, spoken to by a running `mcp`; `asked` holds the questions that a person got. */
export async function openEditor(
  mcp: RunningMcp,
  { answer, isModern = false }: EditorOptions = {},
): Promise<{ readonly client: Client; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const client = new Client(
    { name: 'editor', version: '1.0.0' },
    {
      capabilities: answer === undefined ? {} : { elicitation: { form: {} } },
      versionNegotiation: { mode: isModern ? 'auto' : 'legacy' },
    },
  );
  if (answer !== undefined) {
    client.setRequestHandler('elicitation/create', ({ params }) => {
      asked.push(params.message);
      return answer === 'cancel'
        ? { action: 'cancel' }
        : { action: 'accept', content: { confirm: answer === 'yes' } };
    });
  }
  await client.connect(overLines(mcp));
  onTestFinished(async () => await client.close());
  return { client, asked };
}

function overLines(mcp: RunningMcp): Transport {
  const transport: Transport = {
    start: async () => mcp.onLine((line) => transport.onmessage?.(line as never)),
    send: async (message) => void mcp.input.write(`${JSON.stringify(message)}\n`),
    close: async () => {
      mcp.input.end();
      transport.onclose?.();
    },
  };
  return transport;
}
