import fc from 'fast-check';
import { expect, it } from 'vitest';
import { resolveSettings, type Layer } from '../../src/config/resolve.js';
import type { Stored } from '../../src/config/value-types.js';
import { resolveForHost } from '../../src/hosts/resolve-host.js';

const KEYS: Readonly<Record<string, readonly Stored[]>> = {
  host: ['a', 'http://top:1', 'http://a:1'],
  token_env: ['TOP', 'OTHER'],
  header_file: ['/top'],
  insecure: [true],
  ca_file: ['/all.pem', '/other.pem'],
  'headers.x-top': ['top', 'other'],
  'options.seed': [1, 2],
  'hosts.b.token_env': ['B'],
  'hosts.b.headers.x-b': ['b'],
  'hosts.b.headers.x-top': ['of b'],
  'hosts.b.insecure': [true],
  'hosts.a.ca_file': ['/a.pem'],
};

/** What each source sets; the hosts themselves are always there. */
const sources = fc.record(
  Object.fromEntries(
    (['user', 'project', 'environment', 'flag'] as const).map((kind) => [
      kind,
      fc.record(
        Object.fromEntries(Object.entries(KEYS).map(([key, values]) => [key, fc.constantFrom(...values)])),
        { requiredKeys: [] },
      ),
    ]),
  ),
  { requiredKeys: [] },
);

type Sets = Readonly<Record<string, Readonly<Record<string, Stored | undefined>> | undefined>>;

function layersOf(sets: Sets): Layer[] {
  const hosts = { 'hosts.a.url': 'http://a:1', 'hosts.b.url': 'http://b:1' };
  return Object.entries({ user: {}, ...sets }).map(([kind, values]) => ({
    kind: kind as Layer['kind'],
    values: new Map(
      Object.entries<Stored | undefined>({ ...(kind === 'user' ? hosts : {}), ...values }).flatMap(
        ([key, value]) => (value === undefined ? [] : [[key, { value }] as const]),
      ),
    ),
  }));
}

it('resolves for a host what the whole configuration comes to with --host, whichever were asked before', () => {
  const names = fc.array(fc.constantFrom('a', 'b', 'http://a:1', 'http://top:1', 'http://c:1'), {
    minLength: 1,
  });
  fc.assert(
    fc.property(sources, names, (sets, asked) => {
      const layers = layersOf(sets);
      const base = resolveSettings(layers);
      for (const name of asked) {
        const flags = layers.find(({ kind }) => kind === 'flag');
        const values = new Map(flags?.values).set('host', { value: name, name: '--host' });
        const others = layers.filter((one) => one !== flags);
        const { config, address } = resolveForHost(base, name);
        expect(config).toEqual(resolveSettings([...others, { kind: 'flag', values }]));
        expect(address.url).toBe(config.settings.host);
      }
    }),
  );
});
