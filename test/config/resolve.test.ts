import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listSettings } from '../../src/config/list.js';
import { resolveSettings } from '../../src/config/resolve.js';
import type { Layer } from '../../src/config/resolve.js';
import type { Stored } from '../../src/config/value-types.js';

function layer(kind: Layer['kind'], values: Record<string, Stored>): Layer {
  const isFile = kind === 'project' || kind === 'user';
  return {
    kind,
    ...(isFile ? { file: `/${kind}.yaml` } : {}),
    values: new Map(
      Object.entries(values).map(([key, value]) => [
        key,
        { value, ...(isFile ? {} : { name: `${kind} ${key}` }) },
      ]),
    ),
  };
}

describe('settings that nobody set', () => {
  it('are the defaults', () => {
    const { settings, warnings, files, projectHost, origins } = resolveSettings([]);
    expect(settings).toEqual({
      host: 'http://127.0.0.1:11434',
      options: {},
      auto_pull: 'ask',
      auto_start_server: false,
      allowed_models: undefined,
      timeouts: { connect: 5000, response: 60_000, silence: undefined, pull: undefined, first_token: 60_000 },
      retry: { attempts: 3, delay: 250, max_delay: 5000 },
      model_cache_ttl: 60_000,
      health_check_interval: 30_000,
      history: true,
      sessions: true,
      markdown: true,
      warm_up: true,
      progress: 'auto',
      color: 'auto',
      accessible: false,
      headers: {},
      hosts: {},
      presets: {},
      auto: {},
      mcp: {},
      keys: {},
      providers: {},
      fallback: [],
    });
    expect(Object.keys(settings)).toContain('allowed_models');
    expect(Object.keys(settings)).not.toContain('default_model');
    expect({ warnings, files, projectHost }).toEqual({ warnings: [], files: {}, projectHost: undefined });
    expect(new Set([...origins.values()].map(({ kind }) => kind))).toEqual(new Set(['default']));
  });
});

describe('precedence', () => {
  const kinds = ['user', 'project', 'environment', 'flag'] as const;

  it('is flag, environment, project file, user file, default, for each key by itself and in any order of the sources', () => {
    const keys = ['options.seed', 'options.top_k', 'retry.attempts'];
    const source = fc.record({ kind: fc.constantFrom(...kinds), keys: fc.subarray(keys) });
    fc.assert(
      fc.property(fc.uniqueArray(source, { selector: ({ kind }) => kind }), (sources) => {
        const layers = sources.map(({ kind, keys: set }) =>
          layer(kind, Object.fromEntries(set.map((key) => [key, kinds.indexOf(kind) + 1]))),
        );
        const { values, origins } = resolveSettings(layers);
        for (const key of keys) {
          const setters = sources
            .filter((one) => one.keys.includes(key))
            .map(({ kind }) => kinds.indexOf(kind) + 1);
          const fallback = key === 'retry.attempts' ? 3 : undefined;
          expect(values.get(key)).toBe(setters.length === 0 ? fallback : Math.max(...setters));
          const kind = setters.length === 0 ? undefined : kinds[Math.max(...setters) - 1];
          expect(origins.get(key)?.kind).toBe(kind ?? (fallback === undefined ? undefined : 'default'));
        }
      }),
    );
  });

  it('says where each value came from', () => {
    const { origins, files } = resolveSettings([
      layer('flag', { color: 'never' }),
      layer('project', { default_model: 'm' }),
      layer('user', { default_model: 'n', system: 's' }),
    ]);
    expect(origins.get('color')).toEqual({ kind: 'flag', name: 'flag color' });
    expect(origins.get('default_model')).toEqual({ kind: 'project', file: '/project.yaml' });
    expect(origins.get('system')).toEqual({ kind: 'user', file: '/user.yaml' });
    expect(files).toEqual({ project: '/project.yaml', user: '/user.yaml' });
  });

  it('lets an explicit none win over a limit', () => {
    const layers = [layer('user', { 'timeouts.pull': 5000 }), layer('project', { 'timeouts.pull': null })];
    expect(resolveSettings(layers).settings.timeouts.pull).toBeUndefined();
  });
});

