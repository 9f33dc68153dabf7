import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/config/load.js';
import type { Resolved } from '../../src/config/resolve.js';

let root: string;
let home: string;
let repo: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'ollama-cli-load-')));
  home = path.join(root, 'home');
  repo = path.join(home, 'work', 'repo');
  write('home/work/repo/.git/HEAD', '');
  mkdirSync(path.join(repo, 'deep', 'er'), { recursive: true });
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function write(name: string, content: string | Buffer): string {
  const file = path.join(root, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

function writeUser(content: string, name = 'config.yaml'): string {
  return write(`home/.config/ollama-cli/${name}`, content);
}

interface Place {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly flags?: Record<string, unknown>;
  readonly config?: string;
}

function load({ cwd = repo, env = {}, flags = {}, config }: Place = {}): Promise<Resolved> {
  return loadSettings({ env: { HOME: home, ...env }, cwd, platform: 'linux' }, flags, config);
}

async function configError(place: Place = {}): Promise<string> {
  const error: unknown = await load(place).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'config' });
  return (error as Error).message;
}

const modelOf = async (place: Place = {}) => (await load(place)).settings.default_model;

describe('the project file', () => {
  it.each([
    ['.ollamarc', 'default_model: here'],
    ['.ollamarc', '{"default_model": "here"}'],
    ['.ollamarc', '{\n\t"default_model": "here",\n}'],
    ['.ollamarc.json', '{"default_model": "here"}'],
    ['.ollamarc.yaml', 'default_model: here'],
    ['.ollamarc.yml', 'default_model: here'],
    ['.config/ollamarc', 'default_model: here'],
    ['.config/ollamarc.json', '{"default_model": "here"}'],
    ['.config/ollamarc.yaml', 'default_model: here'],
    ['.config/ollamarc.yml', 'default_model: here'],
    ['package.json', '{"name": "x", "ollama": {"default_model": "here"}}'],
    ['.ollamarc', '\uFEFFdefault_model: here\r\nsystem: x\r\n'],
    ['.ollamarc.json', '\uFEFF{"default_model": "here"}\r\n'],
    ['package.json', '\uFEFF{"ollama": {"default_model": "here"}}'],
  ])('may be %s with %j', async (name, content) => {
    const file = write(`home/work/repo/${name}`, content);
    const { settings, files, origins } = await load();
    expect(settings.default_model).toBe('here');
    expect(files).toEqual({ project: file });
    expect(origins.get('default_model')).toEqual({ kind: 'project', file });
  });

  it.each([
    ['.ollamarc', '.ollamarc.json'],
    ['.ollamarc.yml', '.config/ollamarc'],
    ['.config/ollamarc.yml', 'package.json'],
  ])('%s comes before %s', async (first, second) => {
    write(`home/work/repo/${first}`, '{"default_model": "first"}');
    write(`home/work/repo/${second}`, '{"default_model": "second", "ollama": {"default_model": "second"}}');
    expect(await modelOf()).toBe('first');
  });

  it.each(['', '  \n', '\uFEFF', '# only a comment\n', '{}', '---\n'])(
    'sets nothing when it holds %j',
    async (content) => {
      const file = write('home/work/repo/.ollamarc', content);
      const { files, settings } = await load();
      expect(files.project).toBe(file);
      expect(settings.default_model).toBeUndefined();
    },
  );

  it('is looked for up to the root of the repository, and no further', async () => {
    write('home/work/.ollamarc', 'default_model: above');
    expect(await modelOf({ cwd: path.join(repo, 'deep', 'er') })).toBeUndefined();
    write('home/work/repo/.ollamarc', 'default_model: root');
    expect(await modelOf({ cwd: path.join(repo, 'deep', 'er') })).toBe('root');
    write('home/work/repo/deep/.ollamarc', 'default_model: nearer');
    expect(await modelOf({ cwd: path.join(repo, 'deep', 'er') })).toBe('nearer');
  });

  it('is looked for up to the home folder where there is no repository, and no further', async () => {
    write('.ollamarc', 'default_model: above home');
    const cwd = path.join(home, 'work');
    expect(await modelOf({ cwd })).toBeUndefined();
    write('home/.ollamarc', 'default_model: home');
    expect(await modelOf({ cwd })).toBe('home');
    expect(await modelOf({ cwd: home })).toBe('home');
  });

  it('is looked for in the working directory alone where neither is above', async () => {
    write('elsewhere/.ollamarc', 'default_model: anybody');
    mkdirSync(path.join(root, 'elsewhere', 'below'));
    expect(await modelOf({ cwd: path.join(root, 'elsewhere', 'below') })).toBeUndefined();
    expect(await modelOf({ cwd: path.join(root, 'elsewhere') })).toBe('anybody');
  });

  it.each([
    ['{"dependencies": {"ollama": "1"}}', 'only depends on a package of that name'],
    ['{"name": "x"}', 'says nothing to us'],
    ['[]', 'is no object'],
  ])('is not a package.json that %2$s: %s', async (content) => {
    write('home/work/repo/deep/package.json', content);
    write('home/work/repo/.ollamarc', 'default_model: root');
    expect(await modelOf({ cwd: path.join(repo, 'deep') })).toBe('root');
  });

  it('may be a folder of that name, which is passed over', async () => {
    mkdirSync(path.join(repo, '.ollamarc'));
    write('home/work/repo/.ollamarc.yml', 'default_model: file');
    expect(await modelOf()).toBe('file');
  });

  it('does not matter from a working directory that is gone', async () => {
    expect(await modelOf({ cwd: path.join(root, 'gone') })).toBeUndefined();
  });
});

