import type { Context } from '../context.js';
import type { CheckStatus, HealthCheck } from '../core/health.js';
import { toFailure } from '../failure.js';
import { cleanLine } from '../format/clean.js';
import type { Look } from '../output/look.js';
import { renderTsv } from '../output/table.js';
import { writeLines } from '../output/write.js';
import type { Verdict } from './examine.js';

/** Tells a verdict on stdout: a table of its checks for a pipe, lines with signs for people. */
export async function tellVerdict(context: Context, { report }: Verdict): Promise<void> {
  const { io, mode, settings, flags } = context;
  if (io.stdout.isTTY !== true && mode !== 'tty') {
    const columns = (['name', 'status', 'detail', 'hint'] as const).map((key) => {
      const text = (row: HealthCheck): string => row[key] ?? '';
      return { key, title: key, value: text, raw: text };
    });
    const lines = [...renderTsv(report.checks, columns, { header: true }), `verdict\t${report.status}\t\t`];
    return await writeLines(io.stdout, lines, io.signal);
  }
  const { openLook } = await import('../output/look.js');
  const look = await openLook(io, io.stdout, settings);
  const { styles } = look;
  const names = Math.max(10, ...report.checks.map(({ name }) => name.length));
  const lines = report.checks.flatMap((check) => {
    const line = ` ${signOf(check.status, look)} ${check.name.padEnd(names)} ${cleanLine(check.detail)}`;
    if (check.status === 'pass' || check.hint === undefined) return [line];
    return [line, ` ${' '.repeat(names + 3)}${styles.dim('try:')} ${cleanLine(check.hint)}`];
  });
  // Where nobody listens there is more than one thing to do.
  const { error } = report;
  const steps = error?.reason === 'refused' ? toFailure(error, { hostFlag: flags.host }).steps : [];
  const next = steps.map(
    ({ label, command, note }) =>
      `   ${styles.dim(label.padEnd(16))}  ${command}${note === undefined ? '' : styles.dim(`  (${note})`)}`,
  );
  const verdict = report.status === 'healthy' ? styles.good(report.status) : styles.bad(report.status);
  const all = [...lines, ...(next.length === 0 ? [] : ['', ...next]), '', ` ${verdict}`];
  await writeLines(io.stdout, all, io.signal);
}

/** The sign of a check's outcome. */
function signOf(status: CheckStatus, { styles, symbols }: Look): string {
  switch (status) {
    case 'pass':
      return styles.good(symbols.check);
    case 'warn':
      return styles.warn(symbols.warn);
    case 'fail':
      return styles.bad(symbols.cross);
    case 'skip':
      return styles.dim(symbols.dash);
  }
}
