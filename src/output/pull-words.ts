import { hasEnded, type PullBoard } from '../core/pull-board.js';
import type { PullLayer, PullManifest, PullState } from '../core/pull.js';
import type { PullTotals } from '../core/pull-totals.js';
import { pullTotals } from '../core/pull-totals.js';
import { formatBytes, formatRate } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { formatMs, formatSeconds } from '../format/duration.js';

const SHORT_DIGEST = 12;
/** Waiting shorter than this needs no figure beside it. */
const SHORT_WAIT_MS = 3_000;

/** What is being done with a model: all three are told by the same statuses and shown by the same view. */
export type PullVerb = 'Pulling' | 'Pushing' | 'Creating';

/** What the words about a pull depend on besides its state. */
export interface About {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly host: string;
  readonly verb: PullVerb;
  /** After so long without a byte the server is asked again, in milliseconds; absent or 0 where it never is. */
  readonly stallMs?: number | undefined;
}

interface VerbWords {
  /** What the host is to it. */
  readonly at: string;
  readonly layerDone: string;
  readonly layerReused: string;
  readonly writing: string;
  /** Between the bytes and their time in an outcome. */
  readonly moved: string;
}

const VERBS: Readonly<Record<PullVerb, VerbWords>> = {
  Pulling: {
    at: 'from',
    layerDone: 'done',
    layerReused: 'already here',
    writing: 'writing manifest',
    moved: '',
  },
  Pushing: {
    at: 'from',
    layerDone: 'pushed',
    layerReused: 'there already',
    writing: 'pushing manifest',
    moved: ' pushed',
  },
  Creating: {
    at: 'on',
    layerDone: 'done',
    layerReused: 'already here',
    writing: 'writing manifest',
    moved: ' moved',
  },
};

/** The words of what is being done. */
export function verbWords(verb: PullVerb): VerbWords {
  return VERBS[verb];
}

/** What to call a layer: the first twelve digits of its digest, or `model` for Ollama's `sha256:model`. */
export function nameLayer(digest: string): string {
  return cleanLine(digest.slice(digest.indexOf(':') + 1)).slice(0, SHORT_DIGEST);
}

/** Whether a layer was where it goes before this pull, to its last byte. */
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

function retryWords({ retry, active }: PullState, now: number): string | undefined {
  // Once the next try names a layer, it is under way, and no longer news.
  if (!retry || active !== undefined) return undefined;
  const left = retry.at + retry.delayMs - now;
  const wait = left > 0 ? ` in ${formatSeconds(Math.ceil(left / 1000))}` : '';
  return `try ${retry.attempt}${wait}: ${cleanLine(retry.reason)}`;
}

/** A status of the server in one line, with digests as short as everywhere else. */
function statusWords(status: string): string {
  return cleanLine(status).replace(/sha256:([0-9a-f]{12})[0-9a-f]{52}/g, '$1');
}

/** What to say of a pull where there is nothing to measure, the longest wording first; absent while bytes are counted. */
export function phaseWords(state: PullState, about: About): readonly string[] | undefined {
  const { now, host, verb } = about;
  const before = (words: string): readonly string[] | undefined =>
    state.layers.length > 0 ? undefined : [retryWords(state, now) ?? words + sinceWords(state, now)];
  switch (state.phase) {
    case 'connecting':
      return before(`connecting to ${cleanLine(state.source ?? host)}`);
    case 'manifest':
      return before('reading the manifest');
    case 'working':
      return [statusWords(state.status) + sinceWords(state, now)];
    case 'verifying': {
      const verifying = `verifying, ${formatSeconds(Math.max(0, now - state.phaseSince) / 1000)}`;
      return [`${verifying} (the server reports nothing here)`, verifying];
    }
    case 'writing':
      return [verbWords(verb).writing];
    case 'cleaning':
      return ['removing unused layers'];
    case 'downloading':
    case 'success':
    case 'failed':
      return undefined;
  }
}

function silenceWords(silentMs: number, stallMs: number | undefined): readonly string[] {
  const silent = `no data for ${formatMs(silentMs)}`;
  const again = stallMs !== undefined && stallMs > silentMs;
  return again ? [`${silent}, asking again at ${formatMs(stallMs)}`, silent] : [silent];
}

