import type { ByteSource } from './bytes.js';
import type { ModelDefinition, Package } from './definition.js';
import { packageModel } from './definition.js';
import { libraryModels } from './library.js';
import type { ModelName } from './names.js';
import { nameKey, parseName, showName } from './names.js';

/** A package that the registry has. */
export interface Offer extends Package {
  /** Milliseconds since the epoch. */
  readonly pushedAt: number;
}

/** What can be pulled: the library, what a caller added, and what was pushed. */
export interface Catalog {
  /** The package of a name; `newer` asks for a build that is one later and was pushed just now. */
  find(name: ModelName, newer?: boolean): Promise<Offer | undefined>;
  /** A layer of any package that was asked for so far. */
  blob(digest: string): ByteSource | undefined;
  names(): readonly ModelName[];
  push(name: ModelName, made: Package): void;
}

// When the library was pushed: before anyone pulled from it.
const LIBRARY_PUSHED_AT = Date.UTC(2025, 8, 1);

interface Entry {
  readonly name: ModelName;
  make(newer: boolean): Promise<Offer>;
}

/** The library and `extra`, at `scale`; a package is made when it is first asked for. */
export function openCatalog(scale: number, extra: readonly ModelDefinition[], now: () => number): Catalog {
  const entries = new Map<string, Entry>();
  const made = new Map<string, Promise<Offer>>();
  const blobs = new Map<string, ByteSource>();
  const publish = (text: string, definition: ModelDefinition): void => {
    const name = parseName(text);
    if (name === undefined) throw new TypeError(`${text} is no model name`);
    const make = async (newer: boolean): Promise<Offer> => {
      const revision = (definition.revision ?? 0) + (newer ? 1 : 0);
      const result = await packageModel({ ...definition, revision }, scale);
      for (const [digest, source] of result.blobs) blobs.set(digest, source);
      return { ...result, pushedAt: newer ? now() + 1000 : LIBRARY_PUSHED_AT };
    };
    entries.set(nameKey(name), { name, make });
  };
  for (const [text, definition] of libraryModels()) publish(text, definition);
  for (const definition of extra) publish(definition.name, definition);

  return {
    find: (name, newer = false) => {
      const entry = entries.get(nameKey(name));
      if (entry === undefined) return Promise.resolve(undefined);
      const key = `${nameKey(name)} ${String(newer)}`;
      const known = made.get(key) ?? entry.make(newer);
      made.set(key, known);
      return known;
    },
    blob: (digest) => blobs.get(digest),
    names: () =>
      [...entries.values()].map((entry) => entry.name).sort((a, b) => (showName(a) < showName(b) ? -1 : 1)),
    push: (name, result) => {
      for (const [digest, source] of result.blobs) blobs.set(digest, source);
      const offer = { ...result, pushedAt: now() };
      entries.set(nameKey(name), { name, make: () => Promise.resolve(offer) });
      made.delete(`${nameKey(name)} false`);
      made.delete(`${nameKey(name)} true`);
    },
  };
}
