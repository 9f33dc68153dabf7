import { checkAllowed, checkProjectHost } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError, type ErrorCode } from '../core/errors.js';
import { checkModelName } from '../core/model-name.js';
import { followAnswerer } from '../chat/answering.js';
import type { TurnEvent } from '../tools/turn.js';
import { createPool } from '../core/pool.js';
import { relay } from '../core/time-limit.js';
import { sumOf, toFailure } from '../failure.js';
import { writeJsonLine } from '../output/json.js';
import { openAsker, type Asked } from './batch-ask.js';
import { openBatchFile, type BatchFile, type BatchItem } from './batch-items.js';
import { openBatchOutput, type BatchLine } from './batch-output.js';
import { openBatchProgress } from './batch-progress.js';
import { readCount, type ChatFlags } from '../opening/chat-flags.js';
import { compileCheck } from './check-schema.js';
import { openMend, withMending } from '../opening/mend.js';
import type { Opening } from '../opening/opening.js';
import type { EventStream } from './outlet.js';
import { readFormat } from './read-format.js';

/** So many answers may wait for one that comes before them, for each that is asked for at once. */
const LOOK_AHEAD = 4;

const MOST_JOBS = 64;

/**
 * Answers each prompt of a file, some at once, and writes the answers in the order of the prompts: to stdout, or into
 * `--output`, where an earlier run's answers are kept and those that failed are asked for again. Every line is looked at
 * before anything is asked. Resolves with the exit code; throws what ended it early.
 */
export async function answerBatch(
  opening: Opening,
  file: string,
  flags: ChatFlags,
  stream: EventStream,
): Promise<number> {
  const { context, answering } = opening;
  const { io, client, mode } = context;
  const jobs = flags.jobs === undefined ? 1 : readCount(flags.jobs, '--jobs', MOST_JOBS);
  if (opening.words.length > 0)
    throw new OllamaError(
      'usage',
      '--batch takes its prompts from its file: there is one more on the command line.',
    );
  const format = flags.format === undefined ? undefined : await readFormat(io, flags.format);
  const model = opening.model ?? '';
  const batch = await openBatchFile(io, file);
  const count = await checkItems(context, batch, model);
  const going = relay(io.signal);
  const asker = openAsker(opening, model, format, flags, going.signal);
  const output = flags.output === undefined ? undefined : await openBatchOutput(io, flags.output);
  try {
    await stream.begin({ model, count });
    if (answering === undefined || answering.first.type === 'ollama') checkModelName(model);
    checkAllowed(context, model);
    await checkProjectHost(context, flags.yes === true);
    // Where others stand behind, the first prompt finds out who answers it.
    if (count > 0 && answering === undefined) {
      const mend = openMend(context, model, flags);
      await withMending(mend, async () => await client.show(model, { signal: io.signal }));
    }
    const progress = openBatchProgress(context, count);
    const told = { answered: 0, skipped: 0, failed: new Map<ErrorCode, OllamaError>(), failures: 0, why: '' };
    const following = answering === undefined ? undefined : followAnswerer(answering);
    const tellSteps = async ({ index, model: named }: BatchItem, { steps, error }: Told): Promise<void> => {
      if (following === undefined) return;
      following.begin(named ?? model);
      const end: TurnEvent = error === undefined ? { type: 'token', text: '' } : { type: 'error', error };
      const note = following.take([...steps, end]);
      if (mode === 'json') for (const step of steps) await stream.write({ ...step, index });
      else if (note !== undefined) progress.note(note);
    };
    const tell = async (item: BatchItem, asked: Told): Promise<void> => {
      const { line, error } = asked;
      await tellSteps(item, asked);
      if (error) {
        if (told.failures === 0) told.why = `the first on line ${item.line}: ${toFailure(error).message}`;
        told.failures++;
        if (!told.failed.has(error.code)) told.failed.set(error.code, error);
      } else told.answered++;
      await output?.append(line);
      if (mode === 'json') await stream.write({ type: 'answer', ...line });
      else if (output === undefined) await writeJsonLine(io, line);
      progress.step(error === undefined ? 'answered' : 'failed');
    };
    try {
      await inOrder(batch.items(), jobs, {
        skips: (item) => {
          const known = output?.has(item.index, asker.keyOf(item)) === true;
          if (known) {
            told.skipped++;
            progress.step('before');
          }
          return known;
        },
        ask: asker.ask,
        tell,
        stop: () => going.abort('interrupted'),
      });
    } finally {
      progress.end();
      going.release();
    }
    await output?.finish(count);
    const done = told.answered + told.skipped;
    const { failures: failed, skipped } = told;
    const summary = { message: `${failed} of ${count} prompts failed, ${told.why}`, host: client.host.url };
    const error = sumOf([...told.failed.values()], done, summary);
    if (error) throw error;
    if (mode === 'json') await stream.write({ type: 'result', count, failed, skipped });
    return 0;
  } catch (error) {
    await output?.close().catch(() => undefined);
    throw error;
  }
}

/** Looks at every line, and counts them. Throws `usage` for one that can't be asked, `not_allowed` for its model. */
async function checkItems(context: Context, batch: BatchFile, model: string): Promise<number> {
  let count = 0;
  for await (const item of batch.items()) {
    if (item.model !== undefined && item.model !== model) checkAllowed(context, item.model);
    if (item.format !== undefined) compileCheck(item.format);
    await batch.checkImages(item);
    count++;
  }
  return count;
}

/** What a prompt came to, where it did not end the batch. */
type Told = Extract<Asked, { readonly line: BatchLine }>;

/** Asks for some at once and tells them in their order; at most a few answers are held. Throws what ends the batch. */
async function inOrder(
  items: AsyncIterable<BatchItem>,
  jobs: number,
  how: {
    readonly skips: (item: BatchItem) => boolean;
    readonly ask: (item: BatchItem) => Promise<Asked>;
    readonly tell: (item: BatchItem, asked: Told) => Promise<void>;
    /** What is still being asked for is not wanted any more. */
    readonly stop: () => void;
  },
): Promise<void> {
  const pool = createPool(jobs);
  const waiting: Promise<void>[] = [];
  let told = Promise.resolve();
  let isOver = false;
  for await (const item of items) {
    if (isOver) break;
    if (how.skips(item)) continue;
    if (waiting.length >= jobs * LOOK_AHEAD) await waiting.shift();
    const asked = pool(async () => (isOver ? undefined : await how.ask(item)));
    const after = told;
    told = (async () => {
      await after;
      const answer = await asked;
      if (answer === undefined) return;
      try {
        if (answer.line === undefined) throw answer.error;
        await how.tell(item, answer);
      } catch (error) {
        isOver = true;
        how.stop();
        throw error;
      }
    })();
    // It is heard of where it is awaited, in its turn.
    told.catch(() => undefined);
    waiting.push(told);
  }
  await told;
}
