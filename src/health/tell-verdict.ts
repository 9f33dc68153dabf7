import type { Context } from '../context.js';
import type { CheckStatus, HealthCheck } from '../core/health.js';
import { toFailure } from '../failure.js';
import { cleanLine } from '../format/clean.js';
import { breakWords } from '../format/width.js';
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
  const { styles, width } = look;
  const names = Math.max(10, ...report.checks.map(({ name }) => name.length));
  const indent = ' '.repeat(names + 4);
  // Broken between words; on a narrow terminal an address that is longer stays whole, to be copied.
  const fill = (text: string, used = 0): string[] =>
    breakWords(cleanLine(text), Math.max(20, width - indent.length - used));
  const lines = report.checks.flatMap(({ name, status, detail, hint }) => {
    const [first = '', ...rest] = fill(detail);
    const told = [
      ` ${signOf(status, look)} ${name.padEnd(names)} ${first}`,
      ...rest.map((row) => indent + row),
    ];
    if (status === 'pass' || hint === undefined) return told;
    const [step = '', ...more] = fill(hint, 5);
    return [...told, `${indent}${styles.dim('try:')} ${step}`, ...more.map((row) => `${indent}     ${row}`)];
  });
  // Where nobody listens there is more than one thing to do.
  const { error } = report;
  const steps = error?.reason === 'refused' ? toFailure(error, { hostFlag: flags.host }).steps : [];
  const next = steps.map(
    ({ label, command, note }) =>
      `   ${styles.dim(label.padEnd(16))}  ${command}${note === undefined ? '' : styles.dim(`  (${note})`)}`,
  );
  const verdict = report.status === 'healthy' ? styles.good(report.status) : styles.bad(report.status);
  await writeLines(
    io.stdout,
    [...lines, ...(next.length === 0 ? [] : ['', ...next]), '', ` ${verdict}`],
    io.signal,
  );
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
