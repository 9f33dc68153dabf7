import { existsSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from './config/atomic-write.js';
import { askOrDecline } from './consent.js';
import type { Context } from './context.js';
import { OllamaError } from './core/errors.js';
import { cleanLine } from './format/clean.js';
import { formatSyncFile } from './models/sync-file.js';
import { declareInstalled } from './models/sync-plan.js';
import { checkFields, readFields } from './output/fields.js';
import { pickFields, writeJson } from './output/json.js';
import { writeText } from './output/write.js';

const FIELDS = ['name', 'digest', 'from'];

/**
 * Writes what is installed as a sync file that declares it, or without a file on stdout. Replaces none without a yes.
 * Throws `declined`, and `usage` for a file that can't be written.
 */
export async function exportInstalled(
  context: Context,
  file: string | undefined,
  { yes, dryRun }: { readonly yes: boolean; readonly dryRun: boolean },
): Promise<void> {
  const { io, client, mode } = context;
  const fields = readFields(context.flags);
  checkFields(fields ?? [], FIELDS);
  const tell = async (document: object): Promise<void> =>
    await writeJson(io, fields === undefined ? document : pickFields(document, 'models', fields, FIELDS));
  const models = declareInstalled(await client.list({ signal: io.signal, force: true }));
  const toStdout = file === undefined || file === '-';
  if (toStdout && mode === 'json') return await tell({ host: client.host.url, models });
  const text = /\.json$/i.test(file ?? '')
    ? `${JSON.stringify({ models }, null, 2)}\n`
    : formatSyncFile(models);
  if (toStdout) return await writeText(io.stdout, text, io.signal);
  const target = path.resolve(io.cwd, file);
  const document = { host: client.host.url, ...(dryRun ? { dry_run: true } : {}), file: target, models };
  if (dryRun && mode === 'json') return await tell(document);
  if (dryRun) return await writeText(io.stdout, text, io.signal);
  if (existsSync(target) && !yes) {
    if (!(await askOrDecline(context, `${cleanLine(file)} is there already. Replace it?`))) {
      throw new OllamaError('declined', `${cleanLine(file)} was left as it is.`);
    }
  }
  try {
    await writeFileAtomic(target, text);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new OllamaError('usage', `${cleanLine(file)} can't be written (${code ?? String(cause)}).`, {
      cause,
    });
  }
  if (mode === 'json') return await tell(document);
  if (context.flags.quiet !== true) {
    const count = models.length === 1 ? '1 model' : `${models.length} models`;
    await writeText(io.stdout, `wrote ${count} to ${cleanLine(file)}\n`, io.signal);
  }
}
