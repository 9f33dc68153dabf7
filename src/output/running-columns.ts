import type { RunningModel } from '../core/wire.js';
import { formatBytes } from '../format/bytes.js';
import { formatCount } from '../format/count.js';
import { formatSeconds } from '../format/duration.js';
import type { Symbols } from './symbols.js';
import type { Column } from './table.js';

/** More than this ahead, in seconds, is how Ollama writes "keep loaded": twenty years. */
const FOREVER = 20 * 365 * 24 * 3600;
/** How wide the bar of a model's memory is. */
export const BAR_CELLS = 12;

/** A loaded model as this program tells it: how much of it is in GPU memory, and how fast it last answered this program, in tokens a second. */
export interface LoadedModel extends RunningModel {
  readonly gpu_percent?: number;
  readonly tokens_per_second?: number;
}

/** How much of a model the server says is in GPU memory, in per cent; undefined where its numbers make no sense. */
export function gpuPercent({ size, size_vram: vram }: RunningModel): number | undefined {
  // Ollama's own rounding: the part in system memory is rounded, and the rest is the GPU's.
  return size > 0 && vram >= 0 && vram <= size ? 100 - Math.round((100 * (size - vram)) / size) : undefined;
}

/** Where a model is, in Ollama's words: `100% GPU`, `100% CPU`, `38%/62% CPU/GPU`, `unknown`. */
function processorWords(model: RunningModel): string {
  const gpu = gpuPercent(model);
  if (gpu === undefined) return 'unknown';
  if (model.size_vram === 0) return '100% CPU';
  return model.size_vram === model.size ? '100% GPU' : `${100 - gpu}%/${gpu}% CPU/GPU`;
}

/** Until when a model stays loaded, seen from `now` (milliseconds): `4m 05s`, `forever`, `stopping`; empty if untold. */
function untilWords(expiresAt: string, now: number): string {
  const seconds = (Date.parse(expiresAt) - now) / 1000;
  if (Number.isNaN(seconds)) return '';
  if (seconds < 0) return 'stopping';
  return seconds > FOREVER ? 'forever' : formatSeconds(seconds);
}

/** How wide the columns usually are in a terminal, in cells. */
export const RUNNING_WIDTHS: Readonly<Record<string, number>> = {
  name: 20,
  digest: 12,
  size: 8,
  gpu_percent: 15,
  expires_at: 8,
};

function memoryBar(model: RunningModel, signs: Pick<Symbols, 'barFull' | 'barEmpty'>): string {
  const gpu = gpuPercent(model);
  if (gpu === undefined) return '';
  // Neither part is drawn away while there is some of it.
  const full = Math.min(
    gpu < 100 ? BAR_CELLS - 1 : BAR_CELLS,
    Math.max(gpu > 0 ? 1 : 0, Math.round((gpu / 100) * BAR_CELLS)),
  );
  return signs.barFull.repeat(full) + signs.barEmpty.repeat(BAR_CELLS - full);
}

const COLUMN_NAME: Column<LoadedModel> = {
  key: 'name',
  title: 'NAME',
  value: (m) => m.name,
  raw: (m) => m.name,
  shrink: 'middle',
};

function drawn(
  key: string,
  title: string,
  value: (model: LoadedModel) => string,
  more: Pick<Column<LoadedModel>, 'align' | 'priority'> = {},
): Column<LoadedModel> {
  return { key, title, value, raw: value, ...more };
}

/**
 * The table of the loaded models in a terminal, seen from `now` (milliseconds). With `signs` it is the live one: bars of
 * GPU memory, and how fast each last answered.
 */
export function runningColumns(
  now: number,
  signs?: Pick<Symbols, 'barFull' | 'barEmpty' | 'dash'>,
): readonly Column<LoadedModel>[] {
  const id = drawn('digest', 'ID', (m) => m.digest.replace(/^sha256:/, '').slice(0, 12), { priority: 4 });
  const size = drawn('size', 'SIZE', (m) => formatBytes(m.size), { align: 'right', priority: 1 });
  const processor = drawn('gpu_percent', 'PROCESSOR', processorWords);
  const tokens = (m: LoadedModel): string =>
    m.context_length === undefined ? '' : formatCount(m.context_length);
  const context = drawn('context_length', 'CONTEXT', tokens, { align: 'right', priority: 2 });
  const until = drawn('expires_at', 'UNTIL', (m) => untilWords(m.expires_at, now));
  if (signs === undefined) return [COLUMN_NAME, id, size, processor, context, until];
  const bar = drawn('size_vram', 'GPU', (m) => memoryBar(m, signs), { priority: 4 });
  const rate = ({ tokens_per_second: rate }: LoadedModel): string =>
    rate === undefined ? signs.dash : String(Math.round(rate));
  const speed = drawn('tokens_per_second', 'TOK/S', rate, { align: 'right', priority: 3 });
  return [COLUMN_NAME, size, bar, processor, context, speed, until];
}
