// What a terminal obeys: OSC, the other strings, CSI, single escapes, control characters, what reorders text.
const SEQUENCE =
  /\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[PX^_][^\x1b\n]*(?:\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\p{Bidi_Control}\u2028\u2029]/gu;

/** Moves and erasures; a frame's begin and end, the cursor, pastes, kitty's keys and the questions about them. */
const MOVES = /^(?:\r|\x08|\x1b\[\d*[ABCDGJK]|\x1b\[\?(?:7|25|2004|2026)[hl]|\x1b\[(?:\?|>1|<1?)u|\x1b\[c)$/;
/** The colours and faces that are ours: never blinking (5), reversed (7) or hidden (8). */
const STYLES = /^\x1b\[(?:[0-4]|9|2[2-49]|3[0-7]|39|9\d|[34]8;5;\d+|49)?m$/;
const LINK = /^\x1b\]8;;[\x21-\x7e]*\x1b\\$/;

/** The sequences of what was written to a terminal that this program never writes itself. */
export function foreignSequences(
  written: string,
  { styles = false, links = false }: { readonly styles?: boolean; readonly links?: boolean } = {},
): string[] {
  return (written.match(SEQUENCE) ?? []).filter(
    (sequence) =>
      !MOVES.test(sequence) && !(styles && STYLES.test(sequence)) && !(links && LINK.test(sequence)),
  );
}

/** What nobody but the terminal's own program may say to it; no part of it is a sequence that this one writes. */
export const HOSTILE = [
  '\u001b]0;owned\u0007',
  '\u001b]52;c;b3duZWQ=\u001b\\',
  '\u001b]8;;file:///etc/passwd\u0007',
  '\u001b]1337;File=inline=1:AAAA\u0007',
  '\u001b[5m',
  '\u001b[8mhidden',
  '\u001b[10;10H',
  '\u001b[?1049h',
  '\u001b[6n',
  '\u001b[21t',
  '\u001bP1$r0m\u001b\\',
  '\u001b_apc\u001b\\',
  '\u001bc',
  '\u001b',
  '\u009b5m',
  '\u009d0;owned\u009c',
  '\u0090q\u009c',
  '\u0007',
  '\u0000',
  '\u007f',
  '\u202e',
  '\u2066',
  '\u2028',
] as const;

/** All of it at once, with a word in front that can be looked for. */
export function hostile(word: string): string {
  return `${word}${HOSTILE.join('x')}`;
}
