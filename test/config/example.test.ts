import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkTree } from '../../src/config/check.js';
import { parseFile } from '../../src/config/parse-file.js';
import { SETTINGS, settingAt } from '../../src/config/schema.js';

const text = readFileSync(new URL('../../.ollamarc.example', import.meta.url), 'utf8');
const uncommented = text.replace(/^# /gm, '');

describe('.ollamarc.example', () => {
  it('sets nothing as it stands', async () => {
    expect(await parseFile('.ollamarc', text)).toEqual({ file: '.ollamarc', text, value: null });
  });

  it('is right in every line once the lines are uncommented, and shows every setting of a project', async () => {
    const parsed = await parseFile('.ollamarc', uncommented);
    expect(parsed.broken).toBeUndefined();
    const { values, problems, ignored } = checkTree(parsed.value, false);
    expect({ problems, ignored }).toEqual({ problems: [], ignored: [] });
    const settable = SETTINGS.filter(
      ({ ownOnly, offOnly, aliasOf, key }) =>
        // A preset's options are those of all chats.
        !ownOnly &&
        !offOnly &&
        aliasOf === undefined &&
        key !== 'port' &&
        !key.startsWith('presets.<name>.options.'),
    );
    const shown = [...values.keys()].map((key) => settingAt(key.split('.'))?.key ?? '');
    const isOption = (key: string): boolean => key.startsWith('presets.<name>.options.');
    expect(shown.filter((key) => !isOption(key)).sort()).toEqual(settable.map(({ key }) => key).sort());
    expect(shown.some(isOption)).toBe(true);
  });

  it('names every key, also the second names and those of the own file', () => {
    const named = SETTINGS.map(({ key }) => key.split('.').filter((part) => !part.startsWith('<'))[0] ?? '');
    const leaves = SETTINGS.filter(({ ownOnly }) => !ownOnly).map(({ key }) => key.split('.').at(-1) ?? '');
    for (const key of [...named, ...leaves]) expect(text).toMatch(new RegExp(`\\b${key}\\b`));
  });
});