describe('the user file', () => {
  it('is config.yaml or config.json, the first where both are there', async () => {
    const json = writeUser('{"default_model": "json"}', 'config.json');
    expect(await load()).toMatchObject({ settings: { default_model: 'json' }, files: { user: json } });
    const yaml = writeUser('default_model: yaml');
    expect(await load()).toMatchObject({ settings: { default_model: 'yaml' }, files: { user: yaml } });
  });

  it('follows XDG_CONFIG_HOME', async () => {
    write('xdg/ollama-cli/config.yaml', 'default_model: xdg');
    expect(await modelOf({ env: { XDG_CONFIG_HOME: path.join(root, 'xdg') } })).toBe('xdg');
  });

  it('may name a file from the home folder by ~', async () => {
    writeUser('ca_file: ~/ca.pem\nhosts: {box: {url: "http://box", header_file: "~/box.headers"}}\n');
    const { settings } = await load();
    expect(settings.ca_file).toBe(path.join(home, 'ca.pem'));
    expect(settings.hosts['box']?.header_file).toBe(path.join(home, 'box.headers'));
  });

  it('may set what a project may not', async () => {
    writeUser(
      'host: http://ann:pw@gpu.lan\nheaders: {X-Key: k}\nauto_start_server: true\nca_file: certs/ca.pem\n',
    );
    const { settings, warnings, projectHost } = await load();
    expect(settings).toMatchObject({
      host: 'http://ann:pw@gpu.lan',
      headers: { 'x-key': 'k' },
      auto_start_server: true,
      ca_file: path.join(home, '.config/ollama-cli/certs/ca.pem'),
    });
    expect({ warnings, projectHost }).toEqual({ warnings: [], projectHost: undefined });
  });
});

describe('all sources together', () => {
  it('count flag, environment, project, user, default', async () => {
    writeUser(
      'default_model: user\nsystem: user\nkeep_alive: 1m\nhistory: false\noptions: {seed: 1, top_k: 1}',
    );
    write(
      'home/work/repo/.ollamarc',
      'default_model: project\nsystem: project\nkeep_alive: 2m\noptions: {seed: 2}',
    );
    const { settings, origins } = await load({
      env: { OLLAMA_CLI_DEFAULT_MODEL: 'environment', OLLAMA_CLI_SYSTEM: 'environment' },
      flags: { default_model: 'flag' },
    });
    expect(settings).toMatchObject({
      default_model: 'flag',
      system: 'environment',
      keep_alive: '2m',
      history: false,
      options: { seed: 2, top_k: 1 },
      color: 'auto',
    });
    expect(origins.get('system')).toEqual({ kind: 'environment', name: 'OLLAMA_CLI_SYSTEM' });
  });

  it.each<[Record<string, unknown>, Record<string, string>, string]>([
    [{ host: 'flag' }, { OLLAMA_HOST: 'variable', OLLAMA_BASE_URL: 'base' }, 'flag'],
    [{}, { OLLAMA_HOST: 'variable', OLLAMA_BASE_URL: 'base' }, 'variable'],
    [{}, { OLLAMA_BASE_URL: 'base' }, 'base'],
    [{}, {}, 'localhost:1'],
  ])('take the host of %j and %j as %s', async (flags, env, host) => {
    writeUser('host: user');
    write('home/work/repo/.ollamarc', 'host: localhost\nport: 1');
    expect((await load({ flags, env })).settings.host).toBe(host);
  });
});

