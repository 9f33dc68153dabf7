import type { Context } from '../context.js';
import type { CheckStatus, HealthCheck, HealthReport } from '../core/health.js';
import { isLoopback } from '../core/url.js';
import { toFailure } from '../failure.js';
import { cleanLine } from '../format/clean.js';
import { breakWords, displayWidth } from '../format/width.js';
import type { NextStep } from '../next-step.js';
import type { Look } from '../output/look.js';
import { renderTsv } from '../output/table.js';
import { writeLines } from '../output/write.js';
import type { Verdict } from './examine.js';
import { nextStepFor, startServerStep } from './next-step.js';

/** Tells a verdict on stdout: a table of its checks for a pipe, lines with signs for people. */
export async function tellVerdict(context: Context, { report }: Verdict): Promise<void> {
  const { io, mode, settings } = context;
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
  const next = startSteps(context, report);
  const lines = report.checks.flatMap(({ name, status, detail, hint }) => {
    const [first = '', ...rest] = fill(detail);
    const told = [
      ` ${signOf(status, look)} ${name.padEnd(names)} ${first}`,
      ...rest.map((row) => indent + row),
    ];
    if (status === 'pass' || hint === undefined || (name === 'server' && next.length > 0)) return told;
    const [step = '', ...more] = fill(hint, 5);
    return [...told, `${indent}${styles.dim('try:')} ${step}`, ...more.map((row) => `${indent}     ${row}`)];
  });
  const verdict = report.status === 'healthy' ? styles.good(report.status) : styles.bad(report.status);
  await writeLines(
    io.stdout,
    [...lines, ...(next.length === 0 ? [] : ['', ...drawSteps(next, look)]), '', ` ${verdict}`],
    io.signal,
  );
}

/** Where nobody listens there is more than one thing to do, in place of the one step of the check; else none. */
function startSteps(context: Context, { error, checks }: HealthReport): readonly NextStep[] {
  const { io, client, flags } = context;
  const place = { platform: io.platform, host: client.host };
  const [server] = checks;
  if (error?.reason !== 'refused' || server?.hint !== nextStepFor(error, place)) return [];
  const [, ...others] = toFailure(error, { hostFlag: flags.host }).steps;
  const get = { label: 'get it', command: 'https://ollama.com/download' };
  return [
    { label: 'start it', ...startServerStep(place) },
    ...(isLoopback(client.host.hostname) ? [get] : []),
    ...others,
  ];
}

const LABEL_WIDTH = 16;

/** A line a step; a note that does not fit beside its command stands below it. */
function drawSteps(steps: readonly NextStep[], { styles, width }: Look): string[] {
  const indent = ' '.repeat(LABEL_WIDTH + 5);
  return steps.flatMap(({ label, command, note }) => {
    const first = `   ${styles.dim(label.padEnd(LABEL_WIDTH))}  ${command}`;
    if (note === undefined) return [first];
    if (indent.length + displayWidth(command) + displayWidth(note) + 4 <= width)
      return [first + styles.dim(`  (${note})`)];
    const below = breakWords(note, Math.max(20, width - indent.length));
    return [first, ...below.map((row) => indent + styles.dim(row))];
  });
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
