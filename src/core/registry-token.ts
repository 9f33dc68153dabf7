import { isFields, text } from './fields.js';
import { OllamaError } from './errors.js';
import type { HostAddress } from './url.js';

/** What a registry asks for when it refuses an answer without a token. */
export interface Challenge {
  readonly realm: string;
  readonly service: string | undefined;
  readonly scope: string | undefined;
}

/** The challenge of a `WWW-Authenticate` header; undefined for another kind than a bearer's. */
export function readChallenge(header: string | undefined): Challenge | undefined {
  if (header === undefined || !/^\s*bearer\s/i.test(header)) return undefined;
  const parts = new Map(
    [...header.matchAll(/([a-z_]+)="([^"]*)"/gi)].map(([, key = '', value = '']) => [
      key.toLowerCase(),
      value,
    ]),
  );
  const realm = parts.get('realm');
  return realm === undefined
    ? undefined
    : { realm, service: parts.get('service'), scope: parts.get('scope') };
}

type Ask = (
  host: HostAddress,
  path: string,
) => Promise<{ readonly status: number; readonly body: Buffer; readonly whole: boolean }>;

/**
 * A token for somebody without a name, or undefined where none is given out. Throws `unauthorized` where the registry
 * sends to another host for it: that is where a token could be stolen (server/auth.go of Ollama).
 */
export async function fetchToken(
  { realm, service, scope }: Challenge,
  registry: HostAddress,
  ask: Ask,
): Promise<string | undefined> {
  const own = new URL(registry.url);
  if (!URL.canParse(realm, own.href) || new URL(realm, own).origin !== own.origin) {
    throw new OllamaError(
      'unauthorized',
      `The registry ${registry.url} sends to ${JSON.stringify(realm.slice(0, 200))} for a token, which is another host.`,
      { host: registry.url },
    );
  }
  const place = new URL(realm, own);
  if (service !== undefined) place.searchParams.set('service', service);
  for (const one of scope?.split(' ') ?? []) if (one !== '') place.searchParams.append('scope', one);
  // The realm's path is whole: a registry's own prefix does not come before it.
  const { status, body, whole } = await ask({ ...registry, path: '' }, place.pathname + place.search);
  return status === 200 && whole ? readToken(body) : undefined;
}

function readToken(body: Buffer): string | undefined {
  try {
    const value = JSON.parse(body.toString('utf8')) as unknown;
    if (!isFields(value)) return undefined;
    const token = text(value, 'token') || text(value, 'access_token');
    // A line break in it would begin another header.
    return /^[\u0021-\u007e]{1,16384}$/.test(token) ? token : undefined;
  } catch {
    return undefined;
  }
}
