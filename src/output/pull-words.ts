import type { PullLayer, PullState } from '../core/pull.js';
import type { PullTotals } from '../core/pull-totals.js';
import { pullTotals } from '../core/pull-totals.js';
import { formatBytes, formatRate } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { formatMs, formatSeconds } from '../format/duration.js';

const SHORT_DIGEST = 12;
/** Waiting shorter than this needs no figure beside it. */
const SHORT_WAIT_MS = 3_000;

/** Which of several pulls this is, counted from 1. */
export interface PullQueue {
  readonly position: number;
  readonly count: number;
}

/** What to call a layer: the first twelve digits of its digest, or `model` for Ollama's `sha256:model`. */
export function nameLayer(digest: string): string {
  return cleanLine(digest.slice(digest.indexOf(':') + 1)).slice(0, SHORT_DIGEST);
}

/** What to call the model being pulled, and its place where there are several. */
export function nameModel(model: string, queue: PullQueue | undefined): string {
  const name = cleanLine(model);
  return queue && queue.count > 1 ? `${name} (${queue.position} of ${queue.count})` : name;
}

/** Whether a layer was on the server before this pull, to its last byte. */
export function isReused(layer: PullLayer): boolean {
  return layer.total > 0 && layer.reused === layer.total;
}

/** A share in whole percent, rounded down; 100 only for all of a total that is final. */
export function countPercent(completed: number, total: number, final: boolean): number {
  if (total <= 0) return 0;
  return Math.min(Math.floor((completed / total) * 100), final ? 100 : 99);
}

function sinceWords(state: PullState, now: number): string {
  const waited = now - state.phaseSince;
  return waited < SHORT_WAIT_MS ? '' : `, ${formatSeconds(waited / 1000)}`;
}

function retryWords(state: PullState): string | undefined {
  // Once the next try names a layer, it is under way, and no longer news.
  if (!state.retry || state.active !== undefined) return undefined;
  return `try ${state.retry.attempt}: ${cleanLine(state.retry.reason)}`;
}

/**
 * What to say of a pull where there is nothing to measure, the longest wording first; absent while bytes are counted.
 * `now` is in milliseconds since the epoch.
 */
export function phaseWords(state: PullState, host: string, now: number): readonly string[] | undefined {
  switch (state.phase) {
    case 'connecting':
      return state.layers.length > 0
        ? undefined
        : [retryWords(state) ?? `connecting to ${cleanLine(host)}${sinceWords(state, now)}`];
    case 'manifest':
      return state.layers.length > 0
        ? undefined
        : [retryWords(state) ?? `reading the manifest${sinceWords(state, now)}`];
    case 'verifying': {
      const verifying = `verifying, ${formatSeconds(Math.max(0, now - state.phaseSince) / 1000)}`;
      return [`${verifying} (the server reports nothing here)`, verifying];
    }
    case 'writing':
      return ['writing manifest'];
    case 'cleaning':
      return ['removing unused layers'];
    case 'downloading':
    case 'success':
    case 'failed':
      return undefined;
  }
}

/** What to say of the whole pull beside its bar: the next try after a failure. */
export function totalNotes(state: PullState): readonly string[] {
  const retry = state.phase === 'failed' ? undefined : retryWords(state);
  return retry === undefined ? [] : [retry];
}

/** What to say of the layer that is being fetched beside its bar, the longest wording first; empty if all is well. */
export function layerNotes(state: PullState, totals: PullTotals): readonly string[] {
  if (state.silentMs > 0) return [`no data for ${formatSeconds(state.silentMs / 1000)}`];
  if (totals.refetching > 0) {
    const again = `fetching ${formatBytes(totals.refetching)} again`;
    return [`${again} after a bad connection`, again];
  }
  return [];
}

function reuseWords(state: PullState): string {
  const whole = state.layers.filter(isReused).length;
  const part = state.layers.reduce((sum, layer) => sum + (isReused(layer) ? 0 : layer.reused), 0);
  const layers = `; ${whole} of ${state.layers.length} layers ${whole === 1 ? 'was' : 'were'} here already`;
  return (whole > 0 ? layers : '') + (part > 0 ? `; ${formatBytes(part)} was kept from an earlier try` : '');
}

/** How a pull that succeeded went, without its name: `1.3 GB in 27s, 48 MB/s; 1 of 4 layers was here already`. */
export function outcomeWords(state: PullState): string {
  const { total, downloaded } = pullTotals(state, state.phaseSince);
  if (downloaded === 0) return total === 0 ? 'complete' : `${formatBytes(total)}, was here already`;
  const took = Math.max(1, state.phaseSince - state.startedAt);
  const pace = formatRate((downloaded * 1000) / took);
  return `${formatBytes(downloaded)} in ${formatMs(took)}, ${pace}${reuseWords(state)}`;
}
