import { OllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';
import { sumOf } from '../failure.js';
import { registryFailure, type Freshness } from '../models/outdated.js';
import { notInstalled } from '../models/words.js';
import type { GatewayDeps } from './deps.js';
import { errorBody, toHttpError } from './errors.js';
import type { Job, JobProgress, Work } from './jobs.js';

/** What became of one model; `state` of one that was not pulled is that of its comparison with the registry. */
interface Outcome {
  readonly model: string;
  readonly status: 'updated' | 'failed' | Freshness['state'];
  readonly reason?: string;
  readonly error?: OllamaError;
}

const NOTHING: JobProgress = {
  status: 'comparing with the registry',
  total: 0,
  total_known: false,
  completed: 0,
};

/**
 * The work of bringing the outdated ones of some models (all, where none is named) up to date, one after the other by
 * the pulls of `share`, which others may wait for too. Throws `model_not_found` for one that is not installed.
 */
export function createUpdateWork(
  { client, outdated, checkAllowed }: GatewayDeps,
  models: readonly string[],
  share: (model: string) => Job,
): Work {
  const done: Job[] = [];
  const host = client.host.url;

  const pull = async (
    model: string,
    tell: Parameters<Work['run']>[0],
    signal: AbortSignal,
  ): Promise<Outcome> => {
    let leave: () => void = () => undefined;
    try {
      checkAllowed(model);
      const job = share(model);
      done.push(job);
      leave = job.join();
      for await (const events of job.follow(signal)) for (const event of events) tell(event);
      if (signal.aborted) throw signal.reason;
      if (job.error) throw job.error;
      return { model, status: 'updated' };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return failed(model, error);
    } finally {
      leave();
    }
  };

  return {
    kind: 'update',
    models,
    async run(tell, signal) {
      const checked = choose(await outdated(signal), models, host);
      const unreached = registryFailure(checked);
      if (unreached) throw unreached;
      const stale = checked.filter(({ state }) => state === 'outdated');
      tell({ type: 'plan', outdated: stale.map(({ name }) => name), compared: checked.length });
      const outcomes: Outcome[] = [];
      for (const { name, state, reason } of checked) {
        const outcome: Outcome =
          state === 'outdated'
            ? await pull(name, tell, signal)
            : { model: name, status: state, ...(reason === undefined ? {} : { reason }) };
        outcomes.push(outcome);
        if (state === 'outdated') tell({ type: 'model_result', ...describe(outcome) });
      }
      const errors = outcomes.flatMap(({ error }) => error ?? []);
      const updated = stale.length - errors.length;
      const error = sumOf(errors, updated, { message: describeFailures(outcomes, stale.length), host });
      if (error) throw error;
      return {
        success: true,
        message: updated === 0 ? 'No model is outdated' : `${updated} of ${checked.length} models updated`,
        models: outcomes.map(describe),
        status_log: logOf(done),
      };
    },
    recap: () => done.at(-1)?.work.recap() ?? [],
    progress: () => done.at(-1)?.work.progress() ?? NOTHING,
    log: () => logOf(done),
  };
}

/** Those that the names mean, in the list's order. */
function choose(all: readonly Freshness[], models: readonly string[], host: string): readonly Freshness[] {
  const missing = models.find((model) => !all.some(({ name }) => sameModel(name, model)));
  if (missing !== undefined) throw notInstalled(missing, host);
  return models.length === 0 ? all : all.filter(({ name }) => models.some((model) => sameModel(name, model)));
}

function failed(model: string, thrown: unknown): Outcome {
  const { code, message, hint } = toHttpError(thrown);
  return { model, status: 'failed', error: new OllamaError(code, message, { model, hint, cause: thrown }) };
}

function describe({ model, status, reason, error }: Outcome): object {
  return {
    ...{ model, status },
    ...(reason === undefined ? {} : { reason }),
    ...(error === undefined ? {} : errorBody(toHttpError(error))),
  };
}

function describeFailures(outcomes: readonly Outcome[], asked: number): string {
  const lines = outcomes.flatMap(({ model, error }) => (error ? [`${model}: ${error.message}`] : []));
  return [`${lines.length} of ${asked} outdated models could not be pulled:`, ...lines].join('\n');
}

function logOf(jobs: readonly Job[]): readonly { readonly model: string; readonly status: string }[] {
  return jobs.flatMap(({ work }) => work.log().map((line) => ({ model: work.models.join(', '), ...line })));
}
