import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/config/load.js';

const start = process.cwd();
let root: string;
let checkout: string;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'ollama-cli-hostile-'));
  checkout = path.join(root, 'checkout');
  mkdirSync(path.join(checkout, '.git'), { recursive: true });
  mkdirSync(path.join(checkout, '.config'));
  mkdirSync(path.join(root, 'ran'));
  // cosmiconfig looks for its own configuration in the process's working directory, whatever folder it is told to search.
  process.chdir(checkout);
});

afterEach(() => {
  process.chdir(start);
  rmSync(root, { recursive: true, force: true });
});

afterAll(() => {
  process.chdir(start);
});

function write(name: string, content: string): void {
  writeFileSync(path.join(checkout, name), content);
}

/** Code, right for every module system, that leaves a mark when it runs. */
function writeCode(name: string): void {
  const mark = JSON.stringify(path.join(root, 'ran', name.replaceAll('/', '_')));
  const isModule = /\.(?:mjs|ts)$/.test(name);
  write(
    name,
    isModule
      ? `import { writeFileSync } from 'node:fs';\nwriteFileSync(${mark}, '');\nexport default {};\n`
      : `require('node:fs').writeFileSync(${mark}, '');\nmodule.exports = {};\n`,
  );
}

async function load(): Promise<string | undefined> {
  const env = { HOME: path.join(root, 'home') };
  try {
    return (await loadSettings({ env, cwd: checkout, platform: 'linux' })).settings.default_model;
  } catch (error) {
    return (error as Error).message;
  } finally {
    expect(readdirSync(path.join(root, 'ran'))).toEqual([]);
  }
}

const CODE = ['js', 'cjs', 'mjs', 'ts'].flatMap((kind) => [
  `.ollamarc.${kind}`,
  `ollama.config.${kind}`,
  `.config/ollamarc.${kind}`,
  `.config/config.${kind}`,
]);

describe('a hostile checkout', () => {
  it('can leave a mark when its code is run by others', async () => {
    writeCode('.config/config.cjs');
    await import(path.join(checkout, '.config/config.cjs'));
    expect(readdirSync(path.join(root, 'ran'))).toEqual(['.config_config.cjs']);
  });

  it.each(CODE)('runs nothing by %s beside a good .ollamarc', async (name) => {
    writeCode(name);
    write('.ollamarc', 'default_model: good');
    expect(await load()).toBe('good');
  });

  it.each(CODE)('runs nothing by %s alone', async (name) => {
    writeCode(name);
    expect(await load()).toBeUndefined();
  });

  it.each(['.ollamarc', '.ollamarc.json', '.config/ollamarc.yaml'])(
    'runs nothing by $import in %s',
    async (name) => {
      writeCode('evil.js');
      writeCode('.config/evil.js');
      write(name, '{"$import": ["./evil.js"], "default_model": "good"}');
      expect(await load()).toMatch(/:1: unknown key "\$import"$/);
    },
  );

  it('runs nothing by $import in the property of package.json, nor reads another file by it', async () => {
    writeCode('evil.cjs');
    write('other.json', '{"default_model": "other"}');
    write('package.json', '{"ollama": {"$import": ["./evil.cjs", "./other.json"]}}');
    expect(await load()).toMatch(/package\.json:1: unknown key "\$import"$/);
  });

  it.each([
    ['package.json', '{"cosmiconfig": {"searchPlaces": ["evil.cjs"], "$import": "./evil.cjs"}}'],
    [
      'package.json',
      '{"$import": "./evil.cjs", "cosmiconfig": {"loaders": {}}, "ollama": {"default_model": "bad"}}',
    ],
    ['package.yaml', 'cosmiconfig:\n  searchPlaces: [evil.cjs]\n'],
    ['.config/config.json', '{"cosmiconfig": {"searchPlaces": ["evil.cjs"]}}'],
    ['.config/config.yaml', '$import: ../evil.cjs'],
    ['.config/config.json', '{ broken'],
  ])('cannot direct cosmiconfig by %s with %s', async (name, content) => {
    writeCode('evil.cjs');
    write('.ollamarc', 'default_model: good');
    write(name, content);
    expect(await load()).toBe('good');
  });

  it('runs nothing by a link with a harmless name', async () => {
    writeCode('evil.cjs');
    symlinkSync(path.join(checkout, 'evil.cjs'), path.join(checkout, '.ollamarc.json'));
    expect(await load()).toMatch(/\.ollamarc\.json/);
  });

  it('is not waited for where its file never ends', async () => {
    symlinkSync('/dev/zero', path.join(checkout, '.ollamarc'));
    expect(await load()).toBeUndefined();
  });
});
