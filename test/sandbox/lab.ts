import { readFileSync } from 'node:fs';
import type { ModelDefinition } from '../../src/sandbox/definition.js';
import type { ModelInfo, Tensor } from '../../src/sandbox/gguf.js';
import { parseFault } from '../../src/sandbox/faults.js';
import type { Sandbox, SandboxOptions } from '../../src/sandbox/server.js';
import { startSandbox } from '../../src/sandbox/server.js';

/** One recorded exchange with a real server. */
export interface Recording {
  readonly label: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly body: string | null;
    readonly accept?: string;
    readonly range?: string;
  };
  readonly response: {
    readonly status: number;
    readonly type: string | null;
    readonly ended: string;
    readonly chunks: readonly (readonly [number, string])[];
    readonly headers?: Readonly<Record<string, string>>;
  };
}

export const RECORDINGS = new URL('../fixtures/recordings/', import.meta.url);

export function readRecording(folder: string, label: string): Recording {
  return JSON.parse(readFileSync(new URL(`${folder}/${label}.json`, RECORDINGS), 'utf8')) as Recording;
}

export function bodyOf(recording: Recording): string {
  return recording.response.chunks.map(([, text]) => text).join('');
}

// The model of the recordings, as its own `show` describes it.
const shown = JSON.parse(bodyOf(readRecording('0.24.0', 'show-verbose'))) as {
  template: string;
  system: string;
  license: string;
  messages: { role: string; content: string }[];
  model_info: ModelInfo;
  tensors: Tensor[];
};

const TINY: ModelDefinition = {
  name: 'registry.example:5000/acme/tiny',
  weights: 253_113_024,
  family: 'gemma3',
  parameters: '268.10M',
  quantization: 'Q4_K_M',
  info: shown.model_info,
  tensors: shown.tensors,
  template: shown.template,
  system: shown.system,
  params: { num_ctx: 512, stop: ['user:'], temperature: 0.1 },
  licenses: [shown.license],
  messages: shown.messages,
  from: 'acme/base:270m',
};

export interface Lab {
  readonly sandbox: Sandbox;
  /** Sends a request; a body is sent as JSON. */
  send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response>;
  /** The events of a stream of JSON lines. */
  events(path: string, body: unknown): Promise<Record<string, unknown>[]>;
  fault(...faults: string[]): void;
}

/** A quick sandbox with the model of the recordings in its registry, closed by the caller. */
export async function startLab(options: SandboxOptions = {}): Promise<Lab> {
  const sandbox = await startSandbox({
    installed: [],
    extraModels: [TINY],
    scale: 0.001,
    tokensPerSecond: Infinity,
    loadMs: 1,
    ...options,
  });
  const send: Lab['send'] = (method, path, body, signal) =>
    fetch(sandbox.url + path, {
      method,
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
      signal: signal ?? null,
    });
  return {
    sandbox,
    send,
    events: async (path, body) => parseLines(await (await send('POST', path, body)).text()),
    fault: (...faults) => {
      sandbox.setFaults(faults.map(parseFault));
    },
  };
}

export function parseLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Reads a stream's events until one fits, then hangs up; gives what was read. */
export async function readUntil(
  lab: Lab,
  path: string,
  body: unknown,
  fits: (event: Record<string, unknown>, all: readonly Record<string, unknown>[]) => boolean,
): Promise<Record<string, unknown>[]> {
  const hangUp = new AbortController();
  const response = await lab.send('POST', path, body, hangUp.signal);
  const events: Record<string, unknown>[] = [];
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const known = parseLines(text.slice(0, text.lastIndexOf('\n') + 1));
    const fresh = known.slice(events.length);
    events.push(...fresh);
    if (fresh.some((event) => fits(event, events))) break;
  }
  hangUp.abort();
  return events;
}
