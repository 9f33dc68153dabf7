import { findNearest } from '../format/nearest.js';
import { hasCredentials, redactCredentials, withoutCredentials } from './host-text.js';
import type { LayerValue } from './layer.js';
import { addValue, foldPort } from './layer.js';
import { describe, quote } from './quote.js';
import type { Setting } from './schema.js';
import { SETTINGS, settingAt, settingsUnder } from './schema.js';
import { hostText, variableName, webAddress } from './value-types.js';

/** One thing wrong in a file, and the path of the key where it is. */
export interface Problem {
  readonly path: readonly string[];
  readonly message: string;
}

/** What a file sets; what is wrong in it; and the keys that count only in the person's own file. */
export interface CheckedTree {
  readonly values: Map<string, LayerValue>;
  readonly problems: readonly Problem[];
  readonly ignored: readonly string[];
}

type Tree = Readonly<Record<string, unknown>>;

function isTree(value: unknown): value is Tree {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Checks what a JSON or YAML file holds against the table of settings. With `trusted` false, what only the person's own
 * file may set is left out and named in `ignored`. Reports every problem, not only the first. Never throws.
 */
export function checkTree(tree: unknown, trusted: boolean): CheckedTree {
  const values = new Map<string, LayerValue>();
  const problems: Problem[] = [];
  const ignored: string[] = [];

  function walk(node: Tree, parent: readonly string[]): void {
    for (const key of Object.keys(node)) {
      const path = [...parent, key];
      const value = node[key];
      const below = settingsUnder(path);
      const report = (message: string | undefined) => {
        if (message !== undefined) problems.push({ path, message });
      };
      if (below.length === 0) report(unknownKey(path));
      else if (!trusted && below.every((setting) => setting.ownOnly)) ignored.push(path.join('.'));
      // `key:` with nothing behind it, as in an example half filled in, sets nothing.
      else if (value === null || value === undefined) continue;
      else {
        const setting = settingAt(path);
        if (setting !== undefined) report(checkValue(setting, path, value));
        else if (isTree(value)) walk(value, path);
        else
          report(
            `${path.join('.')} must be a map of settings${below.some(isPrivate) ? '' : `, not ${describe(value)}`}`,
          );
      }
    }
  }

  function checkValue(setting: Setting, path: readonly string[], value: unknown): string | undefined {
    const stored = setting.type.fromValue(value);
    if (stored === undefined) return wrongValue(setting, path.join('.'), value);
    if (!trusted && setting.offOnly === true && stored === true) return undefined;
    return addValue(values, setting, path, stored);
  }

  if (isTree(tree)) walk(tree, []);
  else if (tree !== undefined && tree !== null) {
    problems.push({ path: [], message: `must hold a map of settings, not ${describe(tree)}` });
  }
  const portProblem = foldPort(values);
  if (portProblem !== undefined) problems.push({ path: ['port'], message: portProblem });
  if (!trusted) dropCredentials(values, ignored);
  return { values, problems, ignored };
}

function dropCredentials(values: Map<string, LayerValue>, ignored: string[]): void {
  const host = values.get('host');
  if (host === undefined || !hasCredentials(String(host.value))) return;
  values.set('host', { ...host, value: withoutCredentials(String(host.value)) });
  ignored.push('user:password@ in host');
}

/** Where a header or an address with a password may stand: what stands there in their place may be one. */
function isPrivate(setting: Setting): boolean {
  return setting.secret === true || isAddress(setting);
}

/** True where people may write a password into the value, allowed or not. */
function isAddress({ type }: Setting): boolean {
  return type === hostText || type === webAddress;
}

/** What to say of a value that is not of its setting's type; `name` is the key, the flag or the variable. */
export function wrongValue(setting: Setting, name: string, value: unknown): string {
  const expected = `${name} must be ${setting.type.expects}`;
  // What stands in a variable's place is most likely what the variable should have held.
  if (setting.secret === true || setting.type === variableName) return expected;
  const shown = typeof value === 'string' && isAddress(setting) ? redactCredentials(value) : value;
  return `${expected}, not ${describe(shown)}`;
}

function unknownKey(path: readonly string[]): string {
  const parent = path.slice(0, -1);
  const key = path.at(-1) ?? '';
  const where = parent.length === 0 ? '' : ` in ${parent.join('.')}`;
  const meant = meantKey(parent, key);
  return `unknown key ${quote(key)}${where}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}

function meantKey(parent: readonly string[], key: string): string | undefined {
  const siblings = settingsUnder(parent).map((setting) => setting.key.split('.')[parent.length] ?? '');
  // Comparing takes time in proportion to the length, and no key of ours is that long.
  const [near] = key.length > 64 ? [] : findNearest(key.replaceAll('-', '_'), siblings, 1);
  if (near !== undefined) return [...parent, near].join('.');
  return SETTINGS.find((setting) => setting.key.split('.').at(-1) === key)?.key;
}
