/** Headers that tell nothing about who asks. */
const OPEN = new Set(['accept', 'content-type', 'content-length', 'user-agent', 'anthropic-version']);
/** What is shorter is part of other words, and no secret that guards anything. */
const SHORTEST = 6;

/**
 * Takes what is sent to identify the person out of a text, where a server says it back: its words are shown, written to
 * logs, and passed on. `headers` are those of each request.
 */
export function createRedactor(headers: Readonly<Record<string, string>>): (text: string) => string {
  const secrets = Object.entries(headers)
    .filter(([name]) => !OPEN.has(name.toLowerCase()))
    .flatMap(([, value]) => [value, ...partsOf(value)])
    .filter((secret) => secret.length >= SHORTEST)
    .sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((redacted, secret) => redacted.replaceAll(secret, '***'), text);
}

/** The token behind `Bearer`; the password of `Basic`, too. */
function partsOf(value: string): string[] {
  const [, scheme = '', rest] = /^(\S+)\s+(.+)$/s.exec(value) ?? [];
  if (rest === undefined) return [];
  if (scheme.toLowerCase() !== 'basic') return [rest];
  const pair = Buffer.from(rest, 'base64').toString('utf8');
  return [rest, pair, pair.slice(pair.indexOf(':') + 1)];
}
