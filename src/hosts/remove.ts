import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { parseHost } from '../core/url.js';
import { changeFile, userFile } from './file.js';
import { hostNotFound } from './resolve-host.js';
import { forgetSecrets, secretsFile } from './secrets.js';
import { checkKnown, tellChange } from './tell.js';
import { useChanges } from './use.js';

const FIELDS = ['name', 'url', 'was_default', 'credentials_removed', 'file'];

/**
 * Takes a host out of the person's own file, with the secrets that are kept for it; the default is none then, if it was
 * that one. Throws `host_not_found`, and `usage` for one that is not configured there.
 */
export async function removeHost(context: Context, name: string): Promise<void> {
  const { io, config, settings } = context;
  checkKnown(context, FIELDS);
  const host = Object.hasOwn(settings.hosts, name) ? settings.hosts[name] : undefined;
  if (host === undefined) throw hostNotFound(name, Object.keys(settings.hosts));
  const own = config.layers.find(({ kind }) => kind === 'user');
  if (own?.values.has(`hosts.${name}.url`) !== true) {
    const origin = config.origins.get(`hosts.${name}.url`);
    const where = origin?.name ?? 'the environment';
    throw new OllamaError('usage', `${name} is not configured in your own file, but by ${where}.`, {
      hint: `unset ${where}`,
    });
  }
  const file = userFile(config, io);
  const wasDefault = own.values.get('host')?.value === name;
  await changeFile(file, [
    { path: ['hosts', name], value: undefined },
    ...(wasDefault ? useChanges(undefined) : []),
  ]);
  const kept = secretsFile(file, name).file;
  const hadSecrets = host.header_file === kept;
  if (hadSecrets) await forgetSecrets(kept);
  if (settings.fallback.includes(name)) io.stderr.write(`warning: fallback still names ${name}\n`);
  const url = parseHost(host.url).url;
  const document = { name, url, was_default: wasDefault, credentials_removed: hadSecrets, file };
  await tellChange(context, document, FIELDS, [
    `removed ${name}: ${url}${hadSecrets ? ', with the credentials that were kept for it' : ''}`,
    ...(wasDefault ? ['no host is the default now'] : []),
  ]);
}
