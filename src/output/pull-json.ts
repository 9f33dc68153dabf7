import { type PullState } from '../core/pull.js';
import { pullTotals } from '../core/pull-totals.js';
import type { OllamaPullEvent } from '../core/pull-events.js';

/** Progress of one layer is told at most this often, in milliseconds; a layer's end always. */
const PACE_MS = 100;

type JsonEvent = Readonly<Record<string, unknown>>;

/** Makes the JSON events of one pull; `now` in milliseconds. */
export function createPullJson(
  model: string,
  now: () => number,
): (state: PullState, event: OllamaPullEvent) => JsonEvent[] {
  const told = new Set<string>();
  let status: string | undefined;
  let last: { digest: string; at: number; completed: number } | undefined;

  const progress = (state: PullState, digest: string, done: boolean): JsonEvent[] => {
    const layer = state.layers.find((one) => one.digest === digest);
    if (!layer) return [];
    const totals = pullTotals(state, now());
    last = { digest, at: now(), completed: layer.completed };
    return [
      {
        type: 'progress',
        model,
        digest,
        total: layer.total,
        completed: layer.completed,
        ...(done ? { layer_done: true } : {}),
        overall: {
          total: totals.total,
          total_known: totals.totalKnown,
          completed: totals.completed,
          ...(totals.bytesPerSecond === undefined
            ? {}
            : { bytes_per_second: Math.round(totals.bytesPerSecond) }),
          ...(totals.etaSeconds === undefined ? {} : { eta_seconds: Math.round(totals.etaSeconds) }),
        },
      },
    ];
  };

  const newlyDone = (state: PullState): JsonEvent[] =>
    state.layers.flatMap((layer) => {
      if (!layer.done || told.has(layer.digest)) return [];
      told.add(layer.digest);
      return progress(state, layer.digest, true);
    });

  return (state, event) => {
    switch (event.type) {
      case 'Status':
        // The server repeats it beside each count of bytes: hundreds of times a minute.
        if (event.status === status) return newlyDone(state);
        status = event.status;
        return [...newlyDone(state), { type: 'status', model, status }];
      case 'ChunkProgress': {
        const due = last?.digest !== event.digest || now() - last.at >= PACE_MS;
        return [...newlyDone(state), ...(due ? progress(state, event.digest, false) : [])];
      }
      case 'Stall':
        return [
          {
            type: 'stall',
            model,
            ...(event.digest === undefined ? {} : { digest: event.digest }),
            silent_ms: event.silentMs,
          },
        ];
      case 'Retry':
        return [
          { type: 'retry', model, attempt: event.attempt, reason: event.reason, delay_ms: event.delayMs },
        ];
      case 'Success':
        return [...newlyDone(state), modelResult(state, now())];
      case 'Error':
        return [];
    }
  };
}

function modelResult(state: PullState, now: number): JsonEvent {
  const totals = pullTotals(state, now);
  return {
    type: 'model_result',
    model: state.model,
    status: 'success',
    bytes_downloaded: totals.downloaded,
    bytes_reused: totals.reused,
    duration_ms: Math.round(now - state.startedAt),
  };
}
