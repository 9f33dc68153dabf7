import type { Highlighter } from './highlight.js';

/** What colours code; loading it takes tens of milliseconds, so a view does it while it waits for an answer. */
export async function loadHighlighter(): Promise<Highlighter> {
  const { highlighter } = await import('./highlight.js');
  return highlighter;
}
