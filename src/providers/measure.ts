import type { ChatMetrics } from '../core/chat.js';

/** Times an answer of a server that tells no times of its own. `now` is in milliseconds. */
export interface Stopwatch {
  /** Called when something of the answer has come; the first counts. */
  seen(): void;
  /** What it came to; tokens that nobody told are 0. */
  finish(prompt: number, completion: number): ChatMetrics;
}

/** Starts now. */
export function startStopwatch(now: () => number): Stopwatch {
  const startedAt = now();
  let firstMs: number | undefined;
  return {
    seen: () => {
      firstMs ??= now() - startedAt;
    },
    finish: (prompt, completion) => {
      const total = now() - startedAt;
      const first = firstMs ?? total;
      const seconds = (total - first) / 1000;
      return {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt + completion,
        tokens_per_second: seconds > 0 ? Math.round((completion / seconds) * 100) / 100 : 0,
        time_to_first_token_ms: first,
        load_ms: 0,
        total_ms: total,
      };
    },
  };
}
