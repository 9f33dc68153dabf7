import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { whyUnreadable } from '../format/file-error.js';
import type { Io } from '../io.js';

/**
 * The text of a file of certificates; `key` is what named it. Throws `config` where it can't be read, or holds none: TLS
 * would pass over such a file in silence.
 */
export async function readCertificates(file: string, key: string): Promise<string> {
  const name = cleanLine(file);
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    const why = cleanLine(whyUnreadable(cause));
    throw new OllamaError('config', `${key}: ${name} can't be read: ${why}.`, { cause });
  });
  if (/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/.test(text)) return text;
  throw new OllamaError('config', `${key}: ${name} holds no certificate in PEM.`, {
    hint: 'One of DER is turned into one of PEM so: openssl x509 -inform der -in FILE -out FILE.pem',
  });
}

/**
 * What is trusted with a file of certificates: it adds to the built-in ones and to NODE_EXTRA_CA_CERTS, where Node's own
 * option replaces both. Throws `config`.
 */
export async function readAuthorities(file: string, { env }: Pick<Io, 'env'>): Promise<readonly string[]> {
  const extra = env['NODE_EXTRA_CA_CERTS'] ?? '';
  const pem = await readCertificates(file, 'ca_file');
  const more = extra === '' ? '' : await readFile(extra, 'utf8').catch(() => '');
  return [...rootCertificates, pem, ...(more === '' ? [] : [more])];
}
