import { registryError, registryProtocol } from './registry-errors.js';
import type { RegistryAnswer } from './registry-exchange.js';
import type { RegistryLine } from './registry-http.js';

const MOST_PAGES = 1000;
const MOST_NAMES = 100_000;
const MOST_BYTES = 8 * 1024 * 1024;

/**
 * All names of a list that comes in pages, each naming the next in its `Link` header. Throws `protocol` where that leads
 * to another host or in a circle, and where there is no end to it.
 */
export async function readPages(
  line: RegistryLine,
  call: { readonly path: string; readonly scope: string; readonly signal: AbortSignal | undefined },
  about: { readonly model?: string; readonly what: string },
  decode: (answer: RegistryAnswer) => string[],
): Promise<string[]> {
  const names = new Set<string>();
  const seen = new Set<string>();
  // Without a number of names a page: some registries refuse one that is larger than theirs.
  let path: string | undefined = call.path;
  while (path !== undefined) {
    if (seen.has(path)) throw registryProtocol(line.url, `${about.what} goes in a circle`);
    seen.add(path);
    const asked = { method: 'GET', accept: 'application/json', most: MOST_BYTES } as const;
    const answer: RegistryAnswer = await line.ask({ ...call, ...asked, path });
    if (answer.status >= 300) throw registryError(answer, about);
    for (const name of decode(answer)) names.add(name);
    if (seen.size >= MOST_PAGES || names.size > MOST_NAMES) {
      throw registryProtocol(line.url, `${about.what} has no end`);
    }
    path = nextPage(answer, path);
  }
  return [...names];
}

/** The path of the next page below the registry's address; undefined after the last one. */
function nextPage({ headers, url }: RegistryAnswer, path: string): string | undefined {
  const { link } = headers;
  const target = typeof link === 'string' ? /<([^>]*)>\s*;[^,]*\brel="?next\b/i.exec(link)?.[1] : undefined;
  if (target === undefined) return undefined;
  const base = new URL(url);
  const prefix = base.pathname.replace(/\/$/, '');
  const here = new URL(prefix + path, base);
  if (!URL.canParse(target, here.href) || new URL(target, here).origin !== base.origin) {
    throw registryProtocol(url, 'the next page of a list is on another host');
  }
  const next = new URL(target, here);
  // Some registries leave the prefix out that a proxy has put in front of them.
  const below = next.pathname.startsWith(`${prefix}/`) ? next.pathname.slice(prefix.length) : next.pathname;
  return below + next.search;
}
