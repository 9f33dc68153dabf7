import { Chalk } from 'chalk';
import type { ColorLevel } from './color-level.js';

/** What text can be in this program's eyes; each role gives it its colour, or leaves it as it is. */
export interface Styles {
  /** What moves, or is to be looked at first. */
  readonly accent: (text: string) => string;
  /** An outcome that was wanted. */
  readonly good: (text: string) => string;
  /** An outcome that was not. */
  readonly bad: (text: string) => string;
  /** What may need a look. */
  readonly warn: (text: string) => string;
  /** What is secondary. */
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

/** The roles in as many colours as the stream takes; at level 0 no escape code is ever written. */
export function createStyles(level: ColorLevel): Styles {
  const { cyan, green, red, yellow, dim, bold } = new Chalk({ level });
  return { accent: cyan, good: green, bad: red, warn: yellow, dim, bold };
}
