import { isMap, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Node, Pair } from 'yaml';

/** Where a key is: its line, from 1, and whether the whole path is there or the line is of the deepest part that is. */
export interface KeyPlace {
  readonly line: number;
  readonly isWhole: boolean;
}

/**
 * Makes a function that finds keys in a JSON or YAML text; upper and lower case are the same. Parses the text once more,
 * so it is for errors and for lists of origins only.
 */
export function locateKeys(text: string): (path: readonly string[]) => KeyPlace {
  const lines = new LineCounter();
  const document = parseDocument<Node>(text, { lineCounter: lines, uniqueKeys: false, logLevel: 'silent' });
  return (path) => {
    let node: unknown = document.contents;
    let offset = 0;
    let found = 0;
    for (const segment of path) {
      const pair: Pair | undefined = isMap(node)
        ? node.items.find(
            (item) =>
              isPair(item) &&
              isScalar(item.key) &&
              String(item.key.value).toLowerCase() === segment.toLowerCase(),
          )
        : undefined;
      if (pair === undefined || !isScalar(pair.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
      found++;
    }
    return { line: Math.max(1, lines.linePos(offset).line), isWhole: found === path.length };
  };
}
