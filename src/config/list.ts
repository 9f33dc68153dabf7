import { writeDuration } from './duration.js';
import { redactCredentials } from './host-text.js';
import type { Origin, Resolved } from './resolve.js';
import { settingAt, SETTINGS } from './schema.js';
import type { Setting } from './schema.js';
import type { Stored } from './value-types.js';
import { hostText } from './value-types.js';

/** One setting in force: its value as a file would say it, without secrets, and where it came from. */
export interface ListedSetting {
  readonly key: string;
  readonly value: Stored;
  readonly origin: Origin;
}

/** Every setting in force, in the order of the table; what nobody set and what has no default is left out. */
export function listSettings(resolved: Resolved): readonly ListedSetting[] {
  const rows = [...resolved.values].flatMap(([key, value]) => {
    const setting = settingAt(key.split('.'));
    const origin = resolved.origins.get(key);
    return setting === undefined || origin === undefined
      ? []
      : [{ key, value: writeValue(setting, value), origin, row: SETTINGS.indexOf(setting) }];
  });
  return rows.sort((a, b) => a.row - b.row).map(({ key, value, origin }) => ({ key, value, origin }));
}

function writeValue(setting: Setting, value: Stored): Stored {
  if (setting.secret === true) return '***';
  if (setting.type === hostText) return redactCredentials(String(value));
  if (setting.type.isDuration !== true) return value;
  return value === null ? 'none' : writeDuration(Number(value));
}
