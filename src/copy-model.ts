import { askOrDecline } from './consent.js';
import type { Context } from './context.js';
import { OllamaError, isOllamaError } from './core/errors.js';
import { checkModelName, sameModel } from './core/model-name.js';
import type { InstalledModel } from './core/wire.js';
import { formatBytes } from './format/bytes.js';
import { cleanLine } from './format/clean.js';
import { seeInstalled } from './models/words.js';
import { checkFields, readFields } from './output/fields.js';
import { pickFields, writeJson } from './output/json.js';
import { writeText } from './output/write.js';

/** A model and the name that it is to have. */
export interface CopyPlan {
  readonly source: string;
  readonly destination: string;
  /** Bare hex; undefined where the server's list does not have the source. */
  readonly digest: string | undefined;
  /** The other model that has the destination's name now. */
  readonly replaced: InstalledModel | undefined;
}

const FIELDS = ['host', 'dry_run', 'source', 'destination', 'replaces'];

/** Looks at both names, and changes nothing. Throws `usage`, `invalid_name` and `model_not_found`. */
export async function planCopy(context: Context, source: string, destination: string): Promise<CopyPlan> {
  const { io, client, flags } = context;
  checkFields(readFields(flags) ?? [], [...FIELDS, 'schema_version']);
  checkModelName(source);
  checkModelName(destination);
  if (sameModel(source, destination)) {
    throw new OllamaError('usage', `"${source}" and "${destination}" are the same name.`, { model: source });
  }
  const installed = await client.list({ signal: io.signal, force: true });
  const from = installed.find(({ name }) => sameModel(name, source));
  // Only the server's own 404 says that a model is absent.
  if (from === undefined) {
    await client.show(source, { signal: io.signal }).catch((error: unknown) => {
      throw isOllamaError(error) ? seeInstalled(error) : error;
    });
  }
  const to = installed.find(({ name }) => sameModel(name, destination));
  const same = to !== undefined && to.digest === from?.digest;
  return { source, destination, digest: from?.digest, replaced: same ? undefined : to };
}

/** Gives the name, and asks first where another model loses it. Throws `declined`. */
export async function copyModel(context: Context, plan: CopyPlan, yes: boolean): Promise<void> {
  const { io, client } = context;
  const { source, destination, replaced } = plan;
  if (replaced && !yes) {
    const question = `Replace ${cleanLine(replaced.name)} (${formatBytes(replaced.size)}) on ${client.host.display} with ${source}?`;
    if (!(await askOrDecline(context, question))) {
      throw new OllamaError('declined', 'Nothing was copied.', { host: client.host.url });
    }
  }
  await client.copy(source, destination, { signal: io.signal });
}

/** Tells what was done, or what would be. */
export async function tellCopy(
  { io, mode, client, flags }: Context,
  { source, destination, replaced }: CopyPlan,
  { verb, dryRun }: { readonly verb: 'copied' | 'renamed'; readonly dryRun: boolean },
): Promise<void> {
  if (mode === 'json') {
    const document = {
      host: client.host.url,
      ...(dryRun ? { dry_run: true } : {}),
      source,
      destination,
      ...(replaced === undefined ? {} : { replaces: replaced.name }),
    };
    const fields = readFields(flags);
    return await writeJson(
      io,
      fields === undefined ? document : pickFields(document, undefined, fields, FIELDS),
    );
  }
  if (flags.quiet === true && !dryRun) return;
  const instead =
    replaced === undefined ? '' : `, in place of another model of ${formatBytes(replaced.size)}`;
  const line = dryRun
    ? `${source} would be ${verb} to ${destination}${instead}`
    : `${verb} ${source} to ${destination}`;
  await writeText(io.stdout, `${cleanLine(line)}\n`, io.signal);
}
