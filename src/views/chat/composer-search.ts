import { cleanLine } from '../../format/clean.js';
import type { Composer, Search } from './composer-state.js';
import { moveTo, showEntry } from './composer-state.js';
import type { Written } from './composer-layout.js';
import { previousBoundary, snapToBoundary } from './graphemes.js';

/** As much of a found text as is drawn while it is only looked at. */
const LONGEST_LOOK = 4000;

/** Small letters find great ones too; a great one finds itself alone. */
function findIn(text: string, query: string): number {
  const fold = query === query.toLowerCase();
  return fold ? text.toLowerCase().indexOf(query) : text.indexOf(query);
}

function findEntry(history: readonly string[], query: string, from: number, step: -1 | 1, not?: string) {
  if (query === '') return undefined;
  for (let entry = from; entry >= 0 && entry < history.length; entry += step) {
    const text = history[entry] ?? '';
    if (text !== not && findIn(text, query) >= 0) return entry;
  }
  return undefined;
}

/** Begins to search for what is typed next. */
export function startSearch(composer: Composer): Composer {
  return { ...composer, search: { query: '', entry: undefined, found: '', failed: false } };
}

function setQuery(composer: Composer, shown: Search | undefined, query: string, from: number): Composer {
  const entry = findEntry(composer.history, query, from, -1);
  if (entry !== undefined) return { ...composer, search: { query, entry, found: query, failed: false } };
  const { entry: kept, found = '' } = shown ?? {};
  return { ...composer, search: { query, entry: kept, found, failed: query !== '' } };
}

/** Searches for a longer text: the newest entry that has it, but none newer than the one that is shown. */
export function extendSearch(composer: Composer, search: Search, typed: string): Composer {
  const query = search.query + cleanLine(typed);
  return setQuery(composer, search, query, search.entry ?? composer.history.length - 1);
}

/** Searches for a text that is a character shorter, from the newest entry on. */
export function shortenSearch(composer: Composer, search: Search): Composer {
  const query = search.query.slice(0, previousBoundary(search.query, search.query.length));
  return setQuery(composer, undefined, query, composer.history.length - 1);
}

/** Goes to the next older (-1) or newer (1) entry with another text. */
export function searchOn(composer: Composer, search: Search, step: -1 | 1): Composer {
  const { history } = composer;
  const from = search.entry === undefined ? history.length - 1 : search.entry + step;
  const not = search.entry === undefined ? undefined : history[search.entry];
  const entry = findEntry(history, search.query, from, step, not);
  if (entry === undefined) return { ...composer, search: { ...search, failed: search.query !== '' } };
  return { ...composer, search: { ...search, entry, found: search.query, failed: false } };
}

/** Ends the search with what it found in the composer, the cursor where the query stands; undo brings the old text back. */
export function takeFound(composer: Composer, search: Search): Composer {
  const ended = { ...composer, search: undefined };
  if (search.entry === undefined) return ended;
  const taken = showEntry(ended, search.entry, true);
  return moveTo(taken, snapToBoundary(taken.text, Math.max(0, findIn(taken.text, search.found))));
}

/** What is drawn: the text, or the entry that a search has found. */
export function shownText(composer: Composer): Written {
  const { search, history, chips } = composer;
  const found = search?.entry === undefined ? undefined : history[search.entry];
  if (search === undefined || found === undefined) return composer;
  const start = Math.max(0, findIn(found, search.found));
  const from = start > LONGEST_LOOK / 2 ? snapToBoundary(found, start - LONGEST_LOOK / 2) : 0;
  const text = found.slice(from, snapToBoundary(found, from + LONGEST_LOOK));
  return { text, cursor: snapToBoundary(text, start - from), chips };
}

/** What stands below the composer during a search; undefined when there is none. */
export function tellSearch({ search }: Composer): string | undefined {
  if (search === undefined) return undefined;
  if (search.query === '') return 'search what you sent before';
  return search.failed ? `search: ${search.query} (no more found)` : `search: ${search.query}`;
}
