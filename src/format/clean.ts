// By Unicode property, so that the set is the standard's and not a list of ours: Cc is C0, DEL and C1 together;
// Cs under the u flag is only ever half a pair; Zl and Zp are U+2028 and U+2029.
// In functions, so that they are made when something is cleaned: putting the properties together takes half a
// millisecond, which a list as JSON need not pay.
const unsafe = (): RegExp => /[^\P{Cc}\n\t]|[\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/u;
const eachUnsafe = (): RegExp => /\r\n?|[^\P{Cc}\n\t]|[\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** What nearly all text is, and is safe anywhere: seen at once, where the properties take a while. */
const PLAIN = /^[ -~]*$/;

function replaceUnsafe(match: string): string {
  if (match.startsWith('\r')) return '\n';
  const code = match.codePointAt(0) ?? 0;
  if (code <= 0x9f) return '';
  if (code >= 0xd800 && code <= 0xdfff) return '\ufffd';
  return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
}

/**
 * Makes text of others safe to show in a terminal: control characters but newline and tab are dropped (an escape sequence
 * becomes inert text), line ends become `\n`, half surrogate pairs U+FFFD, and what reorders or breaks lines unseen
 * becomes visible as `<U+202E>`. Joiners and variation selectors of emoji stay.
 */
export function cleanText(
  text: string,
  options: { readonly multiline: boolean } = { multiline: true },
): string {
  if (PLAIN.test(text)) return text;
  const clean = unsafe().test(text) ? text.replace(eachUnsafe(), replaceUnsafe) : text;
  return options.multiline ? clean : clean.replace(/[\n\t]/g, ' ');
}

/** `cleanText` for a place that has only one line: each newline and each tab becomes one space. */
export function cleanLine(text: string): string {
  return cleanText(text, { multiline: false });
}

/**
 * `cleanText` for text that comes in pieces: the results joined are `cleanText` of the pieces joined, wherever it was cut.
 * Half a surrogate pair at the end is held back for the next piece; `last` gives it out.
 */
export function createCleaner(): (chunk: string, last?: boolean) => string {
  let half = '';
  let endedInReturn = false;
  return (chunk, last = false) => {
    let text = half + chunk;
    half = '';
    if (endedInReturn && text !== '') {
      endedInReturn = false;
      if (text.startsWith('\n')) text = text.slice(1);
    }
    if (!last && /[\ud800-\udbff]$/.test(text)) {
      half = text.slice(-1);
      text = text.slice(0, -1);
    }
    if (text.endsWith('\r')) endedInReturn = true;
    return cleanText(text);
  };
}
