import type { MarkdownLook } from '../../src/markdown/markdown.js';
import { createStyles } from '../../src/output/styles.js';

/** A look for the tests: without colours and in Unicode, unless told. */
export function lookOf(width: number, look: Partial<MarkdownLook> = {}): MarkdownLook {
  const level = look.level ?? 0;
  return { styles: createStyles(level), unicode: true, level, links: false, width: () => width, ...look };
}
