import { createHash } from 'node:crypto';
import type { Context } from '../context.js';
import { isOllamaError, type OllamaError } from '../core/errors.js';
import { parseModelName, type ModelName } from '../core/model-name.js';
import type { Registry, RegistryDigest } from '../core/registry.js';
import type { InstalledModel } from '../core/wire.js';

/** How an installed model stands to the registry's; `local` is made or copied here. */
export type FreshnessState = 'current' | 'outdated' | 'local' | 'cloud' | 'unknown';

/** An installed model against the registry's. Digests in bare hex, as the server's list has them. */
export interface Freshness {
  readonly name: string;
  readonly digest: string;
  readonly remoteDigest?: string;
  readonly state: FreshnessState;
  readonly reason?: string;
  /** Why a model is `unknown`, where a request failed. */
  readonly error?: OllamaError;
}

/**
 * Asks the registry for the digest of each model, all at once (it bounds that itself), one request each; downloads
 * nothing. What fails is told in each model's own outcome: this throws only where the work is interrupted.
 */
export async function checkFreshness(
  context: Pick<Context, 'client'>,
  registry: Registry,
  models: readonly InstalledModel[],
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Freshness[]> {
  return await Promise.all(
    models.map(async (model) => {
      const { name, digest } = model;
      const parts = parseModelName(name);
      if (runsElsewhere(model, parts))
        return { name, digest, state: 'cloud' as const, reason: 'it runs in the cloud' };
      if (!parts)
        return { name, digest, state: 'unknown' as const, reason: 'its name is none that a registry has' };
      try {
        const remote = await registry.digest(parts, { signal });
        return await compare(context, registry, model, parts, remote, signal);
      } catch (error) {
        if (signal?.aborted === true || !isOllamaError(error)) throw error;
        return { name, digest, ...judgeFailure(error) };
      }
    }),
  );
}

function runsElsewhere({ remote_host: host }: InstalledModel, parts: ModelName | undefined): boolean {
  return (host !== undefined && host !== '') || parts?.source === 'cloud';
}

/** Only a plain "there is none" says something of the model; all else leaves it open. */
function judgeFailure(error: OllamaError): Pick<Freshness, 'state' | 'reason' | 'error'> {
  if (error.code === 'model_not_found') {
    return { state: 'local', reason: 'not in the registry: made or copied here' };
  }
  const reason =
    error.code === 'unauthorized'
      ? 'the registry does not say: private, or not there'
      : error.message.replace(/\.$/, '');
  return { state: 'unknown', reason, error };
}

async function compare(
  context: Pick<Context, 'client'>,
  registry: Registry,
  model: InstalledModel,
  parts: ModelName,
  { digest, pushedAt }: RegistryDigest,
  signal: AbortSignal | undefined,
): Promise<Freshness> {
  const remoteDigest = bare(digest);
  const known = { name: model.name, digest: model.digest, remoteDigest };
  if (bare(model.digest) === remoteDigest) return { ...known, state: 'current' };
  // The rule of Ollama's own desktop program (app/ui/ui.go): one that was made after the push is no older build.
  if (pushedAt !== undefined && Date.parse(model.modified_at) >= pushedAt) {
    return { ...known, state: 'current', reason: 'newer here than in the registry' };
  }
  // What was pushed after it was made here is newer, whoever wrote the manifest: only without a date is it looked into.
  if (pushedAt === undefined && (await hasSameLayers(context, registry, model, parts, signal))) {
    return { ...known, state: 'current', reason: 'the same layers; a server wrote its manifest anew' };
  }
  return { ...known, state: 'outdated' };
}

/**
 * Servers before 0.19 wrote a manifest in their own way, with another digest for the same model. Then the weights, the
 * template and the size of all layers together are the registry's. What can't be asked for counts as different.
 */
async function hasSameLayers(
  { client }: Pick<Context, 'client'>,
  registry: Registry,
  model: InstalledModel,
  parts: ModelName,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    const [manifest, shown] = await Promise.all([
      registry.manifest(parts, { signal }),
      client.show(model.name, { signal }),
    ]);
    if (manifest.size !== model.size) return false;
    const digestsOf = (kind: string): string[] =>
      manifest.layers
        .filter(({ mediaType }) => mediaType.endsWith(`.image.${kind}`))
        .map(({ digest }) => digest);
    const weights = [...(shown.modelfile ?? '').matchAll(/^FROM .*sha256[-:]([0-9a-f]{64})\s*$/gm)].map(
      ([, hex = '']) => `sha256:${hex}`,
    );
    const remote = digestsOf('model');
    const [template] = digestsOf('template');
    return (
      remote.length > 0 &&
      remote.every((digest) => weights.includes(digest)) &&
      (template === undefined || template === sha256(shown.template ?? ''))
    );
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return false;
  }
}

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function bare(digest: string): string {
  return digest.replace(/^sha256:/, '').toLowerCase();
}

/**
 * The error of a check in which no model could be compared because no registry could be reached; undefined where one
 * could, or where there was nothing to compare.
 */
export function registryFailure(checked: readonly Freshness[]): OllamaError | undefined {
  // One whose name no registry has was not asked about.
  const asked = checked.filter(
    ({ state, error }) => state !== 'cloud' && (state !== 'unknown' || error !== undefined),
  );
  const [first] = asked;
  return asked.every(({ error }) => error?.code === 'registry_unreachable') ? first?.error : undefined;
}
