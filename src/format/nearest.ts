const LONGEST = 200;
const SHORTEST_PART = 3;

/** Letters added, dropped, changed or swapped with their neighbour (Damerau-Levenshtein, each place edited once). */
function countEdits(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}

function stripTag(name: string): string {
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? name.slice(0, colon) : name;
}

/** Lower is nearer; undefined is too far to be meant. */
function measureDistance(word: string, candidate: string): number | undefined {
  if (word === candidate) return 0;
  const parts = [candidate, stripTag(candidate)];
  if (parts.includes(word)) return 0.25;
  // What was asked for with another tag is nearer than any misspelling that happens to share the tag.
  if (parts.includes(stripTag(word))) return 0.5;
  const edits = Math.min(...parts.map((part) => countEdits(word, part)));
  if (edits <= Math.max(1, Math.floor(word.length / 3))) return edits;
  if (word.length < SHORTEST_PART) return undefined;
  if (candidate.startsWith(word)) return 100;
  return candidate.includes(word) ? 101 : undefined;
}

/** At most `count` of the candidates that may have been meant by the word, the nearest first; letter case and a missing tag don't count. */
export function findNearest(word: string, candidates: readonly string[], count: number): string[] {
  const wanted = word.toLowerCase();
  if (wanted === '') return [];
  const found: { name: string; distance: number }[] = [];
  for (const name of new Set(candidates)) {
    if (name.length > LONGEST) continue;
    const distance = measureDistance(wanted, name.toLowerCase());
    if (distance !== undefined) found.push({ name, distance });
  }
  found.sort((a, b) => a.distance - b.distance);
  return found.slice(0, count).map(({ name }) => name);
}

/** The name in lower case, where that may be what was meant: not where it is so already, and never for Hugging Face, whose names have capitals. */
export function suggestLowerCase(name: string): string | undefined {
  const lower = name.toLowerCase();
  if (lower === name || /^(?:https?:\/\/)?(?:hf\.co|huggingface\.co)\//.test(lower)) return undefined;
  return lower;
}
