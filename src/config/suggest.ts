/** How many letters must be changed, added, left out or swapped with their neighbour to make one word of the other. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The known word nearest to a mistyped one, or `undefined` where none is near enough to be what was meant. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  // Longer than any key there is: nothing can be near, and the comparison would only cost time.
  if (word.length > 64) return undefined;
  const begun = new Set(known.filter((candidate) => word.length > 2 && candidate.startsWith(word)));
  if (begun.size === 1) return [...begun][0];
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    const steps = distance(word.toLowerCase().replaceAll('-', '_'), candidate);
    if (steps < bestDistance) [best, bestDistance] = [candidate, steps];
  }
  return best;
}
