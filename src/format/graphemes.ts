const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

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
    const end = segmenter.segment(window).containing(size - 1)?.index || size;
    yield window.slice(0, end);
    from += end;
  }
  if (from < text.length) yield text.slice(from);
}

/** What a person takes for the characters of the text, one at a time and only as far as is asked for. */
export function* splitGraphemes(text: string): Generator<string> {
  for (const window of splitWindows(text)) {
    for (const { segment } of segmenter.segment(window)) yield segment;
  }
}
