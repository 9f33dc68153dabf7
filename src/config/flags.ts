import { OllamaError } from '../core/errors.js';
import { wrongValue } from './check.js';
import type { Layer, LayerValue } from './layer.js';
import { addValue, foldPort } from './layer.js';
import { quote } from './quote.js';
import { settingAt } from './schema.js';

/** Settings given on the command line by their dotted key, as text or already typed; `undefined` was not given. */
export type SettingFlags = Readonly<Record<string, unknown>>;

function flagName(path: readonly string[]): string {
  const name = path.at(-1) ?? '';
  // One flag sets several of the limits.
  if (path[0] === 'timeouts') return '--timeout';
  return path[0] === 'options' && path.length > 1 ? `--option ${name}` : `--${name.replaceAll('_', '-')}`;
}

/** Checks the settings of the command line; throws `usage` that names the flag. */
export function readFlags(flags: SettingFlags): Layer {
  const values = new Map<string, LayerValue>();
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const path = key.split('.');
    const setting = settingAt(path);
    const name = flagName(path);
    if (setting === undefined) throw new OllamaError('usage', `${quote(key)} is not a setting`);
    const stored = typeof value === 'string' ? setting.type.fromText(value) : setting.type.fromValue(value);
    if (stored === undefined) throw new OllamaError('usage', wrongValue(setting, name, value));
    const problem = addValue(values, setting, path, stored, name);
    if (problem !== undefined) throw new OllamaError('usage', `${name}: ${problem}`);
  }
  const portProblem = foldPort(values);
  if (portProblem !== undefined) throw new OllamaError('usage', `--port: ${portProblem}`);
  return { kind: 'flag', values };
}
