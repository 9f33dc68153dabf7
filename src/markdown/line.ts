/** What a line begins with that makes it a block of its own, or the beginning of one. */
export interface ListMark {
  readonly ordered: boolean;
  /** The sign that ends the number, or the bullet: items with another one are of another list. */
  readonly sign: string;
  readonly number: number;
  /** The characters of the mark, and of the mark with the spaces that belong to it. */
  readonly length: number;
  readonly indent: number;
  readonly isEmpty: boolean;
}

const TAB_STOP = 4;

/** The line with the tabs before its text as spaces, as Markdown counts columns. */
export function expandIndent(line: string): string {
  const lead = /^[\s>*+\-\d.)]*/.exec(line)?.[0] ?? '';
  if (!lead.includes('\t')) return line;
  let expanded = '';
  for (const character of lead) {
    expanded += character === '\t' ? ' '.repeat(TAB_STOP - (expanded.length % TAB_STOP)) : character;
  }
  return expanded + line.slice(lead.length);
}

/** The number of spaces before the text. */
export function countIndent(text: string): number {
  return /^ */.exec(text)?.[0].length ?? 0;
}

/** The level and text of an ATX heading; the text of one that goes on behind the end still has its closing marks. */
export function readHeading(text: string): { readonly level: number; readonly text: string } | undefined {
  const found = /^(#{1,6})(?:[ \t]+|$)/.exec(text);
  if (found === null) return undefined;
  const content = text.slice(found[0].length).trimEnd();
  return { level: found[1]?.length ?? 1, text: content.replace(/(?:^|[ \t])#+$/, '').trimEnd() };
}

/** The marks that open fenced code, and its language: the first word behind them. */
export function readFence(text: string): { readonly marks: string; readonly language: string } | undefined {
  const found = /^(?:(`{3,})([^`]*)|(~{3,})(.*))$/.exec(text);
  if (found === null) return undefined;
  const info = (found[2] ?? found[4] ?? '').trim();
  return { marks: found[1] ?? found[3] ?? '', language: /^[^\s{,]*/.exec(info)?.[0] ?? '' };
}

/** Whether the line closes fenced code that was opened by these marks. */
export function closesFence(text: string, marks: string): boolean {
  const line = text.trim();
  if (countIndent(text) > 3 || line.length < marks.length) return false;
  const sign = marks.charAt(0);
  return line === sign.repeat(line.length);
}

/** The level of the heading that a line of `===` or `---` makes of the paragraph above it. */
export function readUnderline(text: string): 1 | 2 | undefined {
  const line = text.trimEnd();
  if (/^=+$/.test(line)) return 1;
  return /^-+$/.test(line) ? 2 : undefined;
}

/** Whether the line is a rule. */
export function isRule(text: string): boolean {
  return /^(?:\*{3,}|-{3,}|_{3,})$/.test(text.replace(/[ \t]/g, ''));
}

/** The mark of a list's item. */
export function readListMark(text: string): ListMark | undefined {
  const found = /^(?:([-+*])|(\d{1,9})([.)]))(?= |$)/.exec(text);
  if (found === null) return undefined;
  const length = found[0].length;
  const spaces = countIndent(text.slice(length));
  const isEmpty = text.slice(length).trim() === '';
  return {
    ordered: found[1] === undefined,
    sign: found[1] ?? found[3] ?? '',
    number: Number(found[2] ?? 0),
    length,
    // With five spaces or more, all but one belong to indented code.
    indent: length + (isEmpty || spaces > 4 ? 1 : spaces),
    isEmpty,
  };
}

const HTML_BLOCKS = new RegExp(
  '^</?(?:address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|' +
    'dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|' +
    'menu|menuitem|meta|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|' +
    'title|tr|track|ul)(?:\\s|/?>|$)',
  'i',
);
const ONE_TAG =
  /^<(?:\/[a-z][a-z\d-]*\s*|[a-z][a-z\d-]*(?:\s+[a-z_:][\w.:-]*(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?)*\s*\/?)>\s*$/i;

/** Text that is shown as it is up to its end: what that end is, where it is more than a blank line. */
export interface Verbatim {
  readonly end: string | undefined;
  /** Whether a blank line ends it. */
  readonly endsAtBlank: boolean;
}

/** HTML or a formula that takes whole lines. */
export function readVerbatim(text: string, interrupts: boolean): Verbatim | undefined {
  if (text.startsWith('$$') || text.startsWith('\\[')) {
    const end = text.startsWith('$$') ? '$$' : '\\]';
    return text.includes(end, 2) ? undefined : { end, endsAtBlank: true };
  }
  if (!text.startsWith('<')) return undefined;
  const raw = /^<(script|pre|style|textarea)(?:\s|>|$)/i.exec(text)?.[1];
  if (raw !== undefined) return { end: `</${raw.toLowerCase()}>`, endsAtBlank: false };
  if (text.startsWith('<!--')) return { end: '-->', endsAtBlank: false };
  if (text.startsWith('<?')) return { end: '?>', endsAtBlank: false };
  if (HTML_BLOCKS.test(text) || (!interrupts && ONE_TAG.test(text)))
    return { end: undefined, endsAtBlank: true };
  return undefined;
}
