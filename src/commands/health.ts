import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import type { HealthCheck, HealthReport } from '../core/health.js';
import { isExempt } from '../core/proxy.js';
import { checkModelName } from '../core/model-name.js';
import { isLoopback } from '../core/url.js';
import { cleanLine } from '../format/clean.js';
import { EXIT_CODES, toFailure } from '../failure.js';
import { readFields, renderFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { renderTsv } from '../output/table.js';
import { writeLines } from '../output/write.js';
import type { Outcome, Register } from '../command.js';

/** Declares `health`. */
export const register: Register = (program, action) => {
  program
    .command('health')
    .helpGroup('Server:')
    .summary('is the server well')
    .description('One verdict on the server, the checks behind it, and a next step for each that fails.')
    .option('--model <model>', 'also whether this model is installed; exits 3 where it is not')
    .action(action(health));
};

async function health(context: Context, flags: { readonly model?: string }): Promise<Outcome> {
  const { io, client, mode } = context;
  if (flags.model !== undefined) checkModelName(flags.model);
  const report = await client.health({ signal: io.signal, force: true });
  const available =
    flags.model === undefined || report.error ? undefined : await isAvailable(context, flags.model);
  const checks = [...report.checks, ...proxyCheck(context), ...modelCheck(flags.model, available)];
  const verdict = { ...report, checks, status: statusOf(report, checks) };

  const whole = document(context, verdict, flags.model, available);
  const fields = readFields(context.flags);
  const picked = fields && pickFields(whole, undefined, fields, SOMETIMES);
  if (mode === 'json') await writeJson(io, picked ?? whole);
  else if (picked) await writeLines(io.stdout, renderFields(picked), io.signal);
  else if (context.flags.quiet !== true) await tell(context, verdict);
  await tellWrong(context, verdict, flags.model);
  if (verdict.status !== 'healthy' && !(report.status === 'healthy' && available === false))
    return EXIT_CODES.unreachable;
  return available === false ? EXIT_CODES.model_not_found : 0;
}

/** The fields that are there only where there is something to say. */
const SOMETIMES = ['version', 'response_time_ms', 'model', 'model_available'];

/** For those who don't read the verdict: with --json and --quiet, what is wrong is an error like any other. */
async function tellWrong(context: Context, report: HealthReport, model: string | undefined): Promise<void> {
  const { io, mode, settings, client } = context;
  const failed = report.checks.find(({ status }) => status === 'fail');
  if (!failed || (mode !== 'json' && context.flags.quiet !== true)) return;
  const error =
    report.error ??
    new OllamaError(failed.name === 'model' ? 'model_not_found' : 'server_error', failed.detail, {
      host: client.host.url,
      model: failed.name === 'model' ? model : undefined,
    });
  const { tellFailure } = await import('../tell-failure.js');
  await tellFailure(io, toFailure(error), mode === 'json', settings);
}

function statusOf(report: HealthReport, checks: readonly HealthCheck[]): HealthReport['status'] {
  if (report.status === 'unreachable') return 'unreachable';
  return checks.some(({ status }) => status === 'fail') ? 'degraded' : report.status;
}

/** Only the server's own 404 says that a model is absent. */
async function isAvailable({ io, client }: Context, model: string): Promise<boolean> {
  try {
    await client.show(model, { signal: io.signal });
    return true;
  } catch (error) {
    if (error instanceof OllamaError && error.code === 'model_not_found') return false;
    throw error;
  }
}

function modelCheck(model: string | undefined, available: boolean | undefined): HealthCheck[] {
  if (model === undefined) return [];
  if (available === undefined)
    return [{ name: 'model', status: 'skip', detail: `${model} could not be asked for` }];
  return available
    ? [{ name: 'model', status: 'pass', detail: `${model} is installed` }]
    : [
        {
          name: 'model',
          status: 'fail',
          detail: `${model} is not installed`,
          hint: `ollama-cli pull ${model}`,
        },
      ];
}

/** A proxy variable that catches an address of a private network is the commonest reason for a server "that is down". */
function proxyCheck({ io, client }: Context): HealthCheck[] {
  const { hostname, protocol, port } = client.host;
  const names =
    protocol === 'https:'
      ? ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY']
      : ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'];
  const name = names.find((variable) => (io.env[variable] ?? '') !== '');
  const noProxy = io.env['no_proxy'] ?? io.env['NO_PROXY'] ?? '';
  if (name === undefined || isLoopback(hostname) || isExempt({ hostname, port }, noProxy)) return [];
  return [
    {
      name: 'proxy',
      status: 'warn',
      detail: `${name} is set, and NO_PROXY does not name ${hostname}`,
      hint: `export NO_PROXY=${noProxy === '' ? '' : `${noProxy},`}${hostname}`,
    },
  ];
}

function document(
  { client }: Context,
  report: HealthReport,
  model: string | undefined,
  available: boolean | undefined,
): object {
  return {
    host: client.host.url,
    status: report.status,
    ...(report.version === undefined ? {} : { version: report.version }),
    ...(report.responseTimeMs === undefined ? {} : { response_time_ms: report.responseTimeMs }),
    models: report.models.length,
    running: report.running.length,
    available_models: report.models.map(({ name }) => name),
    ...(model === undefined ? {} : { model, model_available: available === true }),
    checks: report.checks.map((check) => ({
      ...check,
      hint: undefined,
      ...(hintOf(report, check) === undefined ? {} : { hint: hintOf(report, check) }),
    })),
  };
}

/** The step of this program's own words where the check is the failed connection itself. */
function hintOf(report: HealthReport, check: HealthCheck): string | undefined {
  if (check.name === 'server' && report.error) return toFailure(report.error).hint;
  return check.hint;
}

async function tell(context: Context, report: HealthReport): Promise<void> {
  const { io, mode, settings } = context;
  if (io.stdout.isTTY !== true && mode !== 'tty') {
    const text = (key: keyof HealthCheck) => (row: HealthCheck) =>
      key === 'hint' ? (hintOf(report, row) ?? '') : (row[key] ?? '');
    const columns = (['name', 'status', 'detail', 'hint'] as const).map((key) => ({
      key,
      title: key,
      value: text(key),
      raw: text(key),
    }));
    const lines = [...renderTsv(report.checks, columns, { header: true }), `verdict\t${report.status}\t\t`];
    return await writeLines(io.stdout, lines, io.signal);
  }
  const { openLook } = await import('../output/look.js');
  const { styles, symbols } = await openLook(io, io.stdout, settings);
  const signs = {
    pass: styles.good(symbols.check),
    warn: styles.warn(symbols.warn),
    fail: styles.bad(symbols.cross),
    skip: styles.dim(symbols.dash),
  };
  const names = Math.max(10, ...report.checks.map(({ name }) => name.length));
  const lines = report.checks.flatMap((check) => {
    const line = ` ${signs[check.status]} ${check.name.padEnd(names)} ${cleanLine(check.detail)}`;
    const hint = check.status === 'pass' ? undefined : check.name === 'server' ? undefined : check.hint;
    return hint === undefined
      ? [line]
      : [line, ` ${' '.repeat(names + 3)}${styles.dim('try:')} ${cleanLine(hint)}`];
  });
  const steps = report.error ? toFailure(report.error).steps : [];
  const next = steps.map(
    ({ label, command, note }) =>
      `   ${styles.dim(label.padEnd(16))}  ${command}${note === undefined ? '' : styles.dim(`  (${note})`)}`,
  );
  const verdict = report.status === 'healthy' ? styles.good(report.status) : styles.bad(report.status);
  const all = [...lines, ...(next.length === 0 ? [] : ['', ...next]), '', ` ${verdict}`];
  await writeLines(io.stdout, all, io.signal);
}
