import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { formatMs } from '../format/duration.js';
import { askHosts, labelHost, type HostAnswer } from '../hosts/many.js';
import { endHosts, hostJson, readOn, tellHostFailure } from '../hosts/on.js';
import { toFailure } from '../failure.js';
import { checkFields, fieldColumns, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { openLook } from '../output/look.js';
import { renderTsv, type Column } from '../output/table.js';
import { openTerminalTable } from '../output/terminal-table.js';
import { writeLines } from '../output/write.js';
import { examine, type Examination, type Verdict } from './examine.js';
import { SOMETIMES, verdictJson } from './verdict-json.js';

/** One host as a row tells it. */
interface Row {
  readonly host: string;
  readonly status: string;
  readonly version: string;
  readonly ms: number | undefined;
  /** The first check that failed, or else warned. */
  readonly detail: string;
  /** The same in a word or two, for a table. */
  readonly brief: string;
  readonly hint: string;
}

const text =
  (key: 'host' | 'status' | 'version' | 'detail' | 'brief' | 'hint') =>
  (row: Row): string =>
    row[key];
const COLUMNS: readonly Column<Row>[] = [
  { key: 'host', title: 'HOST', value: text('host'), raw: text('host'), shrink: 'middle' },
  { key: 'status', title: 'HEALTH', value: text('status'), raw: text('status') },
  { key: 'version', title: 'VERSION', value: text('version'), raw: text('version') },
  {
    key: 'response_time_ms',
    title: 'ANSWER',
    value: ({ ms }) => (ms === undefined ? '' : formatMs(ms)),
    raw: ({ ms }) => (ms === undefined ? '' : String(ms)),
  },
  { key: 'detail', title: 'WHAT', value: text('brief'), raw: text('detail'), shrink: 'end' },
];
/** A script gets the next step as well. */
const HINT: Column<Row> = { key: 'hint', title: 'HINT', value: text('hint'), raw: text('hint') };
/** How wide columns usually are in a terminal: rows are drawn as hosts answer. In cells. */
const LEAST = { status: 11, version: 14, response_time_ms: 7, detail: 16 };

/** The fields of a host in the document. */
const KNOWN = [
  ...['host', 'url', 'ok', 'error', 'status', 'models', 'running', 'available_models', 'system', 'checks'],
  ...SOMETIMES,
];

/**
 * Looks at several hosts side by side and tells each as it answers: a row a host, or one document of all. Throws the one
 * error of those that are not well.
 */
export async function healthOn(context: Context, on: readonly string[], asked: Examination): Promise<void> {
  const fields = readFields(context.flags);
  checkFields(fields ?? [], KNOWN);
  const names = readOn(context, on);
  const { io, mode, flags } = context;
  const show = mode === 'json' || flags.quiet === true ? undefined : await openRows(context, names, fields);
  const answers: HostAnswer<Verdict>[] = [];
  for await (const answer of askHosts(context, names, async (host) => await examine(host, asked))) {
    answers.push(answer);
    await show?.(answer);
    const error = errorOf(answer);
    // In a pipe its row holds the words.
    const tells = error !== undefined && names.length > 1 && show !== undefined && isForPeople(context);
    if (tells) await tellHostFailure(context, { host: answer.host, error });
  }
  const order = names.map(labelHost);
  const sorted = answers.toSorted((a, b) => order.indexOf(a.host) - order.indexOf(b.host));
  if (mode === 'json') {
    const document = { hosts: sorted.map(answerJson) };
    await writeJson(io, fields === undefined ? document : pickFields(document, 'hosts', fields, KNOWN));
  }
  const failed = sorted.flatMap((answer) => {
    const error = errorOf(answer);
    return error === undefined ? [] : [{ host: answer.host, error }];
  });
  endHosts(failed, names.length);
}

/** A server that is not well is an unreachable one by its exit code, as `health` of one host has it; an absent model is not. */
function errorOf(answer: HostAnswer<Verdict>): OllamaError | undefined {
  if ('error' in answer) return answer.error;
  const { report, model, available } = answer.value;
  if (report.status === 'healthy') return undefined;
  const failed = report.checks.filter(({ status }) => status === 'fail');
  const words = failed[0]?.detail ?? report.status;
  const isAbsent = available === false && failed.every(({ name }) => name === 'model');
  return new OllamaError(isAbsent ? 'model_not_found' : 'unreachable', words, {
    host: answer.context.client.host.url,
    model: isAbsent ? model : undefined,
    hint: failed[0]?.hint,
    reason: failed[0]?.reason,
  });
}

function rowOf(answer: HostAnswer<Verdict>): Row {
  if ('error' in answer) {
    const { message, hint } = toFailure(answer.error, { hostFlag: answer.host });
    const brief = briefly(answer.error.reason ?? answer.error.code);
    return {
      ...{ host: answer.host, status: 'unreachable', version: '', ms: undefined },
      ...{ detail: message, brief, hint },
    };
  }
  const { report } = answer.value;
  const wrong =
    report.checks.find(({ status }) => status === 'fail') ??
    report.checks.find(({ status }) => status === 'warn');
  return {
    host: answer.host,
    status: report.status,
    version: cleanLine(report.version ?? ''),
    ms: report.responseTimeMs,
    detail: cleanLine(wrong?.detail ?? ''),
    brief: wrong === undefined ? '' : briefly(wrong.reason ?? wrong.name),
    hint: cleanLine(wrong?.hint ?? ''),
  };
}

function briefly(word: string): string {
  return word.replaceAll('_', ' ');
}

function answerJson(answer: HostAnswer<Verdict>): Record<string, unknown> {
  if ('error' in answer) return { ...hostJson(answer), status: 'unreachable' };
  const error = errorOf(answer);
  const failed = error === undefined ? {} : hostJson({ host: answer.host, error });
  return { ...verdictJson(answer.context, answer.value), ...hostJson(answer), ...failed };
}

function isForPeople({ io, mode }: Context): boolean {
  return io.stdout.isTTY === true || mode === 'tty';
}

/** What writes a row for each answer as it comes: of the fields that are asked for, or of what is usually told. */
async function openRows(
  context: Context,
  names: readonly string[],
  fields: readonly string[] | undefined,
): Promise<(answer: HostAnswer<Verdict>) => Promise<void>> {
  if (fields !== undefined) {
    const write = await openTable(context, names, fieldColumns(fields));
    return async (answer) => await write([answerJson(answer)]);
  }
  const write = await openTable(context, names, isForPeople(context) ? COLUMNS : [...COLUMNS, HINT]);
  return async (answer) => await write([rowOf(answer)]);
}

/** Lines for a script, a table for people. */
async function openTable<Item>(
  context: Context,
  names: readonly string[],
  columns: readonly Column<Item>[],
): Promise<(rows: readonly Item[]) => Promise<void>> {
  const { io, settings } = context;
  if (!isForPeople(context)) {
    let header = true;
    return async (rows) => {
      await writeLines(io.stdout, renderTsv(rows, columns, { header }), io.signal);
      header = false;
    };
  }
  const { width, styles, symbols } = await openLook(io, io.stdout, settings);
  const widest = Math.min(24, Math.max(...names.map((name) => labelHost(name).length)));
  const least = { ...LEAST, host: widest };
  const table = openTerminalTable(columns, { width, styles, ellipsis: symbols.ellipsis, least });
  return async (rows) => await writeLines(io.stdout, table.add(rows), io.signal);
}
