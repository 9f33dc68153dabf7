import type { Context } from './context.js';
import { isOllamaError } from './core/errors.js';
import { formatBytes } from './format/bytes.js';
import { cleanLine } from './format/clean.js';
import { hashFiles, withFiles } from './modelfile/create-model.js';
import type { CreatePlan, PlannedFile } from './modelfile/plan.js';
import { checkFields, readFields } from './output/fields.js';
import { pickFields, writeJson } from './output/json.js';
import { renderTsv, type Column } from './output/table.js';
import { renderTerminalTable } from './output/terminal-table.js';
import { openLook } from './output/look.js';
import { writeLines } from './output/write.js';

/** A file, and whether the server has it. */
interface ToldFile extends Pick<PlannedFile, 'role' | 'name' | 'size'> {
  readonly digest: string;
  readonly present: boolean;
}

const FILE_FIELDS = ['role', 'name', 'digest', 'size', 'present'];

/** Tells what a create would send, after reading the files and asking the server which of them it has. Sends none. */
export async function tellCreatePlan(context: Context, plan: CreatePlan): Promise<void> {
  const { io, mode, client } = context;
  checkFields(readFields(context.flags) ?? [], FILE_FIELDS);
  const hashing = hashFiles(plan.files, io.signal);
  let step = await hashing.next();
  while (step.done !== true) step = await hashing.next();
  const files: ToldFile[] = [];
  for (const { role, name, size, digest } of step.value) {
    files.push({ role, name, digest, size, present: await client.hasBlob(digest, { signal: io.signal }) });
  }
  const { from } = plan.request;
  const basePresent = from === undefined ? undefined : await isInstalled(context, from);
  const sum = (present: boolean): number => sumOnce(files.filter((file) => file.present === present));
  const document = {
    host: client.host.url,
    dry_run: true,
    model: plan.request.model,
    ...(basePresent === undefined ? {} : { base: { name: from, present: basePresent } }),
    files,
    bytes_to_send: sum(false),
    bytes_present: sum(true),
    request: withFiles(plan.request, step.value),
  };
  if (mode === 'json') {
    const fields = readFields(context.flags);
    return await writeJson(
      io,
      fields === undefined ? document : pickFields(document, 'files', fields, FILE_FIELDS),
    );
  }
  if (io.stdout.isTTY !== true) {
    return await writeLines(io.stdout, renderTsv(files, COLUMNS, { header: true }), io.signal);
  }
  const words =
    from === undefined
      ? `${formatBytes(document.bytes_to_send)} would be sent, ${formatBytes(document.bytes_present)} are there already.`
      : `Made of ${from}, which ${basePresent === true ? 'is on the server' : 'the server would pull first'}.`;
  const table = files.length === 0 ? [] : [...(await tableLines(context, files)), ''];
  await writeLines(io.stdout, [...table, cleanLine(words)], io.signal);
}

/** The same bytes under two names are one blob. */
function sumOnce(files: readonly ToldFile[]): number {
  return [...new Map(files.map((file) => [file.digest, file.size])).values()].reduce(
    (sum, size) => sum + size,
    0,
  );
}

async function isInstalled({ io, client }: Context, model: string): Promise<boolean> {
  try {
    await client.show(model, { signal: io.signal });
    return true;
  } catch (error) {
    if (isOllamaError(error) && error.code === 'model_not_found') return false;
    throw error;
  }
}

const COLUMNS: readonly Column<ToldFile>[] = [
  { key: 'role', title: 'AS', value: ({ role }) => role, raw: ({ role }) => role, priority: 1 },
  { key: 'name', title: 'FILE', value: ({ name }) => name, raw: ({ name }) => name, shrink: 'middle' },
  {
    key: 'digest',
    title: 'DIGEST',
    value: ({ digest }) => digest.slice('sha256:'.length, 'sha256:'.length + 12),
    raw: ({ digest }) => digest,
    priority: 2,
  },
  {
    key: 'size',
    title: 'SIZE',
    value: ({ size }) => formatBytes(size),
    raw: ({ size }) => String(size),
    align: 'right',
  },
  {
    key: 'present',
    title: 'THERE',
    value: ({ present }) => (present ? 'yes' : 'no'),
    raw: ({ present }) => String(present),
  },
];

async function tableLines({ io, settings }: Context, files: readonly ToldFile[]): Promise<string[]> {
  const look = await openLook(io, io.stdout, settings);
  return renderTerminalTable(files, COLUMNS, {
    width: look.width,
    styles: look.styles,
    ellipsis: look.symbols.ellipsis,
  });
}
