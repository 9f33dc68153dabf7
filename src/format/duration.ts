const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LONGEST = 100 * HOUR;

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/**
 * A number of seconds in at most seven characters, rounded to the second: `27s`, `1m 05s`, `2h 03m`, `4d 2h`.
 * `>99h` from a hundred hours on, `?` for what is no duration.
 */
export function formatSeconds(seconds: number): string {
  if (!(seconds >= 0)) return '?';
  const whole = Math.round(seconds);
  if (whole < MINUTE) return `${whole}s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}m ${twoDigits(whole % MINUTE)}s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)}h ${twoDigits(Math.floor((whole % HOUR) / MINUTE))}m`;
  if (whole < LONGEST) return `${Math.floor(whole / DAY)}d ${Math.floor((whole % DAY) / HOUR)}h`;
  return '>99h';
}

/** A number of milliseconds as a person would say it: `3 ms`, `340 ms`, `2.1s`, and from ten seconds on like `formatSeconds`. */
export function formatMs(ms: number): string {
  if (!(ms >= 0)) return '?';
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)}s`;
  return formatSeconds(ms / 1000);
}
