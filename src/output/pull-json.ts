import { type PullState } from '../core/pull.js';
import { pullTotals, type PullTotals } from '../core/pull-totals.js';
import type { OllamaPullEvent } from '../core/pull-events.js';

/** Progress of one layer is told at most this often, in milliseconds; a layer's end always. */
const PACE_MS = 100;

type JsonEvent = Readonly<Record<string, unknown>>;

/** The figures of `overall`. */
export type OverallTotals = Pick<
  PullTotals,
  'total' | 'totalKnown' | 'completed' | 'bytesPerSecond' | 'etaSeconds'
>;

/**
 * Makes the JSON events of one pull; `now` in milliseconds. `overall` is of all pulls of the command, where there are
 * several, and otherwise of this one. What came of it is told by `pullResult`.
 */
export function createPullJson(
  model: string,
  now: () => number,
): (state: PullState, event: OllamaPullEvent, overall?: OverallTotals) => JsonEvent[] {
  const told = new Set<string>();
  let status: string | undefined;
  const last = new Map<string, number>();

  const progress = (state: PullState, digest: string, done: boolean, totals: OverallTotals): JsonEvent[] => {
    const layer = state.layers.find((one) => one.digest === digest);
    if (!layer) return [];
    last.set(digest, now());
    return [
      {
        type: 'progress',
        model,
        digest,
        total: layer.total,
        completed: layer.completed,
        ...(done ? { layer_done: true } : {}),
        overall: overallJson(totals),
      },
    ];
  };

  const newlyDone = (state: PullState, totals: OverallTotals): JsonEvent[] =>
    state.layers.flatMap((layer) => {
      if (!layer.done || told.has(layer.digest)) return [];
      told.add(layer.digest);
      return progress(state, layer.digest, true, totals);
    });

  return (state, event, totals = pullTotals(state, now())) => {
    switch (event.type) {
      case 'Status':
        // The server repeats it beside each count of bytes: hundreds of times a minute.
        if (event.status === status) return newlyDone(state, totals);
        status = event.status;
        return [...newlyDone(state, totals), { type: 'status', model, status }];
      case 'ChunkProgress': {
        const due = now() - (last.get(event.digest) ?? -Infinity) >= PACE_MS;
        return [...newlyDone(state, totals), ...(due ? progress(state, event.digest, false, totals) : [])];
      }
      case 'Manifest': {
        const { size = 0, presentBytes = 0 } = state.manifest ?? {};
        return [
          {
            type: 'manifest',
            model,
            layers: event.layers.map(({ digest, size: bytes, present }) => ({
              digest,
              size: bytes,
              present,
            })),
            bytes_to_fetch: size - presentBytes,
            bytes_present: presentBytes,
          },
        ];
      }
      case 'Stall':
        return [{ type: 'stall', model, ...about(event.digest), silent_ms: event.silentMs }];
      case 'Retry': {
        const { attempt, reason, delayMs, kind, digest } = event;
        return [{ type: 'retry', model, attempt, reason, delay_ms: delayMs, kind, ...about(digest) }];
      }
      case 'Success':
        return newlyDone(state, totals);
      case 'Error':
        return [];
    }
  };
}

function about(digest: string | undefined): { digest?: string } {
  return digest === undefined ? {} : { digest };
}

function overallJson({ total, totalKnown, completed, bytesPerSecond, etaSeconds }: OverallTotals): JsonEvent {
  return {
    total,
    total_known: totalKnown,
    completed,
    ...(bytesPerSecond === undefined ? {} : { bytes_per_second: Math.round(bytesPerSecond) }),
    ...(etaSeconds === undefined ? {} : { eta_seconds: Math.round(etaSeconds) }),
  };
}

/** The `model_result` of a pull, a push or a create that succeeded. Sizes are bytes. */
export function pullResult(
  model: string,
  facts: {
    readonly digest?: string | undefined;
    readonly as?: string | undefined;
    readonly downloaded: number;
    readonly reused: number;
    readonly ms: number;
  },
): JsonEvent {
  return {
    type: 'model_result',
    model,
    status: 'success',
    ...about(facts.digest),
    ...(facts.as === undefined ? {} : { as: facts.as }),
    bytes_downloaded: facts.downloaded,
    bytes_reused: facts.reused,
    duration_ms: Math.round(facts.ms),
  };
}
