/**
 * Whether the whole name fits the glob: `*` stands for any run of characters, `/` and `:` too, `?` for exactly one;
 * upper and lower case are the same. Takes time in proportion to both lengths, whatever the glob.
 */
export function matchGlob(glob: string, name: string): boolean {
  const pattern = [...glob.toLowerCase()];
  const text = [...name.toLowerCase()];
  let p = 0;
  let t = 0;
  // Where the last star stands, and how much of the text it has taken so far: on a mismatch it takes one more.
  let star = -1;
  let taken = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** True for a word that means any number of models. */
export function isGlob(word: string): boolean {
  return /[*?]/.test(word);
}

/** Whether a word on the command line means this model: as a glob where it is one, else by how the name begins. */
export function matchName(word: string, name: string): boolean {
  return isGlob(word) ? matchGlob(word, name) : name.toLowerCase().startsWith(word.toLowerCase());
}
