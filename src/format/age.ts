const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** Up to which age, in seconds, which unit is used: Ollama's own steps, so that both programs name the same unit. */
const STEPS = [
  { below: MINUTE, unit: 'second', seconds: 1 },
  { below: HOUR, unit: 'minute', seconds: MINUTE },
  { below: 2 * DAY, unit: 'hour', seconds: HOUR },
  { below: 14 * DAY, unit: 'day', seconds: DAY },
  { below: 60 * DAY, unit: 'week', seconds: 7 * DAY },
  { below: 2 * YEAR, unit: 'month', seconds: 30 * DAY },
  { below: Infinity, unit: 'year', seconds: YEAR },
] as const;

function inWords(seconds: number): string {
  for (const step of STEPS) {
    if (seconds >= step.below) continue;
    const count = Math.floor(seconds / step.seconds);
    return `${count} ${step.unit}${count === 1 ? '' : 's'}`;
  }
  return '';
}

/**
 * How far a time is from `now` (milliseconds since the epoch), in words: `2 days ago`, `in 4 minutes`, `just now`.
 * Go's zero time and the epoch are `never`, more than twenty years ahead (how Ollama writes "keep loaded") is `forever`,
 * and what is no time is `unknown`.
 */
export function formatAge(time: string | number, now: number): string {
  const at = typeof time === 'number' ? time : Date.parse(time);
  if (Number.isNaN(at) || Number.isNaN(now)) return 'unknown';
  if (at <= 0) return 'never';
  const seconds = (now - at) / 1000;
  if (seconds < -20 * YEAR) return 'forever';
  if (seconds <= -1) return `in ${inWords(-seconds)}`;
  return seconds < MINUTE ? 'just now' : `${inWords(seconds)} ago`;
}
