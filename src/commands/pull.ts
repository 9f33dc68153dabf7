import { throughHost } from '../advice.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { checkModelName } from '../core/model-name.js';
import type { PullState } from '../core/pull.js';
import { pullTotals } from '../core/pull-totals.js';
import { combinedExit, failureJson, toFailure, toOllamaError } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import type { Outcome, Register } from '../command.js';
import { checkAllowed, checkProjectHost } from '../consent.js';
import { openEventWriter, readFields } from '../output/fields.js';
import { SCHEMA_VERSION } from '../output/json.js';
import { createPullJson } from '../output/pull-json.js';
import { runPull } from '../output/run-pull.js';
import { showPull } from '../show-pull.js';
import { tellFailure } from '../tell-failure.js';

interface PullFlags {
  readonly insecure?: boolean;
  readonly keepGoing?: boolean;
  readonly yes?: boolean;
}

/** Declares `pull`. */
export const register: Register = (program, action) => {
  program
    .command('pull')
    .helpGroup('Models:')
    .summary('download models')
    .description(
      'Downloads models, one after another. What has come stays on the server: the same command goes on.',
    )
    .argument('<model...>', 'names such as llama3.2:1b or hf.co/user/repository:Q4_K_M')
    .option('--insecure', 'have the server fetch over plain HTTP')
    .option('--keep-going', 'go on with the others when one fails')
    .option('-y, --yes', 'do not ask')
    .action(
      action(pull, {
        refused: (models) => ({ start: { models }, error: { succeeded: [], failed: [] } }),
      }),
    );
};

/** What the events of a pull are told with, for `--fields`. */
const EVENT_FIELDS = [
  ...['host', 'models', 'model', 'status', 'digest', 'total', 'completed', 'layer_done', 'overall'],
  ...['silent_ms', 'attempt', 'reason', 'delay_ms', 'bytes_downloaded', 'bytes_reused', 'duration_ms'],
  ...['succeeded', 'failed', 'skipped'],
];

interface Failed {
  readonly model: string;
  readonly error: OllamaError;
}

async function pull(context: Context, names: readonly string[], flags: PullFlags): Promise<Outcome> {
  const models = [...new Set(names)];
  const tell = createTeller(context);
  await tell.start(models);
  const succeeded: string[] = [];
  const failed: Failed[] = [];
  try {
    for (const model of models) checkModelName(model);
    for (const model of models) checkAllowed(context, model);
    await checkProjectHost(context, flags.yes === true);
    for (const [index, model] of models.entries()) {
      const state = await tell.run(model, { position: index + 1, count: models.length }, flags.insecure);
      if (state.error === undefined) succeeded.push(model);
      else {
        failed.push({ model, error: state.error });
        await tell.failed(state, models.length > 1);
        if (state.error.code === 'interrupted' || flags.keepGoing !== true) break;
      }
    }
  } catch (error) {
    // Not a pull that failed, but what stands before all of them: the last line is `error` all the same.
    await tell.end(succeeded, failed, models, toOllamaError(error));
    throw error;
  }
  return await tell.end(succeeded, failed, models);
}

/** How the pulls of one command are told. */
interface Teller {
  start(models: readonly string[]): Promise<void>;
  run(
    model: string,
    queue: { position: number; count: number },
    insecure: boolean | undefined,
  ): Promise<PullState>;
  failed(state: PullState, several: boolean): Promise<void>;
  end(
    succeeded: readonly string[],
    failed: readonly Failed[],
    models: readonly string[],
    before?: OllamaError,
  ): Promise<number>;
}

function createTeller(context: Context): Teller {
  // An unknown field is a mistake in any mode.
  const write = openEventWriter(context.io, readFields(context.flags), EVENT_FIELDS);
  return context.mode === 'json' ? jsonTeller(context, write) : displayTeller(context);
}

/** One error for all that failed: the only one, or `partial`. */
function sumUp(
  succeeded: readonly string[],
  failed: readonly Failed[],
  models: readonly string[],
  host: string,
): OllamaError | undefined {
  const [first] = failed;
  if (!first) return undefined;
  const exit = combinedExit(
    failed.map(({ error }) => error.code),
    succeeded.length,
  );
  if (models.length === 1 || first.error.code === 'interrupted') return first.error;
  const names = failed.map(({ model }) => model).join(', ');
  const skipped = models.length - succeeded.length - failed.length;
  const rest = skipped === 0 ? '' : ` ${skipped} not tried: --keep-going goes on.`;
  const message = `${failed.length} of ${models.length} models could not be pulled: ${names}.${rest}`;
  return new OllamaError(exit === toFailure(first.error).exit ? first.error.code : 'partial', message, {
    host,
    cause: first.error,
  });
}

function jsonTeller({ io, client }: Context, write: (event: object) => Promise<void>): Teller {
  return {
    start: async (models) =>
      await write({ type: 'start', schema_version: SCHEMA_VERSION, host: client.host.url, models }),
    run: async (model, _queue, insecure) => {
      const toJson = createPullJson(model, () => io.now());
      return await runPull(
        client,
        model,
        { signal: io.signal, insecure, now: () => io.now() },
        async (state, event) => {
          for (const line of toJson(state, event)) await write(line);
        },
      );
    },
    failed: async ({ model, error }) =>
      await write({ type: 'model_error', model, error: failureJson(toFailure(error)) }),
    end: async (succeeded, failed, models, before) => {
      const skipped = models.filter(
        (model) => !succeeded.includes(model) && !failed.some((one) => one.model === model),
      );
      const told = failed.map(({ model, error }) => ({ model, error: failureJson(toFailure(error)) }));
      const sum = before ?? sumUp(succeeded, failed, models, client.host.url);
      const lists = { succeeded, failed: told, ...(skipped.length === 0 ? {} : { skipped }) };
      if (!sum) {
        await write({ type: 'result', ...lists });
        return 0;
      }
      await write({ type: 'error', error: failureJson(toFailure(sum)), ...lists });
      if (before) return 0;
      throw sum;
    },
  };
}

function displayTeller(context: Context): Teller {
  const { io, client, settings } = context;
  const quiet = context.flags.quiet === true;
  return {
    start: async () => undefined,
    run: async (model, queue, insecure) => await showPull(context, model, { quiet, insecure, queue }),
    failed: async (state, several) => {
      const { error } = state;
      if (!error) return;
      if (error.code === 'interrupted') return quiet ? undefined : tellKept(context, state);
      if (!several) return;
      await tellFailure(io, toFailure(error, { hostFlag: context.flags.host }), false, settings);
    },
    end: async (succeeded, failed, models, before) => {
      if (before) return 0;
      const sum = sumUp(succeeded, failed, models, client.host.url);
      if (sum) throw sum;
      return 0;
    },
  };
}

/** After Ctrl-C: how much is kept, and the command that goes on. */
function tellKept({ io, flags }: Context, state: PullState): void {
  const { completed } = pullTotals(state, io.now());
  const kept =
    completed === 0
      ? 'Stopped before anything had come.'
      : `Stopped; ${formatBytes(completed)} of ${state.model} are kept on the server.`;
  io.stderr.write(`${kept}\nGo on with: ${throughHost(`ollama-cli pull ${state.model}`, flags.host)}\n`);
}
