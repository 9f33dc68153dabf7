// Numbers of several runs, and the table that tells them.

/** The value that `share` of the values don't pass: 0.5 is the median. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (values) => quantile(values, 0.5);

/** One figure: the median of the runs over `base`, its spread (the middle half), and what it may be at most or at least. */
export function figure(what, values, { base = 1, atMost, atLeast, unit = '', digits = 2 }) {
  const over = values.map((value) => value / base);
  const show = (value) => value.toFixed(digits);
  const spread = `${show(quantile(over, 0.25))}-${show(quantile(over, 0.75))}, ${values.length} runs`;
  const measured = median(over);
  return {
    what,
    measured: `${show(measured)}${unit} (${spread})`,
    atMost: atMost === undefined ? (atLeast === undefined ? '' : `>= ${atLeast}`) : `${atMost}${unit}`,
    ok: (atMost === undefined || measured <= atMost) && (atLeast === undefined || measured >= atLeast),
    isBound: atMost === undefined && atLeast === undefined,
  };
}

export function drawTable(figures) {
  const rows = figures.map(({ what, measured, atMost, ok, isBound }) => [
    what,
    measured,
    atMost,
    isBound ? '' : ok ? 'yes' : 'NO',
  ]);
  const all = [['what', 'measured', 'at most', 'ok'], ...rows];
  const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column].length)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join(' | ')
      .trimEnd(),
  );
  return [lines[0], widths.map((width) => '-'.repeat(width)).join('-|-'), ...lines.slice(1)].join('\n');
}
