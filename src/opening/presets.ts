import type { Settings } from '../config/schema.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { findNearest } from '../format/nearest.js';

/**
 * The settings with those of a preset over them: its model is the default model, its options stand over the general
 * ones. Flags still win, as they are applied later. Throws `usage` for a name that is not configured.
 */
export function applyPreset(settings: Settings, name: string): Settings {
  const { presets } = settings;
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (preset === undefined) throw unknownPreset(name, Object.keys(presets));
  const { model, system, options } = preset;
  return {
    ...settings,
    ...(model === undefined ? {} : { default_model: model }),
    ...(system === undefined ? {} : { system }),
    options: { ...settings.options, ...options },
  };
}

function unknownPreset(name: string, all: readonly string[]): OllamaError {
  const near = findNearest(name, all, 3);
  const hint =
    near.length > 0
      ? `Did you mean ${near.join(', ')}?`
      : all.length > 0
        ? `There are: ${all.join(', ')}.`
        : 'presets.NAME.model, .system and .options in the configuration make one.';
  return new OllamaError('usage', `There is no preset "${cleanLine(name)}" in the configuration.`, { hint });
}
