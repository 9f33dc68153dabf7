import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** True for a request that came by a foreign name or page: the guard against DNS rebinding (server/routes.go). */
export function isForeign(headers: IncomingHttpHeaders): boolean {
  const { host, origin } = headers;
  if (host !== undefined && !isOwnHost(host)) return true;
  if (origin === undefined || origin === 'null') return false;
  try {
    const { protocol, host: from } = new URL(origin);
    return /^https?:$/.test(protocol) && !isOwnHost(from);
  } catch {
    return true;
  }
}

function isOwnHost(host: string): boolean {
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  if (name === '' || name === 'localhost' || /\.(?:localhost|local|internal)$/.test(name)) return true;
  if (isIP(name) === 4) return /^(?:127|10|192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01]))\./.test(name);
  return isIP(name) === 6 && /^(?:::1$|fe80|f[cd])/.test(name);
}
