import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import path from 'node:path';
import { brokenFile, isPackageFile, LARGEST_FILE, PACKAGE_PROPERTY, parseFile } from './parse-file.js';
import type { ParsedFile } from './parse-file.js';

/** Where a project keeps its settings, the first one found in a folder counts. Files of code are not among them. */
const PLACES = [
  '.ollamarc',
  '.ollamarc.json',
  '.ollamarc.yaml',
  '.ollamarc.yml',
  '.config/ollamarc',
  '.config/ollamarc.json',
  '.config/ollamarc.yaml',
  '.config/ollamarc.yml',
  'package.json',
];

/** The part of cosmiconfig's explorer that is used here; the package publishes no types for it. */
interface ExplorerModule {
  /** `module.exports`: the bundler gives a CommonJS module no other name. */
  readonly default: {
    readonly Explorer: new (options: Readonly<Record<string, unknown>>) => {
      search(from: string): Promise<{ readonly filepath: string; readonly config: unknown } | null>;
    };
  };
}

/**
 * Finds and parses the project's configuration file: from the working directory up to the repository's root or the
 * home folder. Runs no code of these folders, and loads cosmiconfig only where a look at the names finds a file.
 */
export async function findProjectFile(cwd: string, home: string): Promise<ParsedFile | undefined> {
  for (const folder of foldersToSearch(cwd, home)) {
    const places = PLACES.filter((place) => isCandidate(path.join(folder, place)));
    const tooLarge = places.find((place) => (look(path.join(folder, place))?.size ?? 0) > LARGEST_FILE);
    if (tooLarge !== undefined) return brokenFile(path.join(folder, tooLarge), 'is larger than 1 MB');
    const found = places.length === 0 ? undefined : await searchFolder(folder, places);
    if (found !== undefined) return found;
  }
  return undefined;
}

function look(file: string): Stats | undefined {
  // Nearly all that is asked for is not there, which this tells for a fraction of what `statSync` takes.
  if (!existsSync(file)) return undefined;
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function realPath(folder: string): string {
  try {
    return realpathSync.native(folder);
  } catch {
    return folder;
  }
}

/** Where neither a repository's root nor the home folder is on the way up, one folder only: `/tmp` is anybody's. */
function foldersToSearch(cwd: string, home: string): readonly string[] {
  const homes = [path.resolve(home), realPath(home)];
  const folders: string[] = [];
  for (let folder = path.resolve(cwd); ; folder = path.dirname(folder)) {
    folders.push(folder);
    if (homes.includes(folder) || look(path.join(folder, '.git')) !== undefined) return folders;
    if (path.dirname(folder) === folder) return folders.slice(0, 1);
  }
}

function isCandidate(file: string): boolean {
  const found = look(file);
  if (found?.isFile() !== true) return false;
  return !isPackageFile(file) || (found.size <= LARGEST_FILE && mayHoldSettings(file));
}

/** Most folders have a package.json, and hardly any says something to us: a look at it costs less than the search. */
function mayHoldSettings(file: string): boolean {
  try {
    const text = readFileSync(file, 'utf8');
    if (!text.includes(`"${PACKAGE_PROPERTY}"`)) return false;
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    return typeof value === 'object' && value !== null && Object.hasOwn(value, PACKAGE_PROPERTY);
  } catch (error) {
    // Broken, and it may have been meant for us: that is said, not passed over.
    return error instanceof SyntaxError;
  }
}

/** What cosmiconfig gets for a file's value: it has none of the file's keys, so no `$import` for it to follow. */
interface Found {
  readonly parsed: ParsedFile;
}

async function load(file: string, content: string): Promise<Found | Readonly<Record<string, Found>>> {
  const found = { parsed: await parseFile(file, content) };
  // Of package.json, cosmiconfig takes the property out by itself.
  return isPackageFile(file) ? { [PACKAGE_PROPERTY]: found } : found;
}

/**
 * Has cosmiconfig search one folder. Two of its doors lead to code of the folder, and both are shut here. `cosmiconfig()`
 * itself runs `.config/config.js` of the working directory, and no option stops it: so its explorer is made directly,
 * with no "meta config". `$import` in a file loads any other file: so no loader for code is given, and ours see to the rest.
 */
async function searchFolder(folder: string, places: readonly string[]): Promise<ParsedFile | undefined> {
  const { default: exported } = (await import('cosmiconfig/dist/Explorer.js')) as unknown as ExplorerModule;
  const explorer = new exported.Explorer({
    moduleName: PACKAGE_PROPERTY,
    searchPlaces: places,
    searchStrategy: 'none',
    // An empty file is a file: the nearest counts, and it sets nothing.
    ignoreEmptySearchPlaces: false,
    loaders: { noExt: load, '.json': load, '.yaml': load, '.yml': load },
    metaConfigFilePath: null,
    mergeImportArrays: false,
    mergeSearchPlaces: false,
    cache: false,
    transform: (result: unknown) => result,
  });
  const result = await explorer.search(folder);
  if (result === null) return undefined;
  const found = result.config as Found | undefined;
  return found?.parsed ?? { file: result.filepath, text: '', value: undefined };
}