describe('a named host', () => {
  const user = layer('user', {
    'headers.authorization': 'for the default',
    'hosts.gpu.url': 'http://gpu:1',
    'hosts.gpu.headers.authorization': 'for gpu',
    'hosts.gpu.ca_file': '/gpu.pem',
    'hosts.nas.url': 'http://nas:2',
  });

  it.each([
    ['gpu', 'http://gpu:1', { authorization: 'for gpu' }, '/gpu.pem'],
    ['nas', 'http://nas:2', {}, undefined],
    ['other', 'other', {}, undefined],
    ['gpu.headers', 'gpu.headers', {}, undefined],
    ['http://gpu:1', 'http://gpu:1', {}, undefined],
    ['127.0.0.1', '127.0.0.1', { authorization: 'for the default' }, undefined],
  ])('%s is %s', (host, url, headers, caFile) => {
    const { settings, origins } = resolveSettings([user, layer('flag', { host })]);
    expect(settings).toMatchObject({ host: url, headers });
    expect(Object.keys(settings.headers)).toEqual(Object.keys(headers));
    expect(settings.ca_file).toBe(caFile);
    expect(origins.get('host')).toEqual({ kind: 'flag', name: 'flag host' });
    expect(settings.hosts['nas']).toEqual({ url: 'http://nas:2', headers: {} });
  });

  it('without an address is an error', () => {
    expect(() => resolveSettings([layer('user', { 'hosts.gpu.ca_file': '/x' })])).toThrow(
      expect.objectContaining({ code: 'config', message: 'hosts.gpu needs a url' }),
    );
  });
});

describe('a header', () => {
  const secret = { 'headers.authorization': 'Bearer s' };

  it.each<[string, Layer[], boolean]>([
    ['of the user file goes to its host', [layer('user', { host: 'gpu', ...secret })], true],
    ['of the user file goes to the default host', [layer('user', secret)], true],
    [
      'goes to the same host in another spelling',
      [layer('user', { host: 'gpu', ...secret }), layer('environment', { host: 'http://gpu:11434/' })],
      true,
    ],
    [
      'does not go to the project file’s host',
      [layer('user', { host: 'gpu', ...secret }), layer('project', { host: 'evil' })],
      false,
    ],
    [
      'does not go to the host of the environment',
      [layer('user', { host: 'gpu', ...secret }), layer('environment', { host: 'other' })],
      false,
    ],
    [
      'does not go to the host of a flag',
      [layer('user', { host: 'gpu', ...secret }), layer('flag', { host: 'other' })],
      false,
    ],
    ['of the environment goes to its host', [layer('environment', { host: 'gpu', ...secret })], true],
    [
      'of the environment goes to the user file’s host',
      [layer('environment', secret), layer('user', { host: 'gpu' })],
      true,
    ],
    [
      'of the environment does not go to the project file’s host',
      [layer('environment', secret), layer('project', { host: 'evil' })],
      false,
    ],
    [
      'of the environment does not go to the host of a flag',
      [layer('environment', secret), layer('flag', { host: 'x' })],
      false,
    ],
    ['of a flag goes where the command goes', [layer('flag', secret), layer('user', { host: 'gpu' })], true],
  ])('%s', (_, layers, sent) => {
    const { settings, origins } = resolveSettings(layers);
    expect(settings.headers).toEqual(sent ? { authorization: 'Bearer s' } : {});
    expect(origins.has('headers.authorization')).toBe(sent);
  });
});

it('trusts a CA file of the top level for every host that has none of its own', () => {
  const own = layer('user', { host: 'gpu', ca_file: '/company.pem', 'hosts.nas.url': 'https://nas:2' });
  expect(resolveSettings([own, layer('flag', { host: 'nas' })]).settings.ca_file).toBe('/company.pem');
});

describe.each([
  ['token_env', 'BOX'],
  ['header_file', '/f'],
  ['insecure', true],
])('%s', (key, value) => {
  const own = layer('user', {
    host: 'gpu',
    [key]: value,
    'hosts.gpu.url': 'http://gpu:1',
    'hosts.nas.url': 'http://nas:2',
    'hosts.same.url': 'http://gpu:1',
  });

  it.each<[string, Layer[], boolean]>([
    ['goes to its host', [own], true],
    ['goes to the same address', [own, layer('flag', { host: 'gpu:1' })], true],
    ['goes to the same address by another name', [own, layer('flag', { host: 'same' })], true],
    ['does not go to another configured host', [own, layer('flag', { host: 'nas' })], false],
    ['does not go to an address of a flag', [own, layer('flag', { host: 'http://gpu:2' })], false],
    ['does not go to the host of the environment', [own, layer('environment', { host: 'other' })], false],
    ['does not go to the project file’s host', [own, layer('project', { host: 'evil' })], false],
    ['does not go to where a project file points beside it', [own, layer('project', { host: 'nas' })], false],
    ['does not go from http to https', [own, layer('flag', { host: 'https://gpu:1' })], false],
  ])('%s', (_, layers, holds) => {
    const { settings, values } = resolveSettings(layers);
    expect(settings[key as keyof typeof settings]).toBe(holds ? value : undefined);
    expect(values.has(key)).toBe(holds);
  });

  it('of a named host is its own alone, and stronger than that of all', () => {
    const named = layer('user', {
      'hosts.gpu.url': 'gpu',
      [`hosts.gpu.${key}`]: value,
      'hosts.nas.url': 'nas',
    });
    expect(resolveSettings([named, layer('flag', { host: 'gpu' })]).settings).toHaveProperty([key], value);
    expect(resolveSettings([named, layer('project', { host: 'gpu' })]).settings).toHaveProperty([key], value);
    expect(resolveSettings([named, layer('flag', { host: 'nas' })]).values.has(key)).toBe(false);
    expect(resolveSettings([named, layer('flag', { host: 'http://gpu:11434' })]).values.has(key)).toBe(false);
  });
});

