import type { OllamaClient } from '../core/client.js';
import { reducePull, startPull } from '../core/pull.js';
import { pullTotals } from '../core/pull-totals.js';
import { createPullJson } from '../output/pull-json.js';
import type { JobEvent, Work } from './jobs.js';
import { createStatusLog } from './status-log.js';

/** The work of one pull. Its events are those of `pull --json`; `now` is in milliseconds since the epoch. */
export function createPullWork(client: OllamaClient, model: string, now: () => number): Work {
  let state = startPull(model, now());
  const log = createStatusLog();
  const json = createPullJson(model, now);
  return {
    kind: 'pull',
    models: [model],
    async run(tell, signal) {
      // Who waits has a limit; what is pulled for several, or for nobody, has none.
      for await (const event of client.pullModelStream(model, { signal, limitMs: 0 })) {
        state = reducePull(state, event, now());
        log.take(event);
        for (const told of json(state, event)) tell(told as JobEvent);
        if (event.type === 'Error') throw event.error;
      }
      return { status_log: log.lines };
    },
    recap() {
      if (state.status === '') return [];
      const anew = createPullJson(model, now);
      return [
        ...anew(state, { type: 'Status', status: state.status }),
        ...(state.active === undefined ? [] : anew(state, { type: 'ChunkProgress', digest: state.active })),
      ] as JobEvent[];
    },
    progress() {
      const { total, totalKnown, completed, bytesPerSecond, etaSeconds } = pullTotals(state, now());
      return {
        status: state.active === undefined ? state.status : 'pulling',
        total,
        total_known: totalKnown,
        completed,
        ...(bytesPerSecond === undefined ? {} : { bytes_per_second: Math.round(bytesPerSecond) }),
        ...(etaSeconds === undefined ? {} : { eta_seconds: Math.round(etaSeconds) }),
      };
    },
    log: () => log.lines,
  };
}
