/** A place of a text where `@` may name a file. */
export interface Mention {
  /** From the `@` to the end of the longest name, in UTF-16 units. */
  readonly from: number;
  readonly to: number;
  /** What it may name, the longest first: what ends a sentence need not belong to a name. */
  readonly names: readonly string[];
}

// Not behind a letter or a digit: that is an e-mail address. A space in a name is quoted, or has a backslash.
const MENTION = /(?<![\p{L}\p{N}_.+/@-])@(?:"([^"\n]+)"|'([^'\n]+)'|((?:\\ |[^\s\\"'`<>|]|\\(?! ))+))/gu;

const PUNCTUATION = /[\p{P}\p{S}]$/u;
const MOST_MENTIONS = 100;
const MOST_STRIPPED = 8;

/** The places of a text where `@` may name a file; whether there is such a file is for others to see. Pure. */
export function findMentions(text: string): Mention[] {
  const found: Mention[] = [];
  for (const match of text.matchAll(MENTION)) {
    const [whole, double, single, bare = ''] = match;
    const names = double ?? single ?? undefined;
    found.push({
      from: match.index,
      to: match.index + whole.length,
      names: names === undefined ? stripEnds(bare) : [names],
    });
    if (found.length === MOST_MENTIONS) break;
  }
  return found;
}

function stripEnds(bare: string): string[] {
  const names: string[] = [];
  for (let name = bare, left = MOST_STRIPPED; name !== ''; name = name.slice(0, -1), left--) {
    names.push(name);
    const unescaped = name.replaceAll('\\ ', ' ');
    if (unescaped !== name) names.push(unescaped);
    if (left === 0 || !PUNCTUATION.test(name)) break;
  }
  return names;
}
