import type { Origin, Resolved } from './resolve.js';
import { isPackageFile, PACKAGE_PROPERTY, readConfigFile } from './parse-file.js';
import { SETTINGS } from './schema.js';

/** The origins with the line of each value that a file set. Reads and parses the files again: for lists of origins only. */
export async function locateOrigins({ origins, files }: Resolved): Promise<ReadonlyMap<string, Origin>> {
  const { locateKeys } = await import('./locate.js');
  const located = new Map(origins);
  for (const file of [files.project, files.user]) {
    const parsed = file === undefined ? undefined : await readConfigFile(file);
    if (file === undefined || parsed === undefined) continue;
    const locate = locateKeys(parsed.text);
    const prefix = isPackageFile(file) ? [PACKAGE_PROPERTY] : [];
    for (const [key, origin] of origins) {
      const place = spellings(key)
        .map((spelling) => locate([...prefix, ...spelling.split('.')]))
        .find(({ isWhole }) => isWhole);
      if (origin.file === file && place !== undefined) located.set(key, { ...origin, line: place.line });
    }
  }
  return located;
}

/** The keys by which a file may have set a setting; a host may have come from its port alone. */
function spellings(key: string): readonly string[] {
  const aliases = SETTINGS.filter(({ aliasOf }) => aliasOf === key).map((alias) => alias.key);
  return [key, ...aliases, ...(key === 'host' ? ['port'] : [])];
}
