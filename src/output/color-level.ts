import type { Io } from '../io.js';

/** How many colours may be written: none, 16, 256, or all. */
export type ColorLevel = 0 | 1 | 2 | 3;

/** What `--color` takes. */
export type ColorFlag = 'auto' | 'always' | 'never';

function readDepth(env: Io['env']): 1 | 2 | 3 {
  if (/^(?:truecolor|24bit)$/.test(env['COLORTERM'] ?? '') || env['WT_SESSION']) return 3;
  return /-256(?:color)?$/.test(env['TERM'] ?? '') ? 2 : 1;
}

function readForced(value: string, env: Io['env']): ColorLevel {
  if (value === '0' || value === 'false') return 0;
  if (value === '1' || value === '2' || value === '3') return Number(value) as ColorLevel;
  return readDepth(env);
}

/**
 * How many colours to write to one stream. The first that speaks decides: `--color`, FORCE_COLOR, NO_COLOR,
 * CLICOLOR_FORCE, TERM=dumb, CLICOLOR=0, whether it is a terminal. An empty variable says nothing (no-color.org).
 */
export function colorLevel(asked: {
  readonly flag?: ColorFlag | undefined;
  readonly env: Io['env'];
  readonly isTTY: boolean;
}): ColorLevel {
  const { flag, env, isTTY } = asked;
  if (flag === 'never') return 0;
  if (flag === 'always') return readDepth(env);
  if (env['FORCE_COLOR']) return readForced(env['FORCE_COLOR'], env);
  if (env['NO_COLOR']) return 0;
  if (env['CLICOLOR_FORCE'] && env['CLICOLOR_FORCE'] !== '0') return readDepth(env);
  if (env['TERM'] === 'dumb' || env['CLICOLOR'] === '0') return 0;
  return isTTY ? readDepth(env) : 0;
}
