import { joinPort } from './host-text.js';
import type { Setting } from './schema.js';
import { keyOf, SETTINGS } from './schema.js';
import type { Stored } from './value-types.js';

/** Where a value came from; `name` is the flag or the variable. */
export interface Origin {
  readonly kind: 'flag' | 'environment' | 'project' | 'user' | 'default';
  readonly name?: string;
  readonly file?: string;
  /** From 1; only after `locateOrigins`. */
  readonly line?: number;
}

/** A checked value of one source. */
export interface LayerValue {
  readonly value: Stored;
  /** The flag or the variable that it came by. */
  readonly name?: string;
}

/** What one source sets, by dotted key. */
export interface Layer {
  readonly kind: Exclude<Origin['kind'], 'default'>;
  readonly file?: string;
  readonly values: ReadonlyMap<string, LayerValue>;
}

/** Puts a checked value in its place; returns what is wrong where the same setting is there under its other name. */
export function addValue(
  values: Map<string, LayerValue>,
  setting: Setting,
  path: readonly string[],
  value: Stored,
  name?: string,
): string | undefined {
  const key = keyOf(setting, path);
  if (values.has(key)) return `${path.join('.')} and ${twin(setting)} are the same setting; keep one`;
  values.set(key, { value: setting.turn?.(value) ?? value, ...(name === undefined ? {} : { name }) });
  return undefined;
}

function twin(setting: Setting): string {
  return (
    setting.aliasOf ?? SETTINGS.find(({ aliasOf }) => aliasOf === setting.key)?.key ?? 'its other spelling'
  );
}

/** Joins `port` with the `host` of the same source, or with 127.0.0.1; returns what is wrong where the host has a port. */
export function foldPort(values: Map<string, LayerValue>): string | undefined {
  const port = values.get('port');
  if (port === undefined) return undefined;
  values.delete('port');
  const host = values.get('host');
  const joined = joinPort(String(host?.value ?? '127.0.0.1'), Number(port.value));
  if (joined === undefined) return 'port is there, and host says a port too; keep one';
  values.set('host', { ...port, ...host, value: joined });
  return undefined;
}
