import { isSameHost } from '../config/host-text.js';
import { resolveSettings, type Resolved } from '../config/resolve.js';
import type { NamedHost } from '../config/schema.js';
import { parseHost } from '../core/url.js';
import type { Io } from '../io.js';
import { readHeaderFile, type Headers } from './headers.js';

/** How a host is told who asks. */
export type Auth = 'bearer' | 'basic' | 'headers' | 'none';

/** A configured host as it is told: nothing in it is a secret. */
export interface HostRow {
  readonly name: string;
  readonly url: string;
  readonly default: boolean;
  readonly auth: Auth;
  readonly insecure: boolean;
  readonly ca_file?: string;
}

/** The settings as they would be without a host on this command line: their host is the default one. */
export function withoutFlag({ layers }: Resolved): Resolved {
  const others = layers.map((layer) =>
    layer.kind === 'flag'
      ? { ...layer, values: new Map([...layer.values].filter(([key]) => key !== 'host')) }
      : layer,
  );
  return resolveSettings(others);
}

/** The configured hosts in the order of the configuration; where an address was chosen, each that has it is the default. Reads their files of headers, and passes over what can't be read. */
export async function describeHosts(config: Resolved, io: Pick<Io, 'platform'>): Promise<HostRow[]> {
  const { hostName, settings } = withoutFlag(config);
  const isDefault = (name: string, { url }: NamedHost): boolean =>
    hostName === undefined ? isSameHost(url, settings.host) : name === hostName;
  const hosts = Object.entries(config.settings.hosts);
  return await Promise.all(
    hosts.map(async ([name, host]) =>
      describeHost(name, host, isDefault(name, host), await authOf(host, io)),
    ),
  );
}

/** One of them. */
export function describeHost(name: string, host: NamedHost, isDefault: boolean, auth: Auth): HostRow {
  return {
    name,
    url: parseHost(host.url).url,
    default: isDefault,
    auth,
    insecure: host.insecure === true,
    ...(host.ca_file === undefined ? {} : { ca_file: host.ca_file }),
  };
}

/** How a host is told who asks, as its settings and its file of headers have it. */
export async function authOf(
  host: Pick<NamedHost, 'url' | 'headers' | 'token_env' | 'header_file'>,
  io: Pick<Io, 'platform'>,
): Promise<Auth> {
  if (host.token_env !== undefined) return 'bearer';
  const kept: Headers | undefined =
    host.header_file === undefined ? {} : await readHeaderFile(host.header_file, io).catch(() => undefined);
  if (kept === undefined) return 'headers';
  const headers: Headers = { ...host.headers, ...kept };
  const authorization = headers['authorization'] ?? parseHost(host.url).authorization ?? '';
  if (/^bearer /i.test(authorization)) return 'bearer';
  if (/^basic /i.test(authorization)) return 'basic';
  return Object.keys(headers).length > 0 ? 'headers' : 'none';
}
