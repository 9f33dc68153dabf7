let segmenter: Intl.Segmenter | undefined;

/** Graphemes as `Intl.Segmenter` finds them. It is made when it is first needed: to make one takes some 8 ms. */
export function segment(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return segmenter.segment(text);
}

/** Of these each is a grapheme of its own. */
const PLAIN = /^[\t\n -~]*$/;

/** In code units. `Intl.Segmenter` takes a time that grows with the square of a text of more than some 60,000. */
const WINDOW = 4096;

/** The text in pieces of at most 4,096 code units, cut between graphemes (a single longer one is cut too). */
export function* splitWindows(text: string): Generator<string> {
  let from = 0;
  while (text.length - from > WINDOW) {
    // Half a surrogate pair would end the grapheme before it.
    const size = /[\ud800-\udbff]/.test(text.charAt(from + WINDOW - 1)) ? WINDOW - 1 : WINDOW;
    const window = text.slice(from, from + size);
    // The last grapheme may go on behind the window, so it is left for the next.
    const end = segment(window).containing(size - 1)?.index || size;
    yield window.slice(0, end);
    from += end;
  }
  if (from < text.length) yield text.slice(from);
}

/** What a person takes for the characters of the text, one at a time and only as far as is asked for. */
export function* splitGraphemes(text: string): Generator<string> {
  for (const window of splitWindows(text)) {
    if (PLAIN.test(window)) yield* window;
    else for (const { segment: grapheme } of segment(window)) yield grapheme;
  }
}