describe('the name of the host in force', () => {
  const named = layer('user', { 'hosts.gpu.url': 'gpu' });

  it.each<[Layer[], string | undefined]>([
    [[named], undefined],
    [[named, layer('flag', { host: 'gpu' })], 'gpu'],
    [[named, layer('environment', { host: 'gpu' })], 'gpu'],
    [[named, layer('flag', { host: 'http://gpu:11434' })], undefined],
  ])('%#', (layers, name) => {
    expect(resolveSettings(layers).hostName).toBe(name);
  });
});

describe('the host of a project file', () => {
  it('that is not this machine is named each time, and needs consent', () => {
    const { warnings, projectHost } = resolveSettings([layer('project', { host: 'gpu.lan:1' })], {
      warnings: ['first'],
    });
    expect(warnings).toEqual(['first', 'host gpu.lan:1 comes from /project.yaml']);
    expect(projectHost).toEqual({ file: '/project.yaml', url: 'gpu.lan:1' });
  });

  it.each<[string, Layer[]]>([
    ['it is this machine', [layer('project', { host: 'http://localhost:8080' })]],
    ['a flag names another', [layer('project', { host: 'gpu' }), layer('flag', { host: 'mine' })]],
    ['it is the user file’s', [layer('user', { host: 'gpu' })]],
  ])('needs none where %s', (_, layers) => {
    const { warnings, projectHost } = resolveSettings(layers);
    expect({ warnings, projectHost }).toEqual({ warnings: [], projectHost: undefined });
  });

  it('cannot write to the terminal by its warning', () => {
    const project = { ...layer('project', { host: 'gpu' }), file: '/a\u001b[2J\u202eb/.ollamarc' };
    expect(resolveSettings([project]).warnings).toEqual(['host gpu comes from /a[2J<U+202E>b/.ollamarc']);
  });
});

describe('listSettings', () => {
  it('lists what is in force in the order of the table, as a file would say it', () => {
    const listed = listSettings(
      resolveSettings([
        layer('user', { 'options.seed': 4, default_model: 'm', 'retry.delay': 1500, model_cache_ttl: 0 }),
      ]),
    );
    expect(listed.map(({ key }) => key)).toEqual([
      'host',
      'default_model',
      'options.seed',
      'auto_pull',
      'auto_start_server',
      'allowed_models',
      'timeouts.connect',
      'timeouts.response',
      'timeouts.silence',
      'timeouts.pull',
      'timeouts.first_token',
      'retry.attempts',
      'retry.delay',
      'retry.max_delay',
      'model_cache_ttl',
      'health_check_interval',
      'history',
      'sessions',
      'markdown',
      'warm_up',
      'progress',
      'color',
      'accessible',
      'fallback',
    ]);
    const byKey = new Map(listed.map((item) => [item.key, item]));
    expect(byKey.get('timeouts.response')).toEqual({
      key: 'timeouts.response',
      value: '1m',
      origin: { kind: 'default' },
    });
    expect(byKey.get('timeouts.pull')?.value).toBe('none');
    expect(byKey.get('retry.delay')?.value).toBe('1500ms');
    expect(byKey.get('allowed_models')?.value).toBeNull();
    expect(byKey.get('options.seed')).toEqual({
      key: 'options.seed',
      value: 4,
      origin: { kind: 'user', file: '/user.yaml' },
    });
  });

  it('shows no secret', () => {
    const resolved = resolveSettings([
      layer('user', {
        host: 'http://ann:hush@gpu:1',
        'headers.authorization': 'Bearer hush',
        'hosts.nas.url': 'ann:hush@nas',
        'hosts.nas.headers.x-key': 'hush',
      }),
    ]);
    const listed = listSettings(resolved);
    expect(JSON.stringify(listed)).not.toContain('hush');
    expect(Object.fromEntries(listed.map(({ key, value }) => [key, value]))).toMatchObject({
      host: 'http://***@gpu:1',
      'headers.authorization': '***',
      'hosts.nas.url': '***@nas',
      'hosts.nas.headers.x-key': '***',
    });
    expect(resolved.settings.host).toBe('http://ann:hush@gpu:1');
  });
});
