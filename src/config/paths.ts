import { userInfo } from 'node:os';
import path from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

const FOLDER = 'ollama-cli';

/** The rules for paths of a platform: the injected one's, not those of the machine. */
function rules(platform: NodeJS.Platform): path.PlatformPath {
  return platform === 'win32' ? path.win32 : path.posix;
}

/** The value of a variable that names a folder; the XDG specification has relative ones ignored. */
function absolute(env: Env, name: string, platform: NodeJS.Platform): string | undefined {
  const value = env[name];
  return value !== undefined && rules(platform).isAbsolute(value) ? value : undefined;
}

/** The person's home folder: `HOME` (Windows: `USERPROFILE`), else what the system's user database says. */
export function homeDir(env: Env, platform: NodeJS.Platform): string {
  const named = absolute(env, platform === 'win32' ? 'USERPROFILE' : 'HOME', platform);
  if (named !== undefined) return named;
  try {
    return userInfo().homedir;
  } catch {
    // A container may run under a user id that no database knows.
    return rules(platform).parse(platform === 'win32' ? 'C:\\' : '/').root;
  }
}

/** A file as a person names it: `~` is the home folder, as in a shell, and what is relative is meant from `folder`. */
export function placeFile(
  file: string,
  folder: string,
  { env, platform }: { readonly env: Env; readonly platform: NodeJS.Platform },
): string {
  const isOfHome = file === '~' || file.startsWith('~/') || (platform === 'win32' && file.startsWith('~\\'));
  return isOfHome ? path.join(homeDir(env, platform), file.slice(1)) : path.resolve(folder, file);
}

function folder(env: Env, platform: NodeJS.Platform, xdg: string, byHome: readonly string[]): string {
  const { join } = rules(platform);
  return join(absolute(env, xdg, platform) ?? join(homeDir(env, platform), ...byHome), FOLDER);
}

function windowsFolder(env: Env, variable: string, name: string): string {
  const base = absolute(env, variable, 'win32') ?? path.win32.join(homeDir(env, 'win32'), 'AppData', name);
  return path.win32.join(base, FOLDER);
}

/** Where the person's own configuration is: `$XDG_CONFIG_HOME/ollama-cli`, macOS too; Windows `%APPDATA%\ollama-cli`. */
export function configDir(env: Env, platform: NodeJS.Platform): string {
  if (platform === 'win32') return windowsFolder(env, 'APPDATA', 'Roaming');
  return folder(env, platform, 'XDG_CONFIG_HOME', ['.config']);
}

/** Where history, sessions and logs are kept: `$XDG_STATE_HOME/ollama-cli`; Windows `%LOCALAPPDATA%\ollama-cli`. */
export function stateDir(env: Env, platform: NodeJS.Platform): string {
  if (platform === 'win32') return windowsFolder(env, 'LOCALAPPDATA', 'Local');
  return folder(env, platform, 'XDG_STATE_HOME', ['.local', 'state']);
}

/** Where what can be fetched again is kept: `$XDG_CACHE_HOME/ollama-cli`; Windows `%LOCALAPPDATA%\ollama-cli\cache`. */
export function cacheDir(env: Env, platform: NodeJS.Platform): string {
  if (platform === 'win32') return path.win32.join(windowsFolder(env, 'LOCALAPPDATA', 'Local'), 'cache');
  return folder(env, platform, 'XDG_CACHE_HOME', ['.cache']);
}
