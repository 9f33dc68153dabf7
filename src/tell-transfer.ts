import type { Context } from './context.js';
import type { OllamaError } from './core/errors.js';
import { reducePull, startPull, type PullState } from './core/pull.js';
import type { OllamaPullEvent } from './core/pull-events.js';
import { pullTotals } from './core/pull-totals.js';
import { failureJson, toFailure, toOllamaError } from './failure.js';
import { openEventWriter, readFields } from './output/fields.js';
import { SCHEMA_VERSION } from './output/json.js';
import { createPullJson, pullResult } from './output/pull-json.js';
import { EVENT_FIELDS } from './pulls/tell-json.js';
import { showTransfer } from './show-pull.js';

/** One push or create. */
export interface Transfer {
  readonly verb: 'Pushing' | 'Creating';
  readonly model: string;
  /** All that stands before the first byte; what it throws is told as the transfer's own failure. */
  prepare(): Promise<AsyncIterable<OllamaPullEvent>>;
  /** More of the last line of the JSON, where it succeeded. */
  readonly result?: object;
}

/**
 * Runs a push or a create and tells it as the flags ask, in JSON with the events of a pull. Throws what it failed with,
 * after it was told there.
 */
export async function tellTransfer(context: Context, transfer: Transfer): Promise<void> {
  const { verb, model } = transfer;
  const write = openEventWriter(context.io, readFields(context.flags), [
    ...EVENT_FIELDS,
    ...Object.keys(transfer.result ?? {}),
  ]);
  if (context.mode === 'json') return await tellJson(context, transfer, write);
  const events = await transfer.prepare();
  const { error } = await showTransfer(context, { verb, model }, events);
  if (error) throw error;
}

async function tellJson(
  { io, client, flags }: Context,
  { model, prepare, result }: Transfer,
  write: (event: object) => Promise<void>,
): Promise<void> {
  await write({ type: 'start', schema_version: SCHEMA_VERSION, host: client.host.url, models: [model] });
  const { state, error } = await run(model, prepare, io, write);
  if (error === undefined) {
    const { downloaded, reused } = pullTotals(state, io.now());
    await write(pullResult(model, { downloaded, reused, ms: io.now() - state.startedAt }));
    return await write({ type: 'result', succeeded: [model], failed: [], ...result });
  }
  const told = failureJson(toFailure(error, { hostFlag: flags.host }));
  await write({ type: 'model_error', model, error: told });
  await write({ type: 'error', error: told, succeeded: [], failed: [{ model, error: told }] });
  throw error;
}

async function run(
  model: string,
  prepare: Transfer['prepare'],
  io: Context['io'],
  write: (event: object) => Promise<void>,
): Promise<{ state: PullState; error: OllamaError | undefined }> {
  const toJson = createPullJson(model, () => io.now());
  let state = startPull(model, io.now());
  try {
    for await (const event of await prepare()) {
      state = reducePull(state, event, io.now());
      for (const line of toJson(state, event)) await write(line);
    }
    return { state, error: state.error };
  } catch (error) {
    return { state, error: toOllamaError(error) };
  }
}
