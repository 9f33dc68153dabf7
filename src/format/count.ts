const UNITS = ['k', 'M', 'G', 'T'] as const;

/**
 * A number of tokens in at most four characters: `43`, `1.2k`, `40k`, `128k`, `1M`; `?` for what is no count.
 * A `k` is 1024, for counts as for windows, so that a full window never reads as more than its size.
 */
export function formatCount(count: number): string {
  if (!(count >= 0)) return '?';
  if (count < 999.5) return String(Math.round(count));
  let value = count / 1024;
  for (const unit of UNITS) {
    if (value < 9.95) return `${value.toFixed(1).replace(/\.0$/, '')}${unit}`;
    if (value < 999.5) return `${Math.round(value)}${unit}`;
    value /= 1024;
  }
  return '>1P';
}
