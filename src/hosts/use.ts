import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { parseHost } from '../core/url.js';
import { cleanLine } from '../format/clean.js';
import { withoutFlag } from './describe.js';
import { changeFile, userFile, type Change } from './file.js';
import { hostNotFound } from './resolve-host.js';
import { checkKnown, tellChange } from './tell.js';

const FIELDS = ['name', 'url', 'file'];

/** What makes a configured host the default, or none; the other spellings of the same setting go. */
export function useChanges(name: string | undefined): readonly Change[] {
  return [
    { path: ['base_url'], value: undefined },
    { path: ['port'], value: undefined },
    { path: ['host'], value: name },
  ];
}

/** Makes a configured host the default in the person's own file, or none of them. Throws `usage` and `host_not_found`. */
export async function useHost(
  context: Context,
  name: string | undefined,
  { none = false }: { readonly none?: boolean },
): Promise<void> {
  const { io, config, settings } = context;
  checkKnown(context, FIELDS);
  if ((name === undefined) !== none) {
    throw new OllamaError('usage', 'Name the host that is to be the default, or give --none.', {
      hint: 'ollama-cli hosts use NAME; ollama-cli hosts use --none',
    });
  }
  if (name !== undefined && !Object.hasOwn(settings.hosts, name)) {
    throw hostNotFound(name, Object.keys(settings.hosts));
  }
  const file = userFile(config, io);
  if (name !== undefined || config.files.user !== undefined) await changeFile(file, useChanges(name));
  const stronger = strongerThanFile(context, name);
  if (stronger !== undefined) io.stderr.write(`warning: ${stronger}\n`);
  const url = name === undefined ? undefined : parseHost(settings.hosts[name]?.url ?? '').url;
  const words = name === undefined ? 'no host is the default' : `${name} is the default host: ${url ?? ''}`;
  await tellChange(context, { name: name ?? null, ...(url ? { url } : {}), file }, FIELDS, [words]);
}

/** Says what has its say before the person's own file, where something does. */
function strongerThanFile({ config }: Context, name: string | undefined): string | undefined {
  const { origins, hostName } = withoutFlag(config);
  const origin = origins.get('host');
  if (origin?.kind !== 'environment' && origin?.kind !== 'project') return undefined;
  if (name !== undefined && hostName === name) return undefined;
  return cleanLine(`${origin.name ?? origin.file ?? origin.kind} names another host, and is stronger`);
}
