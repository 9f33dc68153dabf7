import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A token that nobody guesses: 256 bits, in letters that a shell and a URL leave alone. */
export function makeToken(): string {
  return randomBytes(32).toString('base64url');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * Makes the check of an `Authorization` header against the token. How long it takes says nothing of the token: digests
 * are compared, which are of one length.
 */
export function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const wanted = digest(token);
  return (authorization) => {
    const given = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    return given !== undefined && timingSafeEqual(digest(given), wanted);
  };
}