/** What to say of the whole pull beside its bar: the next try after a failure, or a silence that is of no layer. */
export function totalNotes(state: PullState, { now, stallMs }: About): readonly string[] {
  if (hasEnded(state)) return [];
  const retry = retryWords(state, now);
  if (retry !== undefined) return [retry];
  return state.silentMs > 0 && state.active === undefined ? silenceWords(state.silentMs, stallMs) : [];
}

/** What to say of the layer that is being fetched beside its bar, the longest wording first; empty if all is well. */
export function layerNotes(
  state: PullState,
  totals: PullTotals,
  stallMs: number | undefined,
): readonly string[] {
  if (state.silentMs > 0) return silenceWords(state.silentMs, stallMs);
  if (totals.refetching <= 0) return [];
  const again = `fetching ${formatBytes(totals.refetching)} again`;
  const { retry } = state;
  const wrong = retry?.kind === 'digest' && retry.digest === state.active;
  return [wrong ? `${again}: its digest was wrong` : `${again} after a bad connection`, again];
}

function countLayers(count: number): string {
  return `${count} ${count === 1 ? 'layer' : 'layers'}`;
}

/** What the server had of a manifest, the longest wording first; absent where it had nothing: `3 of 5 layers are here already (4.1 GB), 6 MB to fetch`. */
export function presentWords({
  layers,
  size,
  present,
  presentBytes,
}: PullManifest): readonly string[] | undefined {
  if (present === 0) return undefined;
  const left = size - presentBytes;
  const here = `${present} of ${countLayers(layers)} ${present === 1 ? 'is' : 'are'} here already`;
  const rest = left > 0 ? `, ${formatBytes(left)} to fetch` : '';
  return [`${here} (${formatBytes(presentBytes)})${rest}`, here];
}

/** A manifest as a line of a log: `manifest read: 4 layers, 1.3 GB, 1.4 kB of it here already`. */
export function manifestLine({ layers, size, presentBytes }: PullManifest): string {
  const here = presentBytes >= size ? 'all' : formatBytes(presentBytes);
  const known = `manifest read: ${countLayers(layers)}, ${formatBytes(size)}`;
  return presentBytes > 0 ? `${known}, ${here} of it here already` : known;
}

/** How far several pulls are, without their number: `1 of 4 done, 1 failed, 1 skipped`; empty before the first has ended. */
export function boardWords(board: PullBoard): string {
  const count = (phase: PullState['phase']): number =>
    board.pulls.filter((state) => state.phase === phase).length;
  const [done, failed, skipped] = [count('success'), count('failed'), board.skipped?.length ?? 0];
  return [
    done > 0 ? `${done} of ${board.count} done` : '',
    failed > 0 ? `${failed} failed` : '',
    skipped > 0 ? `${skipped} skipped` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}

function reuseWords(state: PullState, verb: PullVerb): string {
  const whole = state.layers.filter(isReused).length;
  const part = state.layers.reduce((sum, layer) => sum + (isReused(layer) ? 0 : layer.reused), 0);
  const place = verb === 'Pushing' ? 'there' : 'here';
  const layers = `; ${whole} of ${state.layers.length} layers ${whole === 1 ? 'was' : 'were'} ${place} already`;
  return (whole > 0 ? layers : '') + (part > 0 ? `; ${formatBytes(part)} was kept from an earlier try` : '');
}

/** How a pull that succeeded went, without its name: `1.3 GB in 27s, 48 MB/s; 1 of 4 layers was here already`. */
export function outcomeWords(state: PullState, verb: PullVerb = 'Pulling'): string {
  const { total, downloaded } = pullTotals(state, state.phaseSince);
  const took = Math.max(1, state.phaseSince - state.startedAt);
  const { moved } = verbWords(verb);
  if (verb === 'Creating') {
    return `created in ${formatMs(took)}${downloaded > 0 ? `, ${formatBytes(downloaded)}${moved}` : ''}`;
  }
  const place = verb === 'Pushing' ? 'there' : 'here';
  if (downloaded === 0) return total === 0 ? 'complete' : `${formatBytes(total)}, was ${place} already`;
  const pace = formatRate((downloaded * 1000) / took);
  return `${formatBytes(downloaded)}${moved} in ${formatMs(took)}, ${pace}${reuseWords(state, verb)}`;
}
