import { readSize } from '../config/duration.js';
import { OllamaError } from '../core/errors.js';
import { displayName, parseModelName, type ModelName } from '../core/model-name.js';
import type { Found, Source } from './source.js';
import { readWeb, type WebOptions } from './web.js';

/** The public library by its web pages. They are no API: where they have changed, this says so and finds nothing. */
export function library(base: string, options: WebOptions): Source {
  return {
    name: 'library',
    search: async (words, { limit, signal }) => {
      const query = new URLSearchParams({ q: words.join(' ') });
      const page = await readWeb(base, `/search?${query.toString()}`, 'text/html', options, signal);
      return { results: parseSearchPage(page, base).slice(0, limit) };
    },
    tags: async (name, onlyTag, { limit, signal }) => {
      const path = `/${name.namespace}/${name.model}/tags`;
      const page = await readWeb(base, path, 'text/html', options, signal);
      const tags = parseTagsPage(page, name, base);
      const wanted = displayName(name).toLowerCase();
      return {
        results: onlyTag ? tags.filter((tag) => tag.name.toLowerCase() === wanted) : tags.slice(0, limit),
      };
    },
  };
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
};

/** The text of a piece of HTML, on one line. */
function textOf(html: string): string {
  return html
    .replace(/<[^<>]*>/g, ' ')
    .replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{1,8}));/gi, (whole, decimal, hex, named) => {
      if (typeof named === 'string') return ENTITIES[named.toLowerCase()] ?? whole;
      const code = typeof decimal === 'string' ? Number(decimal) : parseInt(String(hex), 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    })
    .replace(/\s+/g, ' ')
    .trim();
}

/** The texts of the elements that carry an attribute. Each piece has a bound: a hostile page must not cost minutes. */
function marked(html: string, attribute: string): string[] {
  const pattern = new RegExp(`<[^<>]{0,500}?\\b${attribute}\\b[^<>]{0,500}>([^<]{0,200})<`, 'gi');
  return [...html.matchAll(pattern)].map(([, text = '']) => textOf(text)).filter((text) => text !== '');
}

/** The text of the first paragraph, where it has an end. */
function firstParagraph(html: string): string {
  const start = /<p\b[^<>]{0,500}>/i.exec(html);
  if (start === null) return '';
  const from = start.index + start[0].length;
  const [text = '', end] = html.slice(from, from + LONGEST_PARAGRAPH).split(/<\/p>/i, 2);
  return end === undefined ? '' : textOf(text);
}

const LONGEST_PARAGRAPH = 2000;

function layoutChanged(base: string): OllamaError {
  return new OllamaError('protocol', `The page of ${base} has another layout than is known here.`, {
    host: base,
    hint: 'Exact names still work: ollama-cli tags MODEL',
  });
}

/** A model's page, or nothing where a link leads elsewhere. */
function modelOfPath(path: string): string | undefined {
  const short = path.replace(/^\/library\//, '').replace(/^\//, '');
  const name = /^\/[^/?#]+\/[^/?#:]+$/.test(path) ? parseModelName(short) : undefined;
  return name === undefined ? undefined : displayName(name).replace(/:latest$/, '');
}

/** The models of a search page. Throws `protocol` for a page that has neither models nor the word that there are none. */
export function parseSearchPage(page: string, base: string): Found[] {
  const found = new Map<string, Found>();
  for (const piece of page.split(/<li\b/i).slice(1)) {
    const path = /<a\b[^<>]{0,500}?\bhref="([^"<>]+)"/i.exec(piece)?.[1];
    const name = path === undefined ? undefined : modelOfPath(path);
    if (name === undefined || found.has(name) || !/\bx-test-/i.test(piece)) continue;
    const description = firstParagraph(piece);
    const parameterSizes = marked(piece, 'x-test-size');
    const capabilities = marked(piece, 'x-test-capability').map((text) => text.toLowerCase());
    const updated = /\btitle="([^"]{0,40}\b(?:19|20)\d\d\b[^"]{0,40})"/i.exec(piece)?.[1];
    const updatedAt = updated === undefined ? NaN : Date.parse(updated);
    found.set(name, {
      name,
      source: 'library',
      ...(description === '' ? {} : { description }),
      ...(parameterSizes.length === 0 ? {} : { parameterSizes }),
      ...(capabilities.length === 0 ? {} : { capabilities }),
      ...(Number.isNaN(updatedAt) ? {} : { updatedAt }),
    });
  }
  if (found.size === 0 && !/no (?:models|results)\b/i.test(page)) throw layoutChanged(base);
  return [...found.values()];
}

/** The tags of a model's page. Throws `protocol` for a page without any. */
export function parseTagsPage(page: string, name: ModelName, base: string): Found[] {
  const link = /href="\/([^"/?#]+)\/([^"/?#:]+):([^"/?#]+)"/gi;
  const links = [...page.matchAll(link)].filter(
    ([, namespace = '', model = '']) =>
      namespace.toLowerCase() === name.namespace.toLowerCase() &&
      model.toLowerCase() === name.model.toLowerCase(),
  );
  const found = new Map<string, Found>();
  links.forEach((match, index) => {
    const shown = displayName({ ...name, tag: match[3] ?? '', source: undefined });
    if (parseModelName(shown) === undefined) return;
    const words = textOf(
      page.slice(match.index + match[0].length, links[index + 1]?.index).replace(/^[^>]*>/, ''),
    );
    const size = readSize(/\b\d+(?:\.\d+)?\s?[KMGT]B\b/i.exec(words)?.[0] ?? '');
    const digest = /\b[0-9a-f]{12}\b/.exec(words)?.[0];
    const before = found.get(shown);
    // A tag is linked to more than once; each place may tell something else of it.
    found.set(shown, {
      name: shown,
      source: 'library',
      ...(size === undefined ? {} : { sizes: [size] }),
      ...(digest === undefined ? {} : { digest: `sha256:${digest}` }),
      ...before,
    });
  });
  if (found.size === 0) throw layoutChanged(base);
  return [...found.values()];
}
