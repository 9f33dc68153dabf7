import { boardTotals, hasEnded, type PullBoard } from '../core/pull-board.js';
import { isPastLayers } from '../core/pull-phase.js';
import type { PullState } from '../core/pull.js';
import type { Io, OutputStream } from '../io.js';
import { countPercent } from './pull-words.js';

/** The progress that a terminal shows beside its screen: on its tab, or in the task bar. */
interface Taskbar {
  show(board: PullBoard): void;
  /** Takes the progress away; nothing is shown any more. May be called again. */
  close(): void;
}

/** What the progress is shown on, and for how long. */
interface TaskbarOptions {
  readonly stream: OutputStream;
  readonly env: Io['env'];
  /** Milliseconds since the epoch. */
  now(): number;
  /** Once aborted, the progress is taken away at once: a program that is told to end may not come to its own end. */
  readonly signal?: AbortSignal | undefined;
}

/** Some terminals take a progress away that was not told again for fifteen seconds. */
const AGAIN_MS = 5_000;
/** The first versions that show progress; those before show the sequence as a message, once for each. */
const WEZTERM = 20_250_201;
const ITERM: readonly number[] = [3, 6, 6];
const VTE = 8_000;

/**
 * Whether the terminal is known to show the progress of `OSC 9;4`: to many others `OSC 9` is a message to the desktop.
 * Within tmux and screen never: which terminal is behind them is not known.
 */
export function showsProgress(env: Io['env']): boolean {
  if (env['TMUX'] || env['STY'] || /^(?:tmux|screen)/.test(env['TERM'] ?? '')) return false;
  if (env['WT_SESSION'] || env['ConEmuANSI'] === 'ON') return true;
  const version = env['TERM_PROGRAM_VERSION'] ?? '';
  switch (env['TERM_PROGRAM']) {
    case 'ghostty':
      return true;
    case 'WezTerm':
      return Number(/^\d{8}(?=-)/.exec(version)?.[0] ?? 0) >= WEZTERM;
    case 'iTerm.app':
      return isSince(version, ITERM);
    default:
      return Number(env['VTE_VERSION'] ?? 0) >= VTE;
  }
}

function isSince(version: string, least: readonly number[]): boolean {
  const parts = /^\d+(?:\.\d+)*/.exec(version)?.[0].split('.').map(Number) ?? [];
  const at = least.findIndex((part, index) => (parts[index] ?? 0) !== part);
  return parts.length > 0 && (at < 0 || (parts[at] ?? 0) > (least[at] ?? 0));
}

/** The state and the percentage for a board: 1 is progress, 2 trouble, 3 work without a measure. */
export function taskbarState(board: PullBoard, now: number): string {
  const { total, totalKnown, completed } = boardTotals(board, now);
  const running = board.pulls.filter((state) => !hasEnded(state));
  const percent = countPercent(completed, total, totalKnown);
  if (board.pulls.some((state) => state.phase === 'failed')) return `2;${percent}`;
  const measured = running.some(isMeasured);
  return total === 0 || (running.length > 0 && !measured) ? '3' : `1;${percent}`;
}

function isMeasured({ layers, phase }: PullState): boolean {
  return layers.length > 0 && phase !== 'working' && !isPastLayers(phase);
}

/** Opens the progress of a terminal; where it is not known to show one, nothing is ever written. */
export function openTaskbar({ stream, env, now, signal }: TaskbarOptions): Taskbar {
  let open = stream.isTTY === true && showsProgress(env) && signal?.aborted !== true;
  if (!open) return { show: () => undefined, close: () => undefined };
  let told: string | undefined;

  const write = (state: string): void => {
    if (!stream.destroyed && !stream.writableEnded) stream.write(`\u001b]9;4;${state}\u0007`);
  };
  const again = setInterval(() => {
    if (told !== undefined) write(told);
  }, AGAIN_MS);
  again.unref();
  const close = (): void => {
    if (!open) return;
    open = false;
    clearInterval(again);
    signal?.removeEventListener('abort', close);
    if (told !== undefined) write('0');
  };
  signal?.addEventListener('abort', close);

  return {
    show(board) {
      if (!open) return;
      const state = taskbarState(board, now());
      if (state === told) return;
      told = state;
      write(state);
    },
    close,
  };
}
