import type { Context } from '../context.js';
import { checkAllowed } from '../consent.js';
import type { OllamaError } from '../core/errors.js';
import { checkModelName } from '../core/model-name.js';
import { createPool } from '../core/pool.js';
import { failureJson, toFailure, toOllamaError } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { breakWords } from '../format/width.js';
import { readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { openLook } from '../output/look.js';
import { renderTsv, type Column } from '../output/table.js';
import { renderTerminalTable } from '../output/terminal-table.js';
import { writeLines } from '../output/write.js';
import { findRegistry } from '../registry.js';
import { tellFailureOf } from '../tell-failure.js';
import { groupNames } from './names.js';
import { sumNotPlanned } from './outcome.js';
import { planPull, sumLayers, type PlannedLayer, type PullPlan } from './plan.js';

const ITEM_FIELDS = ['model', 'layers', 'bytes_to_fetch', 'bytes_present'];

/** How many models are looked up at once. */
const LOOK_UPS = 4;

/** A model that could not be looked up. */
interface Unplanned {
  readonly model: string;
  readonly error: OllamaError;
}

/**
 * Tells what pulling these models would fetch, and changes nothing anywhere. Throws the one error of all models that
 * could not be looked up, after the others have been told.
 */
export async function tellPlans(
  context: Context,
  models: readonly string[],
  { insecure = false }: { readonly insecure?: boolean | undefined },
): Promise<void> {
  const { io } = context;
  const { plans, failed, error } = await makePlans(context, models, { insecure });
  // With nothing to tell the error alone is the answer.
  if (plans.length > 0) await write(context, plans, failed);
  // The one error of all does not say why each could not be looked up; the document does.
  if (error?.errors !== undefined && context.mode !== 'json') {
    for (const one of failed) {
      const failure = toFailure(one.error, { hostFlag: context.flags.host, insecure });
      await tellFailureOf(io, one.model, failure, context.settings);
    }
  }
  if (error) throw error;
}

/** What pulling models would fetch. */
export interface Plans {
  readonly plans: readonly PullPlan[];
  readonly failed: readonly Unplanned[];
  /** The one error of all that could not be looked up. */
  readonly error: OllamaError | undefined;
}

/** Looks up what pulling these models would fetch. Throws where the server does not answer, and `invalid_name`. */
export async function makePlans(
  context: Context,
  models: readonly string[],
  { insecure }: { readonly insecure: boolean },
): Promise<Plans> {
  const { client, io } = context;
  for (const model of models) checkModelName(model);
  for (const model of models) checkAllowed(context, model);
  const registry = await findRegistry(context, { insecure });
  const pool = createPool(LOOK_UPS);
  const failed: Unplanned[] = [];
  const plans: PullPlan[] = [];
  const made = await Promise.all(
    groupNames(models).map(({ model }) =>
      pool(async () => {
        try {
          return await planPull(context, registry, model, { signal: io.signal });
        } catch (error) {
          const typed = toOllamaError(error);
          // A server that does not answer, and Ctrl-C, end the whole question.
          if (['interrupted', 'unreachable'].includes(typed.code)) throw typed;
          return { model, error: typed };
        }
      }),
    ),
  );
  for (const one of made) {
    if ('error' in one) failed.push(one);
    else plans.push(one);
  }
  return { plans, failed, error: sumNotPlanned(failed, plans.length, client.host.url) };
}

async function write(
  context: Context,
  plans: readonly PullPlan[],
  failed: readonly Unplanned[],
): Promise<void> {
  const { io, mode, flags } = context;
  if (mode === 'json') return await writeDocument(context, plans, failed);
  if (flags.quiet === true) {
    const missing = plans.filter(({ bytesToFetch }) => bytesToFetch > 0);
    return await writeLines(
      io.stdout,
      missing.map(({ model }) => cleanLine(model)),
      io.signal,
    );
  }
  const rows = plans.flatMap(({ model, layers }) => layers.map((layer) => ({ model, layer })));
  if (mode !== 'tty') {
    return await writeLines(io.stdout, renderTsv(rows, COLUMNS, { header: true }), io.signal);
  }
  const { styles, width } = await openLook(io, io.stdout, context.settings);
  const lines = [
    ...renderTerminalTable(rows, COLUMNS, { styles, width }),
    '',
    ...breakWords(summarize(plans), width),
  ];
  await writeLines(io.stdout, lines, io.signal);
}

interface Row {
  readonly model: string;
  readonly layer: PlannedLayer;
}

/** What a layer is for: the last part of Ollama's media types, `config` for the config. */
function kindOf({ mediaType }: PlannedLayer): string {
  const kind = /^application\/vnd\.ollama\.image\.([\w.]+)/.exec(mediaType)?.[1];
  return kind ?? (/\.config\.|\.image\.v1/.test(mediaType) ? 'config' : 'other');
}

const COLUMNS: readonly Column<Row>[] = [
  {
    key: 'model',
    title: 'MODEL',
    value: ({ model }) => model,
    raw: ({ model }) => model,
    shrink: 'middle',
  },
  {
    key: 'digest',
    title: 'LAYER',
    value: ({ layer }) => layer.digest.replace(/^sha256:/, '').slice(0, 12),
    raw: ({ layer }) => layer.digest,
    priority: 2,
  },
  {
    key: 'kind',
    title: 'KIND',
    value: ({ layer }) => kindOf(layer),
    raw: ({ layer }) => kindOf(layer),
    priority: 1,
  },
  {
    key: 'size',
    title: 'SIZE',
    value: ({ layer }) => formatBytes(layer.size),
    raw: ({ layer }) => String(layer.size),
    align: 'right',
  },
  {
    key: 'present',
    title: 'STATE',
    value: ({ layer }) => (layer.present ? 'here already' : 'to fetch'),
    raw: ({ layer }) => String(layer.present),
  },
];

/** `6 MB to fetch; 3 of 5 layers are here already (4.1 GB)`, and that a shared layer counts once. */
function summarize(plans: readonly PullPlan[]): string {
  const all = plans.flatMap(({ layers }) => layers);
  const once = [...new Map(all.map((layer) => [layer.digest, layer])).values()];
  const { bytesToFetch, bytesPresent } = sumLayers(all);
  const here = once.filter(({ present }) => present).length;
  const fetch = bytesToFetch === 0 ? 'Nothing to fetch' : `${formatBytes(bytesToFetch)} to fetch`;
  const present = `${here} of ${once.length} layers ${here === 1 ? 'is' : 'are'} here already`;
  const shared = once.length === all.length ? '' : '; a layer that several share counts once';
  return `${fetch}; ${present}${here === 0 ? '' : ` (${formatBytes(bytesPresent)})`}${shared}.`;
}

/** A plan as JSON has it. */
export function planJson({ model, layers, bytesToFetch, bytesPresent }: PullPlan) {
  return {
    model,
    layers: layers.map(({ digest, size, present }) => ({ digest, size, present })),
    bytes_to_fetch: bytesToFetch,
    bytes_present: bytesPresent,
  };
}

async function writeDocument(
  { io, client, flags }: Context,
  plans: readonly PullPlan[],
  failed: readonly Unplanned[],
): Promise<void> {
  const { bytesToFetch, bytesPresent } = sumLayers(plans.flatMap(({ layers }) => layers));
  const document = {
    host: client.host.url,
    dry_run: true,
    models: plans.map(planJson),
    bytes_to_fetch: bytesToFetch,
    bytes_present: bytesPresent,
    ...(failed.length === 0
      ? {}
      : { failed: failed.map(({ model, error }) => ({ model, error: failureJson(toFailure(error)) })) }),
  };
  const fields = readFields(flags);
  await writeJson(io, fields === undefined ? document : pickFields(document, 'models', fields, ITEM_FIELDS));
}
