import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { interruption } from '../core/time-limit.js';
import type { EmbedRequest } from '../core/wire.js';
import { withMending, type Mend } from '../opening/mend.js';

/** How many texts a request carries at most, and how many characters: what is held at once is bounded by both. */
const MOST_TEXTS = 32;
const MOST_CHARACTERS = 200_000;
/** Lines of a pipe that come slowly are not held back for longer than this, in milliseconds. */
const PATIENCE_MS = 200;

type Texts = Iterable<string> | AsyncIterable<string>;

/**
 * Embeds texts in their order, several a request, and tells each vector with the text's index; an empty text has an empty
 * one. Resolves with how many there were. Throws what a request failed with: what was told before stays.
 */
export async function embedTexts(
  context: Context,
  request: Omit<EmbedRequest, 'input'>,
  texts: Texts,
  {
    mend,
    tell,
  }: { readonly mend: Mend; readonly tell: (index: number, vector: readonly number[]) => Promise<void> },
): Promise<number> {
  const { io, client, settings } = context;
  const { model } = request;
  let count = 0;
  let isUsed = false;
  for await (const batch of gather(texts)) {
    const first = count;
    // Some servers answer an empty text with no vector at all, and all that follow would be out of step.
    const input = batch.filter((text) => text !== '');
    const vectors = input.length === 0 ? [] : await ask(input, first);
    if (input.length > 0) isUsed = true;
    let next = 0;
    for (const text of batch) await tell(count++, text === '' ? [] : (vectors[next++] ?? []));
    if (io.signal.aborted) throw interruption(io.signal.reason, client.host);
  }
  if (isUsed) {
    const { recordUse } = await import('../models/usage.js');
    await recordUse(io, settings, { host: client.host.url, model, at: io.now() });
  }
  return count;

  async function ask(input: readonly string[], first: number): Promise<readonly (readonly number[])[]> {
    try {
      const { embeddings } = await withMending(
        mend,
        async () => await client.embed({ ...request, input }, { signal: io.signal }),
      );
      if (embeddings.length === input.length) return embeddings;
      throw new OllamaError(
        'protocol',
        `${client.host.display} sent ${embeddings.length} vectors for ${input.length} texts.`,
        { host: client.host.url, model },
      );
    } catch (error) {
      if (!isOllamaError(error) || error.code !== 'context_overflow') throw error;
      const which =
        input.length === 1 ? `text ${first + 1}` : `one of the texts ${first + 1} to ${first + input.length}`;
      throw new OllamaError('context_overflow', `${which}: ${error.message}`, {
        host: client.host.url,
        model,
        hint: 'Cut it by --truncate, or split it',
        cause: error,
      });
    }
  }
}

/** The texts in batches; one that is not full is passed on where nothing comes for a while. */
async function* gather(texts: Texts): AsyncGenerator<readonly string[], void, undefined> {
  if (Symbol.iterator in texts) return yield* gatherAll(texts);
  const iterator = texts[Symbol.asyncIterator]();
  const read = (): Promise<IteratorResult<string>> => {
    const next = iterator.next();
    // It is heard of where it is awaited, unless nobody wants it any more.
    next.catch(() => undefined);
    return next;
  };
  let batch: string[] = [];
  let size = 0;
  try {
    for (let next = read(); ;) {
      const step = batch.length === 0 ? await next : await within(next);
      if (step !== undefined && step.done !== true) {
        batch.push(step.value);
        size += step.value.length;
        next = read();
      }
      const isOver = step?.done === true;
      if (
        batch.length > 0 &&
        (step === undefined || isOver || batch.length >= MOST_TEXTS || size >= MOST_CHARACTERS)
      ) {
        yield batch;
        batch = [];
        size = 0;
      }
      if (isOver) return;
    }
  } finally {
    // Not awaited: it would wait for a pipe that stays open.
    iterator.return?.().catch(() => undefined);
  }
}

function* gatherAll(texts: Iterable<string>): Generator<readonly string[], void, undefined> {
  const all = [...texts];
  for (let at = 0; at < all.length; at += MOST_TEXTS) yield all.slice(at, at + MOST_TEXTS);
}

/** What a promise resolves with, or undefined where that takes too long. */
async function within<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
