import type { Context } from './context.js';
import type { OllamaError } from './core/errors.js';
import { failureJson, toFailure } from './failure.js';
import type { CheckedModel } from './models/verify.js';
import type { Check } from './models/verify-library.js';
import type { RepairPlan } from './models/verify-repair.js';
import { checkLines, countStates } from './models/verify-words.js';
import { readFields } from './output/fields.js';
import { pickFields, writeJson } from './output/json.js';
import { openLook } from './output/look.js';
import { renderTsv, type Column } from './output/table.js';
import { renderTerminalTable } from './output/terminal-table.js';
import { writeLines } from './output/write.js';

/** A repair: what was planned, and which pulls failed once it was done. */
export interface Repair {
  readonly plan: RepairPlan;
  readonly failed: readonly { readonly model: string; readonly error: OllamaError }[];
}

interface Row extends CheckedModel {
  /** The states of its layers, counted. */
  readonly told: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { key: 'name', title: 'NAME', value: ({ name }) => name, raw: ({ name }) => name, shrink: 'middle' },
  { key: 'state', title: 'STATE', value: ({ state }) => state, raw: ({ state }) => state },
  { key: 'layers', title: 'LAYERS', value: ({ told }) => told, raw: ({ told }) => told, shrink: 'end' },
];
const REASON: Column<Row> = {
  key: 'reason',
  title: 'WHY',
  value: ({ reason = '' }) => reason,
  raw: ({ reason = '' }) => reason,
  shrink: 'end',
};
const ALL = [...COLUMNS, REASON];

/** Tells what a check of models found, and in JSON what a repair of it was. */
export async function tellCheck(
  context: Context,
  check: Check,
  options: { readonly dryRun: boolean; readonly header: boolean },
  repair?: Repair,
): Promise<void> {
  const { io, mode, client, settings } = context;
  const fields = readFields(context.flags);
  const { integrity, sight, orphans } = check;
  if (mode === 'json') {
    const document = documentOf(check, client.host.url, options.dryRun, repair);
    const known = ALL.map(({ key }) => key);
    return await writeJson(
      io,
      fields === undefined ? document : pickFields(document, 'models', fields, known),
    );
  }
  if (context.flags.quiet === true) return;
  const rows = integrity.models.map((model) => ({ ...model, told: countStates(model) }));
  const columns = fields?.flatMap((field) => ALL.filter(({ key }) => key === field)) ?? COLUMNS;
  const where = sight.folder?.path ?? sight.why ?? '';
  const words = checkLines(integrity, orphans, sight.folder?.notes ?? [], where);
  if (io.stdout.isTTY !== true && mode !== 'tty') {
    await writeLines(io.stdout, renderTsv(rows, columns, { header: options.header }), io.signal);
    return await writeLines(io.stderr, words, io.signal);
  }
  const { styles, symbols, width } = await openLook(io, io.stdout, settings);
  const table = renderTerminalTable(rows, columns, { width, styles, ellipsis: symbols.ellipsis });
  const lines = rows.length === 0 ? [] : [...table, ''];
  await writeLines(io.stdout, [...lines, ...words.map((line) => styles.dim(line))], io.signal);
}

function documentOf(
  { integrity, sight, orphans }: Check,
  host: string,
  dryRun: boolean,
  repair: Repair | undefined,
): object {
  const { folder, why } = sight;
  const notes = folder ? folder.notes : [`not hashed: ${why}`];
  const told = repair?.failed.map(({ model, error }) => ({
    name: model,
    error: failureJson(toFailure(error)),
  }));
  return {
    host,
    ...(dryRun ? { dry_run: true } : {}),
    depth: integrity.depth,
    models: integrity.models,
    ...(folder === undefined ? {} : { folder: folder.path, orphans }),
    ...(notes.length === 0 ? {} : { notes }),
    ...(repair === undefined
      ? {}
      : { repair: { ...repair.plan, ...(told === undefined || told.length === 0 ? {} : { failed: told }) } }),
  };
}
