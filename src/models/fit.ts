import type { Context } from '../context.js';
import { checkModelName, displayName } from '../core/model-name.js';
import type { Registry, RegistryManifest } from '../core/registry.js';
import { findRegistry } from '../registry.js';
import { readInstalledFacts, readRegistryFacts, type ModelFacts } from './facts.js';
import { estimateFit, type KvType } from './fit-estimate.js';
import { defaultContext, judgeFit, type FitMemory, type FitVerdict } from './fit-verdict.js';
import { seeMemory, unify, type MemoryOptions, type SeenMemory } from './memory.js';

/** How a model is to be looked at. Sizes are bytes. */
export interface FitOptions extends MemoryOptions {
  /** In tokens; by default what the model would be loaded with. */
  readonly context?: number | undefined;
  /** Default `f16`, as Ollama's. */
  readonly kvType?: KvType | undefined;
  /** Instead of what is seen. */
  readonly ram?: number | undefined;
  readonly vram?: number | undefined;
  /** What the registry offers, where that is the question and not what is installed. */
  readonly manifest?: RegistryManifest | undefined;
  readonly registry?: Registry | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The `fit` document without its version: whether a model can be loaded, and from what that follows. Sizes are bytes. */
export interface FitReport {
  readonly model: string;
  /** In tokens. */
  readonly context: number;
  readonly kv_type: KvType;
  readonly weights_bytes: number;
  readonly kv_bytes: number;
  readonly overhead_bytes: number;
  readonly total_bytes: number;
  /** Free memory of the server's machine; what is not known is absent. */
  readonly available: { readonly ram?: number; readonly vram?: number };
  readonly verdict: FitVerdict;
  readonly estimate: true;
  /** Whether the model's own metadata was read, or only what its config says: then the cache is a guess. */
  readonly basis: 'metadata' | 'config';
  readonly installed: boolean;
  /** The longest context that the model was made for, in tokens. */
  readonly context_limit?: number;
  readonly parameters?: number;
  readonly quantization?: string;
  /** Where the figures of the memory are from. */
  readonly memory_source?: string;
  /** True where GPU and processor share the memory. */
  readonly unified?: true;
  readonly reason?: string;
}

/**
 * Estimates whether a model fits the memory of the server's machine: an installed one by what the server tells of it,
 * any other by what the registry does, without a download. Throws `invalid_name`, and what both fail with.
 */
export async function fitModel(
  context: Context,
  model: string,
  options: FitOptions = {},
): Promise<FitReport> {
  const name = checkModelName(model);
  const signal = options.signal ?? context.io.signal;
  const [{ facts, installed }, memory] = await Promise.all([
    readFacts(context, model, { ...options, signal }),
    readMemory(context, { ...options, signal }),
  ]);
  const kvType = options.kvType ?? 'f16';
  const length = chooseContext(context, facts, memory, options.context);
  const estimate = estimateFit(facts, { context: length, kvType });
  const { ram, vram, unified, source } = memory;
  const why = facts.cloud ? 'it runs in the cloud and takes no memory here' : memory.why;
  return {
    model: displayName(name),
    context: length,
    kv_type: kvType,
    ...estimate,
    available: { ...(ram === undefined ? {} : { ram }), ...(vram === undefined ? {} : { vram }) },
    verdict: judgeFit(estimate.total_bytes, memory),
    estimate: true,
    basis: facts.basis,
    installed,
    ...(facts.contextLength === undefined ? {} : { context_limit: facts.contextLength }),
    ...(facts.parameters === undefined ? {} : { parameters: facts.parameters }),
    ...(facts.quantization === undefined ? {} : { quantization: facts.quantization }),
    ...(source === undefined ? {} : { memory_source: source }),
    ...(unified === true ? { unified } : {}),
    ...(why === undefined ? {} : { reason: why }),
  };
}

async function readFacts(
  context: Context,
  model: string,
  { manifest, registry, signal }: FitOptions,
): Promise<{ facts: ModelFacts; installed: boolean }> {
  const installed = manifest ? undefined : await readInstalledFacts(context, model, { signal });
  if (installed) return { facts: installed, installed: true };
  const asked = registry ?? (await findRegistry(context));
  return {
    facts: await readRegistryFacts(asked, checkModelName(model), { manifest, signal }),
    installed: false,
  };
}

/** The context that the model would be loaded with, by Ollama's own order; no more than it was made for. */
function chooseContext(
  { settings }: Context,
  facts: ModelFacts,
  { vramTotal }: Memory,
  asked: number | undefined,
): number {
  const set = settings.options['num_ctx'];
  const wanted =
    asked ?? (typeof set === 'number' ? set : undefined) ?? facts.ownContext ?? defaultContext(vramTotal);
  return Math.min(wanted, facts.contextLength ?? wanted);
}

interface Memory extends FitMemory {
  readonly vramTotal?: number | undefined;
  readonly source?: string;
  /** Why it is not known. */
  readonly why?: string;
}

async function readMemory(context: Context, options: FitOptions): Promise<Memory> {
  const { ram, vram, signal } = options;
  const all = ram !== undefined && vram !== undefined;
  const given = [...(ram === undefined ? [] : ['--ram']), ...(vram === undefined ? [] : ['--vram'])].join(
    ', ',
  );
  const [seen, loaded] = await Promise.all([
    all ? undefined : seeMemory(context, options),
    all ? undefined : readLoaded(context, signal),
  ]);
  if (given === '' && !seen) {
    const gpu = loaded !== undefined && loaded.vram > 0 ? ' (it has a GPU)' : '';
    return { why: `the memory of ${context.client.host.display} can't be seen from here${gpu}` };
  }
  // There the GPU has its share of however much memory there is.
  const asIf = ram !== undefined && vram === undefined && seen?.unified === true ? unify(ram) : undefined;
  const free = giveBack(seen, loaded);
  const source = [given, seen?.source].filter((words) => words !== undefined && words !== '').join(', ');
  return {
    ram: ram ?? free.ram,
    vram: vram ?? asIf?.vram ?? free.vram,
    vramTotal: vram ?? asIf?.vram ?? seen?.vramTotal,
    unified: vram === undefined ? seen?.unified : undefined,
    source,
  };
}

/** What the models that are loaded now take, in bytes; undefined where the server does not tell. */
async function readLoaded(
  { client }: Context,
  signal: AbortSignal | undefined,
): Promise<{ ram: number; vram: number } | undefined> {
  try {
    const running = await client.running({ signal });
    const vram = running.reduce((sum, model) => sum + model.size_vram, 0);
    return { vram, ram: running.reduce((sum, model) => sum + Math.max(0, model.size - model.size_vram), 0) };
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return undefined;
  }
}

/** A server unloads what it has loaded where another model needs the room. */
function giveBack(
  seen: SeenMemory | undefined,
  loaded: { readonly ram: number; readonly vram: number } | undefined,
): FitMemory {
  const plus = (free: number | undefined, total: number | undefined, more: number): number | undefined =>
    free === undefined ? undefined : Math.max(free, Math.min(free + more, total ?? free));
  if (!seen || !loaded || seen.unified === true) return seen ?? {};
  return {
    ram: plus(seen.ram, seen.ramTotal, loaded.ram),
    vram: plus(seen.vram, seen.vramTotal, loaded.vram),
  };
}
