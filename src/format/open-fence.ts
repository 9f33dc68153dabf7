/** A fence of a block of code, as it stands in its text. */
interface Fence {
  /** Where its line begins, in UTF-16 units. */
  readonly start: number;
  readonly indent: string;
  readonly ticks: string;
}

const OPENING = /^([ \t]*)(`{3,}(?=[^`\n]*$)|~{3,})/;

/** The fence of the block of code in which a Markdown text ends; undefined where it ends in none. */
function findOpenFence(markdown: string): Fence | undefined {
  let open: Fence | undefined;
  let start = 0;
  for (const line of markdown.split('\n')) {
    const text = line.replace(/\r$/, '');
    if (open === undefined) {
      const [, indent = '', ticks] = OPENING.exec(text) ?? [];
      if (ticks !== undefined) open = { start, indent, ticks };
    } else if (/^[ \t]*(`{3,}|~{3,})[ \t]*$/.exec(text)?.[1]?.startsWith(open.ticks) === true)
      open = undefined;
    start += line.length + 1;
  }
  return open;
}

/** A Markdown text behind which other text is no code, wherever it was cut. */
export function closeFence(markdown: string): string {
  const open = findOpenFence(markdown);
  if (open === undefined) return markdown;
  // Indented as it was opened: within a list the fence is the list's.
  return `${markdown}${markdown.endsWith('\n') ? '' : '\n'}${open.indent}${open.ticks}`;
}

/** The end of a Markdown text from which on it can be drawn by itself: its last block, empty where that has ended. */
export function findLastBlock(markdown: string): string {
  const open = findOpenFence(markdown);
  if (open !== undefined) return markdown.slice(open.start);
  const blank = /^[\s\S]*\n[ \t]*\r?\n/.exec(markdown);
  return markdown.slice(blank?.[0].length ?? 0);
}
