import type { Context } from '../context.js';
import type { OllamaClient } from '../core/client.js';
import { OllamaError } from '../core/errors.js';
import { createPool } from '../core/pool.js';
import { cleanLine } from '../format/clean.js';

/** What a model may be able to do, as the server names it. */
export type Capability = 'vision' | 'tools' | 'completion' | 'embedding' | 'insert' | 'thinking';

const WORDS: Readonly<Record<Capability, string>> = {
  vision: 'see images',
  tools: 'call functions',
  completion: 'hold a conversation',
  embedding: 'make embeddings',
  insert: 'fill in between a beginning and an end',
  thinking: 'think',
};

/** A small model of the public library that can do it: what to get where nothing that is installed will do. */
export const EXAMPLES: Readonly<Record<Capability, string>> = {
  vision: 'gemma3:4b',
  tools: 'qwen3:4b',
  completion: 'llama3.2:3b',
  embedding: 'nomic-embed-text',
  insert: 'qwen2.5-coder:1.5b',
  thinking: 'qwen3:4b',
};

/** Each model is asked about once a run. */
const asked = new WeakMap<OllamaClient, Map<string, Promise<readonly string[] | undefined>>>();

/** What a model can do; undefined where the server is too old to tell. Throws `model_not_found`. */
export async function readCapabilities(
  { client }: Pick<Context, 'client'>,
  model: string,
  signal?: AbortSignal,
): Promise<readonly string[] | undefined> {
  const known = asked.get(client) ?? new Map<string, Promise<readonly string[] | undefined>>();
  asked.set(client, known);
  const answer =
    known.get(model) ?? client.show(model, { signal }).then(({ capabilities }) => capabilities ?? undefined);
  known.set(model, answer);
  // A failure says nothing about the model: it may be pulled, the server started.
  answer.catch(() => known.delete(model));
  return await answer;
}

/**
 * Throws `not_allowed` for a model that says it can't do something; one that says nothing passes. Throws
 * `model_not_found` for one that is absent, and what the server fails with.
 */
export async function checkCapability(
  context: Pick<Context, 'client'>,
  model: string,
  capability: Capability,
  signal?: AbortSignal,
): Promise<void> {
  const capabilities = await readCapabilities(context, model, signal);
  if (capabilities === undefined || capabilities.includes(capability)) return;
  const { client } = context;
  const able = await findAble(context, capability, signal);
  const can = able.slice(0, 3).map(cleanLine).join(', ');
  throw new OllamaError('not_allowed', `${cleanLine(model)} can't ${WORDS[capability]}. Nothing was sent.`, {
    model,
    host: client.host.url,
    hint:
      can === ''
        ? `Get one that can: ollama-cli pull ${EXAMPLES[capability]}`
        : `Of the installed models, these can: ${can}.`,
  });
}

const MOST_ASKED = 16;

/** The newest of the installed models that have a capability; none where the server does not tell. Never rejects. */
async function findAble(
  context: Pick<Context, 'client'>,
  capability: Capability,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const installed = await context.client.list({ signal }).catch(() => []);
  const pool = createPool(4);
  const found = await Promise.all(
    installed.slice(0, MOST_ASKED).map(({ name, capabilities }) =>
      pool(async () => {
        const told = capabilities ?? (await readCapabilities(context, name, signal).catch(() => undefined));
        return told?.includes(capability) === true ? [name] : [];
      }),
    ),
  );
  return found.flat();
}
