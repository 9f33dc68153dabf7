/** Headers that tell nothing about who asks. */
const OPEN = new Set(['accept', 'content-type', 'content-length', 'user-agent', 'anthropic-version']);
/** What is shorter is part of other words, and no secret that guards anything. */
const SHORTEST = 6;

/**
 * Takes what is sent to identify the person out of a text, where a server says it back: its words are shown, written to
 * logs, and passed on. `headers` are those of each request. What a quoted text was cut in the middle of goes too.
 */
export function createRedactor(headers: Readonly<Record<string, string>>): (text: string) => string {
  const secrets = Object.entries(headers)
    .filter(([name]) => !OPEN.has(name.toLowerCase()))
    .flatMap(([, value]) => [value, ...partsOf(value)])
    .flatMap((secret) => [...new Set([secret, encodeURIComponent(secret), quoted(secret)])])
    .filter((secret) => secret.length >= SHORTEST)
    .sort((a, b) => b.length - a.length);
  return (text) =>
    secrets.reduce((redacted, secret) => withoutStart(redacted.replaceAll(secret, '***'), secret), text);
}

/** As it stands within a text that is quoted. */
function quoted(secret: string): string {
  return JSON.stringify(secret).slice(1, -1);
}

/** The text without the beginning of a secret where a quotation, or all of it, ends in it. */
function withoutStart(text: string, secret: string): string {
  const shortest = secret.slice(0, SHORTEST);
  let told = text;
  for (let at = told.indexOf(shortest); at >= 0; at = told.indexOf(shortest, at + 1)) {
    let end = at + SHORTEST;
    while (end - at < secret.length && told[end] === secret[end - at]) end += 1;
    if (/^(?:\\?["\u2026]|\.?$|\.\n)/.test(told.slice(end, end + 2)))
      told = `${told.slice(0, at)}***${told.slice(end)}`;
  }
  return told;
}

/** The token behind `Bearer`; the password of `Basic`, too. */
function partsOf(value: string): string[] {
  const [, scheme = '', rest] = /^(\S+)\s+(.+)$/s.exec(value) ?? [];
  if (rest === undefined) return [];
  if (scheme.toLowerCase() !== 'basic') return [rest];
  const pair = Buffer.from(rest, 'base64').toString('utf8');
  return [rest, pair, pair.slice(pair.indexOf(':') + 1)];
}
