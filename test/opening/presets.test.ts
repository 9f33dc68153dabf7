import { describe, expect, it } from 'vitest';
import { applyPreset } from '../../src/opening/presets.js';
import { createContext } from '../../src/context.js';
import { testIo } from '../support/io.js';

const { settings } = await createContext(testIo().io, {});
const base = {
  ...settings,
  default_model: 'a',
  system: 'Be kind.',
  options: { temperature: 0.5, seed: 1 },
  presets: {
    poet: { model: 'b', system: 'Rhyme.', options: { temperature: 1 } },
    terse: { system: 'Be short.' },
  },
};

describe('a preset', () => {
  it('stands over the settings, option by option', () => {
    expect(applyPreset(base, 'poet')).toEqual({
      ...base,
      default_model: 'b',
      system: 'Rhyme.',
      options: { temperature: 1, seed: 1 },
    });
  });

  it('leaves what it does not say', () => {
    expect(applyPreset(base, 'terse')).toEqual({ ...base, system: 'Be short.' });
  });

  it.each([
    ['poem', /Did you mean poet\?/],
    ['zzzzzz', /There are: poet, terse\./],
    ['constructor', /There are/],
  ])('that is not there is refused: %s', (name, hint) => {
    expect(() => applyPreset(base, name)).toThrow(
      expect.objectContaining({ code: 'usage', hint: expect.stringMatching(hint) as string }) as Error,
    );
  });

  it('says how one is made where there is none', () => {
    expect(() => applyPreset(settings, 'poet')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('presets.NAME.model') as string }) as Error,
    );
  });
});
