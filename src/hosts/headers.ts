import { placeFile } from '../config/paths.js';
import type { Resolved } from '../config/resolve.js';
import { headerText } from '../config/value-types.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import type { Io } from '../io.js';
import { readPrivateFile } from './private-file.js';

/** Headers by their names in lower case. */
export type Headers = Readonly<Record<string, string>>;

/** RFC 9110's token. */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/** What a bearer token is made of (RFC 6750); it has no colon, so it is never taken for a header. */
const TOKEN = /^[\w.~+/-]+=*$/;

/** These say where a message ends; a wrong one would make two of one. */
const OF_THE_MESSAGE = new Set(['content-length', 'transfer-encoding', 'connection']);

/** Names of headers whose values are, or may be, secrets. */
const IS_SECRET = /auth|cookie|credential|jwt|key|passw|secret|session|signature|token/i;

/** True for a header that may hold a secret, by its name. */
export function isSecretName(name: string): boolean {
  return IS_SECRET.test(name);
}

/**
 * The headers of a file's text: one `Name: value` a line, lines with `#` and empty ones left out; one line alone that is
 * a bearer token is `authorization: Bearer` with it. Throws `config` that names the line and never quotes it.
 */
export function parseHeaders(text: string, file: string): Headers {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .map((line, index) => ({ text: line.trim(), number: index + 1 }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'));
  const [first] = lines;
  if (first === undefined) throw new OllamaError('config', `${cleanLine(file)} holds no header.`);
  if (lines.length === 1 && TOKEN.test(first.text)) return { authorization: `Bearer ${first.text}` };
  const headers = new Map<string, string>();
  for (const line of lines) {
    const at = `${cleanLine(file)}:${String(line.number)}`;
    const parsed = parseHeader(line.text, at, 'config');
    if (headers.has(parsed.name)) throw new OllamaError('config', `${at}: ${parsed.name} is there twice.`);
    headers.set(parsed.name, parsed.value);
  }
  return Object.fromEntries(headers);
}

function parseHeader(text: string, where: string, code: 'config' | 'usage'): { name: string; value: string } {
  const colon = text.indexOf(':');
  const name = text.slice(0, Math.max(0, colon)).trim().toLowerCase();
  const value = text.slice(colon + 1).trim();
  if (!NAME.test(name) || name in Object.prototype || headerText.fromText(value) === undefined) {
    throw new OllamaError(code, `${where} is no header; one is written "Name: value".`);
  }
  if (OF_THE_MESSAGE.has(name)) throw new OllamaError(code, `${where}: ${name} can't be set.`);
  return { name, value };
}

/**
 * What `--header` gives, each `@FILE` or `Name: value`; a later one wins. Throws `usage` for a secret in the command
 * line, where other people's programs and the shell's history read it, and `config` for a file as `readHeaderFile` does.
 */
export async function readTypedHeaders(
  words: readonly string[],
  io: Pick<Io, 'cwd' | 'env' | 'platform'>,
): Promise<Headers> {
  const all: Headers[] = [];
  for (const word of words) {
    if (word.startsWith('@'))
      all.push(await readHeaderFile(placeFile(word.slice(1), io.cwd, io), io, '--header'));
    else all.push(parseTyped(word));
  }
  return Object.assign({}, ...all) as Headers;
}

/** The same of one that stands on the command line itself. Throws `usage`. */
export function parseTyped(word: string): Headers {
  // Not the word itself: whatever it was meant to be, it may be a secret.
  const { name, value } = parseHeader(word, '--header', 'usage');
  if (!isSecretName(name)) return { [name]: value };
  throw new OllamaError(
    'usage',
    `--header: ${cleanLine(name)} may be a secret, and a command line is no place for one.`,
    { hint: 'Put the line into a file of yours (chmod 600 FILE), and give --header @FILE.' },
  );
}

/**
 * The headers of a file; `key` is what named it. Throws `config` for one that is missing, that others can read, or that
 * holds something else.
 */
export async function readHeaderFile(
  file: string,
  io: Pick<Io, 'platform'>,
  key = 'header_file',
): Promise<Headers> {
  return parseHeaders(await readPrivateFile(file, key, io.platform), file);
}

/**
 * The credentials that the configuration has for the host in force: those of its file of headers, and the bearer token
 * of its variable, which is the stronger. Throws `config` that names the variable, or the file.
 */
export async function readConfiguredHeaders(
  { settings, hostName }: Resolved,
  io: Pick<Io, 'env' | 'platform'>,
): Promise<Headers> {
  const { header_file, token_env } = settings;
  const own = hostName !== undefined && settings.hosts[hostName]?.token_env === token_env;
  return {
    ...(header_file === undefined ? {} : await readHeaderFile(header_file, io)),
    ...(token_env === undefined
      ? {}
      : readToken(token_env, own ? `hosts.${hostName}.token_env` : 'token_env', io.env)),
  };
}

function readToken(variable: string, key: string, env: Io['env']): Headers {
  const token = env[variable]?.trim() ?? '';
  if (token === '') {
    throw new OllamaError('config', `${key}: the variable ${variable} is not set.`, {
      hint: `Set ${variable} to the token of this host.`,
    });
  }
  return bearer(token, `${key}: what ${variable} holds`);
}

/** The header of a bearer token; `what` is how a wrong one is told of, without it. Throws `config`. */
export function bearer(token: string, what: string): Headers {
  if (!/^[\u0021-\u007e]+$/.test(token)) throw new OllamaError('config', `${what} is no bearer token.`);
  return { authorization: `Bearer ${token}` };
}
