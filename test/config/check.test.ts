import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTree } from '../../src/config/check.js';

function valuesOf(tree: unknown, trusted = true): Record<string, unknown> {
  const { values, problems } = checkTree(tree, trusted);
  expect(problems).toEqual([]);
  return Object.fromEntries([...values].map(([key, { value }]) => [key, value]));
}

function messagesOf(tree: unknown): string[] {
  return checkTree(tree, true).problems.map(({ message }) => message);
}

describe('what a file may say', () => {
  it.each([
    [{ host: 'gpu.lan' }, { host: 'gpu.lan' }],
    [{ base_url: 'http://gpu.lan:1' }, { host: 'http://gpu.lan:1' }],
    [{ host: 'http://gpu.lan', port: 8080 }, { host: 'http://gpu.lan:8080' }],
    [{ base_url: 'gpu.lan', port: 8080 }, { host: 'gpu.lan:8080' }],
    [{ port: 8080 }, { host: '127.0.0.1:8080' }],
    [{ options: { max_tokens: 10 } }, { 'options.num_predict': 10 }],
    [{ options: { stop: '###' } }, { 'options.stop': ['###'] }],
    [{ options: { stop: ['a', 'b'] } }, { 'options.stop': ['a', 'b'] }],
    [{ options: { temperature: 0, seed: -1 } }, { 'options.temperature': 0, 'options.seed': -1 }],
    [{ auto_pull_model: true }, { auto_pull: 'always' }],
    [{ auto_pull_model: false }, { auto_pull: 'never' }],
    [{ auto_pull: 'ask' }, { auto_pull: 'ask' }],
    [{ allowed_models: ['llama*'] }, { allowed_models: ['llama*'] }],
    [{ allowed_models: [] }, { allowed_models: [] }],
    [
      { timeouts: { connect: '2s', silence: 'none', response: 0, pull: 'off' } },
      {
        'timeouts.connect': 2000,
        'timeouts.silence': null,
        'timeouts.response': null,
        'timeouts.pull': null,
      },
    ],
    [
      { model_cache_ttl: '0', health_check_interval: 'none' },
      { model_cache_ttl: 0, health_check_interval: 0 },
    ],
    [{ keep_alive: '5m' }, { keep_alive: '5m' }],
    [{ keep_alive: -1 }, { keep_alive: -1 }],
    [{ keep_alive: '300' }, { keep_alive: 300 }],
    [{ keep_alive: '1h30m' }, { keep_alive: '1h30m' }],
    [{ system: '' }, { system: '' }],
    [{ retry: { attempts: 5, delay: '1s' } }, { 'retry.attempts': 5, 'retry.delay': 1000 }],
    [{ headers: { Authorization: 'Bearer x' } }, { 'headers.authorization': 'Bearer x' }],
    [
      { hosts: { gpu: { url: 'http://gpu:1', headers: { 'X-Key': 'k' } } } },
      { 'hosts.gpu.url': 'http://gpu:1', 'hosts.gpu.headers.x-key': 'k' },
    ],
    [
      { presets: { a: { model: 'm', options: { max_tokens: 5, stop: 'x' } } } },
      { 'presets.a.model': 'm', 'presets.a.options.num_predict': 5, 'presets.a.options.stop': ['x'] },
    ],
    [{ keys: { 'ctrl-t': 'show-thinking' } }, { 'keys.ctrl-t': 'show-thinking' }],
    [
      { mcp: { files: { command: 'npx', args: ['-y', 'x'], env: { TOKEN: 't' }, timeout: '5s' } } },
      {
        'mcp.files.command': 'npx',
        'mcp.files.args': ['-y', 'x'],
        'mcp.files.env.TOKEN': 't',
        'mcp.files.timeout': 5000,
      },
    ],
    [{ default_model: null, options: null }, {}],
    [undefined, {}],
    [null, {}],
    [{}, {}],
  ])('%j sets %j', (tree, expected) => {
    expect(valuesOf(tree)).toEqual(expected);
  });

  it.each([
    [{ options: { temperature: 'warm' } }, 'options.temperature must be a number of at least 0, not "warm"'],
    [{ options: { temperature: '0.2' } }, 'options.temperature must be a number of at least 0, not "0.2"'],
    [{ options: { temperature: NaN } }, 'options.temperature must be a number of at least 0, not NaN'],
    [{ options: { top_p: 2 } }, 'options.top_p must be a number from 0 to 1, not 2'],
    [{ options: { num_ctx: 1.5 } }, 'options.num_ctx must be a whole number of at least 1, not 1.5'],
    [{ options: [1] }, 'options must be a map of settings, not a list'],
    [{ options: { stop: [1] } }, 'options.stop must be a text or a list of texts, not a list'],
    [{ host: 11434 }, 'host must be an address such as http://127.0.0.1:11434, not 11434'],
    [{ host: 'ftp://ann:pw@x' }, 'host must be an address such as http://127.0.0.1:11434, not "ftp://***@x"'],
    [{ host: 'gpu:1', port: 2 }, 'port is there, and host says a port too; keep one'],
    [{ port: 0 }, 'port must be a whole number from 1 to 65535, not 0'],
    [{ auto_pull: 'sometimes' }, 'auto_pull must be ask, always or never, not "sometimes"'],
    [{ auto_pull: true }, 'auto_pull must be ask, always or never, not true'],
    [{ history: 'yes' }, 'history must be true or false, not "yes"'],
    [{ timeouts: { connect: 5 } }, 'timeouts.connect must be a duration such as 500ms or 5s, not 5'],
    [
      { timeouts: { connect: 'none' } },
      'timeouts.connect must be a duration such as 500ms or 5s, not "none"',
    ],
    [
      { timeouts: { silence: 'long' } },
      'timeouts.silence must be a duration such as 30s or 5m, or none, not "long"',
    ],
    [
      { keep_alive: 'for ever' },
      'keep_alive must be a duration such as 5m, a number of seconds, or -1 for ever, not "for ever"',
    ],
    [{ default_model: '' }, 'default_model must be text that is not empty, not ""'],
    [{ system: new Date(0) }, 'system must be text, not a date'],
    [{ headers: { 'x-key': 5 } }, 'headers.x-key must be text of one line'],
    [{ headers: { 'x-key': 'a\r\nb: secret' } }, 'headers.x-key must be text of one line'],
    [{ host: 'a', base_url: 'b' }, 'base_url and host are the same setting; keep one'],
    [{ base_url: 'b', host: 'a' }, 'host and base_url are the same setting; keep one'],
    [
      { options: { num_predict: 1, max_tokens: 1 } },
      'options.max_tokens and options.num_predict are the same setting; keep one',
    ],
    [{ modle: 'x' }, 'unknown key "modle"'],
    [{ 'default-model': 1 }, 'unknown key "default-model"; did you mean default_model?'],
    [{ ['t'.repeat(100_000)]: 1 }, `unknown key "${'t'.repeat(60)}…"`],
    [{ defualt_model: 'x' }, 'unknown key "defualt_model"; did you mean default_model?'],
    [{ temperature: 1 }, 'unknown key "temperature"; did you mean options.temperature?'],
    [
      { options: { temprature: 1 } },
      'unknown key "temprature" in options; did you mean options.temperature?',
    ],
    [{ 'options.temperature': 1 }, 'unknown key "options.temperature"'],
    [{ plugins: {} }, 'unknown key "plugins"'],
    [{ mcp: { files: { command: 1 } } }, 'mcp.files.command must be text that is not empty, not 1'],
    [{ mcp: { files: { env: { TOKEN: 5 } } } }, 'mcp.files.env.TOKEN must be text'],
    [
      { presets: { a: { options: { top_p: 2 } } } },
      'presets.a.options.top_p must be a number from 0 to 1, not 2',
    ],
    [{ $import: './evil.js' }, 'unknown key "$import"'],
    [{ hosts: { 'a b': { url: 'x' } } }, 'unknown key "a b" in hosts'],
    [{ hosts: { gpu: 'http://gpu' } }, 'hosts.gpu must be a map of settings'],
    [{ 'a\u001b[31m\u202e': 1 }, String.raw`unknown key "a\u001b[31m<U+202E>"`],
    ['just text', 'must hold a map of settings, not "just text"'],
    [[1], 'must hold a map of settings, not a list'],
  ])('%j is refused: %s', (tree, message) => {
    expect(messagesOf(tree)).toEqual([message]);
  });

  it('names what a key may do where a file says something else', () => {
    const [message] = messagesOf({ keys: { 'ctrl-t': 'fly' } });
    expect(message).toMatch(/^keys\.ctrl-t must be none, send, .* or escape, not "fly"$/);
  });

  it('reports everything that is wrong, each with its path', () => {
    const { problems } = checkTree({ hist: 1, options: { seed: 'a', top_k: 'b' }, color: 'red' }, true);
    expect(problems.map(({ path }) => path.join('.'))).toEqual([
      'hist',
      'options.seed',
      'options.top_k',
      'color',
    ]);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'takes %s for an unknown key anywhere, and never assigns it',
    (name) => {
      const evil = JSON.parse(
        `{"${name}": {"host": "x"}, "options": {"${name}": 1}, "headers": {"${name}": "1"}, "hosts": {"${name}": {"url": "x"}}}`,
      ) as unknown;
      const { problems, values } = checkTree(evil, true);
      expect(problems).toHaveLength(4);
      for (const { message } of problems) expect(message).toContain(`unknown key "${name}"`);
      expect([...values.keys()].filter((key) => key.includes('__proto__'))).toEqual([]);
      expect({}).not.toHaveProperty('host');
    },
  );

  it('throws at nothing, and says nothing that a terminal would obey', () => {
    fc.assert(
      fc.property(
        fc.object({
          key: fc.constantFrom('host', 'port', 'options', 'stop', 'headers', 'hosts', 'x', 'url'),
        }),
        (tree) => {
          const { problems } = checkTree(tree, true);
          for (const { message } of problems) expect(message).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
        },
      ),
    );
  });
});

describe('a project file', () => {
  it('cannot set what is the person’s own: it is left out and named, right or wrong', () => {
    const { values, problems, ignored } = checkTree(
      { headers: { a: 'b' }, hosts: 5, ca_file: 'x.pem', auto_start_server: true, default_model: 'm' },
      false,
    );
    expect(problems).toEqual([]);
    expect(ignored).toEqual(['headers', 'hosts', 'ca_file', 'auto_start_server']);
    expect([...values.keys()]).toEqual(['default_model']);
  });

  it('may keep less of what a person does, and never more', () => {
    expect([...checkTree({ history: true, sessions: true }, false).values.keys()]).toEqual([]);
    expect([...checkTree({ history: false, sessions: false }, false).values.keys()]).toEqual([
      'history',
      'sessions',
    ]);
    expect([...checkTree({ history: true, sessions: true }, true).values.keys()]).toEqual([
      'history',
      'sessions',
    ]);
  });

  it.each([
    ['http://ann:pw@gpu.lan:1', 'http://gpu.lan:1'],
    ['ann:p@w@gpu.lan', 'gpu.lan'],
  ])('cannot carry credentials in %s', (host, kept) => {
    const { values, ignored } = checkTree({ host }, false);
    expect(values.get('host')?.value).toBe(kept);
    expect(ignored).toEqual(['user:password@ in host']);
  });
});

it('repeats nothing that may hold a secret in the place of a map', () => {
  for (const tree of [
    { hosts: { box: 'http://bob:s3cret@h/' } },
    { headers: 'Bearer s3cret' },
    { hosts: 'http://bob:s3cret@h' },
  ]) {
    const { problems } = checkTree(tree, true);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain('must be a map of settings');
    expect(JSON.stringify(problems)).not.toContain('s3cret');
  }
});
