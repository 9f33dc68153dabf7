import { isLoopback, parseHost, type HostAddress } from '../core/url.js';

function parse(host: string): HostAddress | undefined {
  try {
    return parseHost(host);
  } catch {
    return undefined;
  }
}

/** Whether the text is an address by the grammar of `core/url.ts`, or may be the name of a configured host: that may be a number too. */
export function isHostText(host: string): boolean {
  return (parse(host) !== undefined && host.trim() !== '') || /^\d\w*$/.test(host.trim());
}

/** Whether two addresses, however written, are one server; what can't be dialled is none. */
export function isSameHost(a: string, b: string): boolean {
  const one = parse(a);
  return one !== undefined && one.url === parse(b)?.url;
}

/** Whether what would be dialled is this machine. */
export function isLoopbackText(host: string): boolean {
  return isLoopback(parse(host)?.hostname ?? '');
}

/** Whether the address carries `user:password@`. */
export function hasCredentials(host: string): boolean {
  return parse(host)?.authorization !== undefined;
}

/** The address without `user:password@`. */
export function withoutCredentials(host: string): string {
  return host.trim().replace(/^(https?:\/\/)?[^/?#]*@/i, '$1');
}

/** The address as it may be shown. Takes more than the credentials where a password is not written as it should be. */
export function redactCredentials(host: string): string {
  return host.replace(/^([^:@]*:\/\/)?.*@/s, '$1***@');
}

/** The address with the port put in, or `undefined` where it has one already. */
export function joinPort(host: string, port: number): string | undefined {
  const [, scheme = '', authority = '', rest = ''] = /^(.*?:\/\/)?([^/?#]*)(.*)$/s.exec(host.trim()) ?? [];
  const name = authority.slice(authority.lastIndexOf('@') + 1);
  // Two colons without brackets are an IPv6 address by itself.
  const isBareIpv6 = /^[^[\]]*:[^[\]]*:/.test(name);
  if (!isBareIpv6 && /:[^\]]*$/.test(name)) return undefined;
  const address = isBareIpv6 ? `${authority.slice(0, authority.length - name.length)}[${name}]` : authority;
  return `${scheme}${address}:${String(port)}${rest}`;
}
