import type { Context } from '../context.js';
import { boardTotals } from '../core/pull-board.js';
import { failureJson, toFailure } from '../failure.js';
import { SCHEMA_VERSION } from '../output/json.js';
import { createPullJson, pullResult } from '../output/pull-json.js';
import type { PullsOutcome } from './outcome.js';
import type { Teller } from './teller.js';

/**
 * What the events of pulls are told with, for `--fields`: for the commands that stream them too.
 */
export const EVENT_FIELDS = [
  ...['host', 'models', 'model', 'status', 'digest', 'total', 'completed', 'layer_done', 'overall'],
  ...['layers', 'bytes_to_fetch', 'bytes_present', 'silent_ms', 'attempt', 'reason', 'delay_ms', 'kind'],
  ...['as', 'bytes_downloaded', 'bytes_reused', 'duration_ms', 'succeeded', 'failed', 'skipped'],
];

/** Tells pulls as JSON events; without `frame` the first and the last line are the caller's. */
export function openJsonTeller(
  { io, client, flags }: Context,
  write: (event: object) => Promise<void>,
  { frame, insecure }: { readonly frame: boolean; readonly insecure: boolean },
): Teller {
  const tellers = new Map<string, ReturnType<typeof createPullJson>>();
  const tellerOf = (model: string): ReturnType<typeof createPullJson> => {
    const teller = tellers.get(model) ?? createPullJson(model, () => io.now());
    tellers.set(model, teller);
    return teller;
  };
  const failed = (error: PullsOutcome['error'] & object): object =>
    failureJson(toFailure(error, { hostFlag: flags.host, insecure }));
  let told = false;
  return {
    start: async (models) => {
      if (frame)
        await write({ type: 'start', schema_version: SCHEMA_VERSION, host: client.host.url, models });
    },
    waiting: async (models, at) => {
      if (told) return;
      told = true;
      const status = `waiting until ${at.toISOString()}`;
      for (const model of models) await write({ type: 'status', model, status });
    },
    waited: async () => undefined,
    begin: async () => undefined,
    event: async (board, state, event) => {
      const overall = boardTotals(board, io.now());
      for (const line of tellerOf(state.model)(state, event, overall)) await write(line);
    },
    ended: async (board, { model, alsoAs, state, error, ...end }) => {
      const names = [model, ...alsoAs];
      if (error) {
        for (const name of names) await write({ type: 'model_error', model: name, error: failed(error) });
        return;
      }
      const overall = boardTotals(board, io.now());
      for (const line of tellerOf(model)(state, { type: 'Success' }, overall)) await write(line);
      const all = end.downloaded + end.reused;
      for (const name of names) {
        // Under its second name nothing came any more.
        const bytes = name === model ? end : { downloaded: 0, reused: all };
        await write(pullResult(name, { ...end, ...bytes }));
      }
    },
    warn: async (status, model) => await write({ type: 'status', model, status }),
    pause: async () => undefined,
    end: async ({ succeeded, failed: failures, skipped, error }) => {
      if (!frame) return;
      const lists = {
        succeeded,
        failed: failures.map((one) => ({ model: one.model, error: failed(one.error) })),
        ...(skipped.length === 0 ? {} : { skipped }),
      };
      await write(error ? { type: 'error', error: failed(error), ...lists } : { type: 'result', ...lists });
    },
    close: async () => undefined,
  };
}
