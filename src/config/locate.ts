import { isMap, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Node, Pair } from 'yaml';

/**
 * Makes a function that tells the line (from 1) of a key in a JSON or YAML text: of the deepest part of its path that is
 * there, or line 1. Parses the text once more, so it is for errors only.
 */
export function locateKeys(text: string): (path: readonly string[]) => number {
  const lines = new LineCounter();
  const document = parseDocument<Node>(text, { lineCounter: lines, uniqueKeys: false, logLevel: 'silent' });
  return (path) => {
    let node: unknown = document.contents;
    let offset = 0;
    for (const segment of path) {
      const pair: Pair | undefined = isMap(node)
        ? node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === segment)
        : undefined;
      if (pair === undefined || !isScalar(pair.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    }
    return Math.max(1, lines.linePos(offset).line);
  };
}
