import type { Io, OutputStream } from '../io.js';
import { colorLevel, type ColorFlag, type ColorLevel } from './color-level.js';
import { isTerminal, terminalWidth } from './mode.js';
import { supportsUnicode, symbols, type Symbols } from './symbols.js';
import type { Styles } from './styles.js';

/** How one stream is drawn on: its colours, signs and width in cells. */
export interface Look {
  readonly styles: Styles;
  readonly symbols: Symbols;
  readonly unicode: boolean;
  readonly level: ColorLevel;
  readonly width: number;
  /** Whether a person may be looking: a pipe's lines are never broken. */
  readonly isTerminal: boolean;
}

/** The settings that a look obeys. */
export interface LookSettings {
  readonly color: ColorFlag;
  readonly accessible?: boolean;
}

/** The look of a stream, each judged on its own. Colours are loaded here and not before: a pipe has none to load. */
export async function openLook(
  io: Pick<Io, 'env' | 'platform'>,
  stream: OutputStream,
  { color, accessible = false }: LookSettings,
): Promise<Look> {
  const { createStyles } = await import('./styles.js');
  const level = colorLevel({ flag: color, env: io.env, isTTY: isTerminal(stream, io.env) });
  // A screen reader spells signs out, or passes over them.
  const unicode = !accessible && supportsUnicode(io.env, io.platform);
  return {
    styles: createStyles(level),
    symbols: symbols(unicode),
    unicode,
    level,
    width: terminalWidth(stream, io.env),
    isTerminal: isTerminal(stream, io.env),
  };
}
