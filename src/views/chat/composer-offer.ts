import type { Completion } from '../../chat/stage.js';
import { cleanLine } from '../../format/clean.js';
import { splitGraphemes } from '../../format/graphemes.js';
import type { Composer, Offer } from './composer-state.js';
import { splice } from './composer-state.js';

/** What all have in common at their start, in whole graphemes. */
function commonStart(options: readonly string[]): string {
  const [first = '', ...others] = options;
  let common = '';
  for (const grapheme of splitGraphemes(first)) {
    const longer = common + grapheme;
    if (!others.every((other) => other.startsWith(longer))) break;
    common = longer;
  }
  return common;
}

/** Puts the only option in its place, or what all have in common, and keeps them for the next Tab. */
export function takeOffer(composer: Composer, { from, to, options }: Completion): Composer {
  const clean = options.map(cleanLine);
  const [only] = clean;
  if (only === undefined) return { ...composer, offer: undefined };
  if (clean.length === 1) return { ...splice(composer, from, to, only), offer: undefined };
  const typed = composer.text.slice(from, to);
  const common = commonStart(clean);
  // Options that only contain what was typed have no start that goes on from it.
  const isFurther = common.length > typed.length && common.toLowerCase().startsWith(typed.toLowerCase());
  const changed = isFurther ? splice(composer, from, to, common, 'choose') : { ...composer, run: undefined };
  const end = isFurther ? from + common.length : to;
  return { ...changed, offer: { from, to: end, options: clean, chosen: undefined } };
}

/** Puts the next or the last one of the options in its place. */
export function chooseOffered(composer: Composer, offer: Offer, step: -1 | 1): Composer {
  const { from, to, options, chosen } = offer;
  const before = chosen ?? (step === 1 ? -1 : 0);
  const index = (before + step + options.length) % options.length;
  const option = options[index] ?? '';
  const changed = splice(composer, from, to, option, 'choose');
  return { ...changed, offer: { from, to: from + option.length, options, chosen: index } };
}