describe('errors', () => {
  it('name file, line and key, all of them at once, the environment too', async () => {
    const user = writeUser('# mine\noptions:\n  temperature: warm\n  top_k: 1\nhist: 1\n');
    const project = write(
      'home/work/repo/.ollamarc',
      '{\n  "timeouts": {\n    "connect": 5,\n    "silense": "1s"\n  },\n  "auto_pull": "yes"\n}',
    );
    expect(await configError({ env: { OLLAMA_CLI_COLOR: 'red' } })).toBe(
      [
        'OLLAMA_CLI_COLOR must be auto, always or never, not "red"',
        `${project}:3: timeouts.connect must be a duration such as 500ms or 5s, not 5`,
        `${project}:4: unknown key "silense" in timeouts; did you mean timeouts.silence?`,
        `${project}:6: auto_pull must be ask, always or never, not "yes"`,
        `${user}:3: options.temperature must be a number of at least 0, not "warm"`,
        `${user}:5: unknown key "hist"; did you mean host?`,
      ].join('\n'),
    );
  });

  it.each([
    ['.ollamarc', 'a: [1\nb: 2', /\.ollamarc:\d: is neither JSON nor YAML: /],
    ['.ollamarc', 'host: x\nhost: y', /\.ollamarc:2: is neither JSON nor YAML: duplicated mapping key$/],
    [
      '.ollamarc.json',
      '{\n  "host": "x",\n  "system" "y"\n}',
      /\.ollamarc\.json:3: is neither JSON nor YAML: /,
    ],
    ['package.json', '{\n  "ollama": {\n    "modle": 1\n  }\n}', /package\.json:3: unknown key "modle"/],
    ['package.json', '{\n  "ollama": 5\n}', /package\.json:2: must hold a map of settings, not 5/],
    [
      'package.json',
      '{\n  "name": "x",\n<<<<<<< HEAD\n  "ollama": {}\n}',
      /package\.json:\d: is neither JSON nor YAML: /,
    ],
    ['.ollamarc', '- a\n- b', /\.ollamarc:1: must hold a map of settings, not a list/],
    ['.ollamarc', 'a: &x {temperature: warm}\noptions: *x', /\.ollamarc:2: options\.temperature must be/],
    [
      '.ollamarc',
      'default_model: !!js/function "function () {}"',
      /\.ollamarc:1: is neither JSON nor YAML: unknown tag/,
    ],
    ['.ollamarc', Buffer.from('\uFEFFhost: x', 'utf16le'), /\.ollamarc:1: is not UTF-8 text/],
    ['.ollamarc', `${'#'.repeat(1_000_000)}\n`, /\.ollamarc: is larger than 1 MB/],
    ['.ollamarc', `# ${'x'.repeat(70_000)}\n`, /\.ollamarc: is not JSON, and larger than the 64 kB/],
  ])('of %s with %j', async (name, content, message) => {
    write(`home/work/repo/${name}`, content);
    expect(await configError()).toMatch(message);
  });

  it('quote nothing that a terminal would obey', async () => {
    write('home/work/repo/.ollamarc', '"\\u001b[2Jx": 1\nsystem: !<tag:\u202e> x\n');
    expect(await configError()).not.toMatch(/[^\n\P{Cc}]|\p{Bidi_Control}/u);
    write('home/work/repo/.ollamarc', '"\\e[2Jx": 1\n');
    expect(await configError()).toContain(String.raw`unknown key "\u001b[2Jx"`);
  });

  it.each([
    ['nested lists', `a: ${'['.repeat(20_000)}`],
    [
      'aliases that multiply',
      `a: &a [x,x,x]\n${Array.from({ length: 9 }, (_, i) => `${'bcdefghij'[i] ?? ''}: &${'bcdefghij'[i] ?? ''} [${`*${'abcdefghi'[i] ?? ''},`.repeat(9)}]`).join('\n')}`,
    ],
    [
      'merges that multiply',
      `a: &a {${Array.from({ length: 2000 }, (_, i) => `k${String(i)}: 0`).join(',')}}\nb: {<<: [${'*a,'.repeat(5000)}]}`,
    ],
    ['lists as keys', `a: &a [${'x,'.repeat(10_000)}]\nb: [${'{*a : 1},'.repeat(4000)}]`],
  ])('come soon also for %s', async (_, content) => {
    write('home/work/repo/.ollamarc', content);
    expect(await configError()).toContain('.ollamarc:');
  });

  it('of the user file name it too, where it cannot be read', async () => {
    const file = path.join(home, '.config', 'ollama-cli', 'config.yaml');
    mkdirSync(file, { recursive: true });
    expect(await configError()).toBe(`${file}: is not a regular file`);
  });

  it('of a flag are usage errors', async () => {
    await expect(load({ flags: { color: 'red' } })).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('variables that name no setting', () => {
  it('are told, not refused', async () => {
    expect((await load({ env: { OLLAMA_CLI_SEED: '1' } })).unknownVariables).toEqual(['OLLAMA_CLI_SEED']);
  });
});

describe('--config', () => {
  it('takes the place of the project file, from the working directory', async () => {
    write('home/work/repo/.ollamarc', 'default_model: project\nsystem: project');
    const file = write('home/work/repo/ci/settings.txt', 'default_model: ci');
    const { settings, files } = await load({ config: 'ci/settings.txt' });
    expect(settings.default_model).toBe('ci');
    expect(settings.system).toBeUndefined();
    expect(files.project).toBe(file);
  });

  it('takes the property of a package.json', async () => {
    write('home/work/repo/x/package.json', '{"name": "x", "ollama": {"default_model": "p"}}');
    expect(await modelOf({ config: 'x/package.json' })).toBe('p');
  });

  it('is an error where the file is not there', async () => {
    expect(await configError({ config: 'absent.yaml' })).toBe('--config: there is no file "absent.yaml"');
  });

  it('is an error for a folder', async () => {
    expect(await configError({ config: 'deep' })).toMatch(/deep: is not a regular file$/);
  });

  it('is not trusted more than a project file', async () => {
    write('home/work/repo/c.yaml', 'host: gpu.lan\nheaders: {a: b}');
    const { projectHost, warnings, settings } = await load({ config: 'c.yaml' });
    expect(projectHost).toEqual({ file: path.join(repo, 'c.yaml'), url: 'gpu.lan' });
    expect(settings.headers).toEqual({});
    expect(warnings).toHaveLength(2);
  });
});

describe('what a project file may not set', () => {
  it('is left out with a warning that names file and key', async () => {
    const file = write(
      'home/work/repo/.ollamarc',
      'host: http://ann:pw@gpu.lan:1\nheaders: {Authorization: x}\nhosts: {a: {url: b}}\nca_file: x\nauto_start_server: true',
    );
    const { settings, warnings, projectHost } = await load();
    expect(settings).toMatchObject({
      host: 'http://gpu.lan:1',
      headers: {},
      hosts: {},
      auto_start_server: false,
    });
    expect(settings.ca_file).toBeUndefined();
    const ignored = (key: string) =>
      `${file}: ${key} is ignored: only your own configuration file, the environment or a flag may set it`;
    expect(warnings).toEqual([
      ignored('headers'),
      ignored('hosts'),
      ignored('ca_file'),
      ignored('auto_start_server'),
      ignored('user:password@ in host'),
      `host http://gpu.lan:1 comes from ${file}`,
    ]);
    expect(projectHost).toEqual({ file, url: 'http://gpu.lan:1' });
  });
});
