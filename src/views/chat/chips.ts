/** A long text that stands in the composer as one character, until it is sent. */
export interface Chip {
  readonly text: string;
  /** What is drawn for it: `[Pasted 40 lines]`. */
  readonly label: string;
}

// Each chip is a C1 control character in the composer's text: cleaning takes these out of whatever a person types or
// pastes, so none is ever taken for a chip; nothing joins one into a grapheme; and one drawn by mistake is cleaned away.
const FIRST = 0x80;
const MOST = 32;
const FOLDED_LINES = 8;
const FOLDED_LENGTH = 1000;
/** Drawing costs by the character; a text longer than this is no longer read in a composer. */
const LONGEST_SHOWN = 20_000;

const eachChip = (): RegExp => /[\u0080-\u009f]/g;

/** Whether a grapheme of the composer's text stands for a chip. */
export function isChip(grapheme: string): boolean {
  return grapheme >= '\u0080' && grapheme <= '\u009f';
}

/** The chip that a grapheme stands for; undefined for any other. */
export function findChip(grapheme: string, chips: readonly Chip[]): Chip | undefined {
  return isChip(grapheme) ? chips[grapheme.charCodeAt(0) - FIRST] : undefined;
}

/** The composer's text with all chips unfolded. */
export function expandChips(text: string, chips: readonly Chip[]): string {
  return chips.length === 0 ? text : text.replace(eachChip(), (char) => findChip(char, chips)?.text ?? '');
}

function countLines(text: string): number {
  let lines = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < text.length - 1; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}

function tellLength(length: number): string {
  if (length < 1000) return String(length);
  const [value, unit] = length < 999_950 ? [length / 1000, 'k'] : [length / 1_000_000, 'M'];
  return `${value.toFixed(1).replace(/\.0$/, '')}${unit}`;
}

function tellSize(text: string): string {
  const lines = countLines(text);
  return lines < FOLDED_LINES ? `${tellLength(text.length)} characters` : `${lines} lines`;
}

interface Folded {
  readonly chips: readonly Chip[];
  /** What stands in the composer: the chip's character, or the text itself. */
  readonly text: string;
}

function fold(chips: readonly Chip[], text: string, verb: string): Folded {
  // As many as there are characters for; whoever pastes more sees them whole.
  if (chips.length >= MOST) return { chips, text };
  const label = `[${verb} ${tellSize(text)}]`;
  return { chips: [...chips, { text, label }], text: String.fromCharCode(FIRST + chips.length) };
}

/** A cleaned paste as it stands in the composer: folded from 8 lines or 1,000 characters on. */
export function foldPaste(chips: readonly Chip[], text: string): Folded {
  const isLong = text.length >= FOLDED_LENGTH || countLines(text) >= FOLDED_LINES;
  return isLong ? fold(chips, text, 'Pasted') : { chips, text };
}

/** A cleaned text that takes the place of the whole one: folded only where it is too long to be drawn with each key. */
export function foldText(chips: readonly Chip[], text: string): Folded {
  return text.length > LONGEST_SHOWN ? fold(chips, text, 'Text of') : { chips, text };
}

/** A text with chips of another composer, for one with these. */
export function carryChips(chips: readonly Chip[], text: string, from: readonly Chip[]): Folded {
  let all = [...chips];
  const carried = text.replace(eachChip(), (char) => {
    const chip = findChip(char, from);
    if (chip === undefined || all.length >= MOST) return chip?.text ?? '';
    all = [...all, chip];
    return String.fromCharCode(FIRST + all.length - 1);
  });
  return { chips: all, text: carried };
}
