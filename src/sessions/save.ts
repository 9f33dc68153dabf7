import { existsSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from '../config/atomic-write.js';
import { askOrDecline } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine, cleanText } from '../format/clean.js';
import { readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { isTerminal } from '../output/mode.js';
import { writeText } from '../output/write.js';
import { exportJson, exportMarkdown, sessionDocument, SESSION_FIELDS } from './export.js';
import { readSession } from './store.js';

/** What `sessions export` takes. */
export interface ExportFlags {
  readonly format?: string;
  readonly output?: string;
  readonly yes?: boolean;
}

/** The form that is asked for, by name or by the file's; throws `usage`. */
function readFormat({ format, output = '' }: ExportFlags, isJson: boolean): 'md' | 'json' {
  if (format === undefined) return isJson || /\.json$/i.test(output) ? 'json' : 'md';
  if (format === 'md' || format === 'json') return format;
  throw new OllamaError('usage', `--format: "${format}" is neither md nor json.`);
}

/**
 * Writes one conversation as Markdown or JSON, to stdout or into a file, which replaces none without a yes. Throws
 * `session_not_found`, `usage` (also for a file that can't be written) and `declined`.
 */
export async function exportSession(context: Context, word: string, flags: ExportFlags): Promise<void> {
  const { io, mode } = context;
  const toStdout = flags.output === undefined || flags.output === '-';
  const format = readFormat(flags, mode === 'json' && toStdout);
  const fields = readFields(context.flags);
  const session = await readSession(io, word);
  const tell = async (document: object, known: readonly string[]): Promise<void> =>
    await writeJson(io, fields === undefined ? document : pickFields(document, undefined, fields, known));
  if (toStdout && format === 'json') return await tell(sessionDocument(session), SESSION_FIELDS);
  const text = format === 'json' ? exportJson(session) : exportMarkdown(session);
  if (toStdout && mode === 'json') return await tell({ id: session.id, format, text }, []);
  if (toStdout) {
    const shown = isTerminal(io.stdout, io.env) ? cleanText(text) : text;
    return await writeText(io.stdout, shown, io.signal);
  }
  const file = await saveFile(context, text, flags);
  if (mode === 'json') return await tell({ id: session.id, format, file }, []);
  if (context.flags.quiet !== true)
    await writeText(io.stdout, `wrote ${session.id} to ${cleanLine(flags.output ?? '')}\n`, io.signal);
}

/** Writes the file and gives its whole path. */
async function saveFile(context: Context, text: string, { output = '', yes }: ExportFlags): Promise<string> {
  const target = path.resolve(context.io.cwd, output);
  if (existsSync(target) && yes !== true) {
    if (!(await askOrDecline(context, `${cleanLine(output)} is there already. Replace it?`)))
      throw new OllamaError('declined', `${cleanLine(output)} was left as it is.`);
  }
  try {
    await writeFileAtomic(target, text);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new OllamaError('usage', `${cleanLine(output)} can't be written (${code}).`, { cause });
  }
  return target;
}
