import path from 'node:path';
import * as esbuild from 'esbuild';
import { serve } from '../../support/fault-server.js';
import type { FaultServer, Script, SeenRequest } from '../../support/fault-server.js';
import { openTerminal } from '../../support/terminal.js';
import type { Terminal } from '../../support/terminal.js';

const root = path.resolve(import.meta.dirname, '../../..');
const driver = path.join(root, 'node_modules/.cache/chat-driver/driver.mjs');

/** Bundles the driver; once, before the tests of a file. */
export async function buildDriver(): Promise<void> {
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: [path.join(root, 'test/views/chat/driver.ts')],
    outdir: path.dirname(driver),
    outExtension: { '.js': '.mjs' },
    splitting: true,
    entryNames: '[name]',
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.18',
    jsx: 'automatic',
    external: ['undici'],
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
    plugins: [
      {
        name: 'no-devtools',
        setup(build) {
          build.onResolve({ filter: /^react-devtools-core$/ }, () => ({ path: 'empty', namespace: 'empty' }));
          build.onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'export default {}' }));
        },
      },
    ],
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
  });
}

/** The lines of a chat's stream: tokens, then the numbers. */
export function answerLines(tokens: readonly string[], thinking: readonly string[] = []): string[] {
  const line = (fields: object) =>
    `${JSON.stringify({ model: 'qwen3:8b', created_at: '2026-01-01T00:00:00Z', ...fields })}\n`;
  return [
    ...thinking.map((text) =>
      line({ message: { role: 'assistant', content: '', thinking: text }, done: false }),
    ),
    ...tokens.map((content) => line({ message: { role: 'assistant', content }, done: false })),
    line({
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: 'stop',
      total_duration: 1_100_000_000,
      load_duration: 100_000_000,
      prompt_eval_count: 1186,
      prompt_eval_duration: 100_000_000,
      eval_count: 43,
      eval_duration: 895_833_333,
    }),
  ];
}

export interface Chat {
  readonly server: FaultServer;
  readonly terminal: Terminal;
  /** The messages of each chat request so far. */
  asked(): { role: string; content: string }[][];
  /** What the view resolved with, once the person has left. */
  left(): Promise<{
    model: string;
    system?: string;
    options: object;
    messages: { role: string; content: string }[];
  }>;
  close(): Promise<void>;
}

const MODELS = ['qwen3:8b', 'llama3.2:1b'];

function answerOther(request: SeenRequest): Script {
  if (request.url === '/api/tags') {
    const models = MODELS.map((name) => ({
      name,
      model: name,
      size: 1,
      digest: 'a'.repeat(64),
      details: {},
    }));
    return { body: [JSON.stringify({ models })] };
  }
  if (request.url === '/api/ps') {
    const [name] = MODELS;
    const loaded = { name, model: name, size: 1, size_vram: 1, digest: 'a'.repeat(64), details: {} };
    return { body: [JSON.stringify({ models: [{ ...loaded, context_length: 40_960 }] })] };
  }
  if (request.method === 'GET') return { body: [JSON.stringify({ models: [], version: '0.24.0' })] };
  const { model } = JSON.parse(request.body) as { model: string };
  if (!MODELS.includes(model))
    return { status: 404, body: [JSON.stringify({ error: `model '${model}' not found` })] };
  return { body: [JSON.stringify({ details: {}, model_info: {} })] };
}

/** Opens the chat in a pseudo-terminal; `answers` are played one a turn, the last one again and again. */
export async function openChat(
  answers: readonly Script[],
  options: { cols?: number; rows?: number; env?: Record<string, string> } = {},
): Promise<Chat> {
  let turn = 0;
  const server = await serve((request) => {
    if (request.url !== '/api/chat') return answerOther(request);
    turn += 1;
    return answers[Math.min(turn, answers.length) - 1];
  });
  const terminal = openTerminal({ args: [driver, server.url, 'qwen3:8b'], ...options });
  await terminal.waitFor('/help');
  return {
    server,
    terminal,
    asked: () =>
      server.requests
        .filter(({ url }) => url === '/api/chat')
        .map(({ body }) => (JSON.parse(body) as { messages: { role: string; content: string }[] }).messages),
    async left() {
      await terminal.exit;
      const text = terminal.scrollback().replaceAll('\n', '');
      return JSON.parse(text.slice(text.lastIndexOf('left: ') + 6));
    },
    async close() {
      await terminal.close();
      await server.close();
    },
  };
}
