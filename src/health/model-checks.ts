import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import type { HealthCheck } from '../core/health.js';
import { isOutOfMemory } from '../core/http-errors.js';
import { sameModel } from '../core/model-name.js';
import type { InstalledModel, RunningModel } from '../core/wire.js';
import { toFailure } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { shellWord, throughHost } from '../next-step.js';
import { isBuffered, isNoTalker, probeModel, processorSpeed, type Probe } from './probe.js';

/** What was found out about one model. */
export interface ModelSight {
  readonly available?: boolean;
  readonly loaded?: boolean;
  readonly probe?: Probe;
  readonly checks: readonly HealthCheck[];
}

/** What the server told before. */
export interface Told {
  readonly models: readonly InstalledModel[];
  readonly running: readonly RunningModel[];
}

/** Looks at one model: whether it is installed and loaded. Only the server's own 404 says that it is absent. Throws all else. */
export async function lookAtModel(context: Context, model: string, { running }: Told): Promise<ModelSight> {
  const { io, client, flags } = context;
  try {
    await client.show(model, { signal: io.signal });
  } catch (error) {
    if (!isOllamaError(error) || error.code !== 'model_not_found') throw error;
    const hint = throughHost(`ollama-cli pull ${shellWord(model)}`, flags.host);
    return {
      available: false,
      loaded: false,
      checks: [{ name: 'model', status: 'fail', detail: `${model} is not installed`, hint }],
    };
  }
  const loaded = running.find(({ name }) => sameModel(name, model));
  const state = loaded === undefined ? 'not loaded' : `loaded${claim(loaded)}`;
  return {
    available: true,
    loaded: loaded !== undefined,
    checks: [{ name: 'model', status: 'pass', detail: `${model} is installed, and ${state}` }],
  };
}

/** The split is what the server expects when it loads, not a measurement. */
function claim({ size, size_vram: vram }: RunningModel): string {
  if (size <= 0) return '';
  return `: the server claims ${Math.round((vram / size) * 100)}% GPU`;
}

/** The models to measure where none is named, the best first: those that are loaded, then the smallest that are here. */
export function listProbed({ models, running }: Told): string[] {
  const local = models.filter(({ remote_host: remote }) => remote === undefined);
  const smallest = local.toSorted((a, b) => a.size - b.size).map(({ name }) => name);
  const makesText = (name: string): boolean =>
    models.find((model) => sameModel(model.name, name))?.capabilities?.includes('completion') ?? true;
  return [...new Set([...running.map(({ name }) => name), ...smallest])].filter(makesText);
}

/** Has the first of these answer that makes text at all: what a model can do is told by few servers' lists. */
export async function probeFirst(
  context: Context,
  names: readonly string[],
  told: Told,
): Promise<ModelSight | undefined> {
  let sight: ModelSight | undefined;
  for (const name of names) {
    sight = await probe(context, name, told);
    if (sight.checks.some(({ status }) => status !== 'skip')) return sight;
  }
  return sight;
}

/** Has the model answer a little, and judges: whether it loads, how fast it is, and how its answer travels. */
async function probe(context: Context, model: string, told: Told): Promise<ModelSight> {
  const { io, client } = context;
  try {
    const measured = await probeModel(context, model, io.signal);
    const running = await client.running({ signal: io.signal }).catch(() => told.running);
    return { loaded: true, probe: measured, checks: judge(context, measured, { ...told, running }) };
  } catch (error) {
    if (!isOllamaError(error) || error.code === 'interrupted') throw error;
    if (isNoTalker(error)) {
      const detail = `${model} makes no text: there is nothing to measure`;
      return { checks: [{ name: 'probe', status: 'skip', detail }] };
    }
    return { checks: [await failedProbe(context, model, error)] };
  }
}

async function failedProbe(context: Context, model: string, error: OllamaError): Promise<HealthCheck> {
  const { flags, settings } = context;
  const about =
    error.model === undefined ? new OllamaError(error.code, error.message, { ...error, model }) : error;
  const window = settings.options['num_ctx'];
  const { findSmaller } = await import('../models/smaller.js');
  const failure = toFailure(about, {
    hostFlag: flags.host,
    window: typeof window === 'number' ? window : undefined,
    smaller: isOutOfMemory(about) ? await findSmaller(context, model) : [],
  });
  const steps = failure.steps.map(({ label, command }) =>
    label === 'next' ? command : `${label}: ${command}`,
  );
  // Out of memory has three remedies, and which one helps only the person knows.
  const hint = isOutOfMemory(about) ? steps.join('; ') : steps[0];
  return {
    name: 'probe',
    status: 'fail',
    detail: `${model} does not answer: ${failure.message}`,
    ...(hint === undefined || hint === '' ? {} : { hint }),
    ...(about.reason === undefined ? {} : { reason: about.reason }),
  };
}

function judge(context: Context, measured: Probe, told: Told): HealthCheck[] {
  const { model, tokensPerSecond, firstTokenMs, tokens } = measured;
  const speed = `${tokensPerSecond} tokens a second`;
  const probed: HealthCheck = {
    name: 'probe',
    status: 'pass',
    detail: `${model} answers: ${tokens} tokens at ${speed}, the first after ${firstTokenMs} ms`,
  };
  return [probed, ...judgeStream(context, measured), ...judgeSpeed(context, measured, told)];
}

function judgeStream({ client }: Context, measured: Probe): HealthCheck[] {
  const { chunks, firstTokenMs, spanMs } = measured;
  if (!isBuffered(measured)) return [];
  return [
    {
      name: 'stream',
      status: 'warn',
      detail: `all ${chunks} pieces of the answer came at once, within ${spanMs} ms after ${firstTokenMs} ms: a proxy before ${client.host.display} buffers streams`,
      hint: 'switch its buffering off: nginx "proxy_buffering off;", Caddy "flush_interval -1", HAProxy without "http-buffer-request"',
    },
  ];
}

function judgeSpeed(
  { io, client, flags }: Context,
  measured: Probe,
  { models, running }: Told,
): HealthCheck[] {
  const { model, tokensPerSecond, tokens } = measured;
  const loaded = running.find(({ name }) => sameModel(name, model));
  if (loaded === undefined || loaded.size <= 0 || loaded.size_vram <= 0 || tokens < 4) return [];
  const percent = Math.round((loaded.size_vram / loaded.size) * 100);
  // A model that is split between both is slow by rights, and told by its split already.
  if (percent < 95) return [];
  const weights = models.find(({ name }) => sameModel(name, model))?.size ?? loaded.size;
  const least = processorSpeed(weights);
  if (tokensPerSecond >= least) return [];
  const log = io.platform === 'win32' ? 'server.log' : 'its log';
  return [
    {
      name: 'gpu',
      status: 'warn',
      detail: `the server claims ${percent}% GPU for ${model}, but it answers with ${tokensPerSecond} tokens a second, as on a processor: ${formatBytes(weights)} of weights on a GPU make ${Math.floor(least)} and more`,
      hint: `look in ${log} on ${client.host.hostname} for "inference compute" and "offloaded"; ${throughHost(`ollama-cli stop ${shellWord(model)}`, flags.host)} and a new start look for the GPU again`,
    },
  ];
}
