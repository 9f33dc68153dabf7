const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;

/**
 * A number of bytes in at most seven characters, in decimal units as Ollama counts them: `864 B`, `1.4 kB`, `812 MB`.
 * One decimal below ten, none above, rounded to the nearest; `?` for what is no size.
 */
export function formatBytes(bytes: number): string {
  if (!(bytes >= 0)) return '?';
  if (bytes < 999.5) return `${Math.round(bytes)} B`;
  let value = bytes / 1000;
  for (const unit of UNITS.slice(1)) {
    // 9.95 and 999.5 are where rounding would need a digit more than the unit has room for.
    if (value < 9.95) return `${value.toFixed(1)} ${unit}`;
    if (value < 999.5) return `${Math.round(value)} ${unit}`;
    value /= 1000;
  }
  return '>999 EB';
}

/** A number of bytes per second, written like `formatBytes` with `/s` behind it. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}
