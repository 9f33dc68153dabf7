import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkTree } from '../../src/config/check.js';
import { parseFile } from '../../src/config/parse-file.js';
import { SETTINGS } from '../../src/config/schema.js';

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
      ({ ownOnly, aliasOf, key }) => !ownOnly && aliasOf === undefined && key !== 'port',
    );
    expect([...values.keys()].sort()).toEqual(settable.map(({ key }) => key).sort());
  });

  it('names every key, also the second names and those of the own file', () => {
    const named = SETTINGS.map(({ key }) => key.split('.').filter((part) => !part.startsWith('<'))[0] ?? '');
    const leaves = SETTINGS.filter(({ ownOnly }) => !ownOnly).map(({ key }) => key.split('.').at(-1) ?? '');
    for (const key of [...named, ...leaves]) expect(text).toMatch(new RegExp(`\\b${key}\\b`));
  });
});
