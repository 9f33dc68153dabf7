import type { OllamaPullEvent } from './pull-events.js';
import { ALL_LAYERS, phaseOf } from './pull-phase.js';

/** A pull that brings no byte for so long is asked for again: a server mends stalled parts by itself after 30 s. */
export const DEFAULT_STALL_MS = 45_000;

const BEAT_MS = 5_000;
const FIRST_TOLD_MS = 10_000;

/** Watches one try of a pull for a standstill: silence, and numbers that are told again and again. */
export interface PullWatch {
  /** Silence is to be noticed after this long, in milliseconds. */
  readonly beatMs: number;
  /** Takes note of what the server told. */
  hear(event: OllamaPullEvent): void;
  /** Takes note that `ms` more have passed; what was told meanwhile has been heard. */
  pass(ms: number): void;
  /** The event that tells for how long nothing has moved, when that is to be told. */
  due(): OllamaPullEvent | undefined;
  /** True where the server has had its time: it does no work that sends nothing. */
  isOver(): boolean;
}

/**
 * Makes the watch of one try. `stallMs` 0 never gives up. A standstill is told of after 10 s and each 5 s more, sooner
 * in proportion where the patience is shorter than the usual 45 s.
 */
export function watchPull(stallMs: number): PullWatch {
  const scale = stallMs === 0 ? 1 : Math.min(1, stallMs / DEFAULT_STALL_MS);
  const beatMs = BEAT_MS * scale;
  const counts = new Map<string, string>();
  let stillMs = 0;
  let nextTold = FIRST_TOLD_MS * scale;
  let status = '';
  let digest: string | undefined;
  let works = false;

  const move = (): void => {
    stillMs = 0;
    nextTold = FIRST_TOLD_MS * scale;
  };

  return {
    beatMs,
    hear: (event) => {
      if (event.type === 'Status') {
        const phase = phaseOf(event.status);
        // A layer's line, whose numbers come with it.
        if (phase === 'downloading') return;
        // Whatever else the server says it does may be long and silent; reading a manifest is not.
        works = phase !== 'manifest';
        digest = undefined;
        if (event.status !== status) move();
        ({ status } = event);
      } else if (event.type === 'ChunkProgress') {
        const { total = 0, completed = 0 } = event;
        ({ digest } = event);
        const count = `${completed}/${total}`;
        if (counts.get(digest) !== count) move();
        counts.set(digest, count);
        // Safetensors have no word for being verified: all is there, and nothing is said.
        works = digest === ALL_LAYERS && total > 0 && completed >= total;
      }
    },
    pass: (ms) => {
      stillMs += ms;
    },
    due: () => {
      if (stillMs < nextTold) return undefined;
      nextTold = stillMs + beatMs;
      const silentMs = Math.round(stillMs);
      return { type: 'Stall', silentMs, ...(digest === undefined ? {} : { digest }) };
    },
    isOver: () => stallMs > 0 && !works && stillMs >= stallMs,
  };
}
