import { OllamaError } from '../core/errors.js';
import { isFields, text, type Fields } from '../core/fields.js';
import { displayName, parseModelName, type ModelName } from '../core/model-name.js';
import type { Found, Source } from './source.js';
import { readWebJson, type WebOptions } from './web.js';

/** Models in GGUF on Hugging Face, by its public API: https://huggingface.co/docs/hub/api. */
export function huggingFace(base: string, options: WebOptions): Source {
  return {
    name: 'huggingface',
    search: async (words, { limit, signal }) => {
      const query = new URLSearchParams({
        search: words.join(' '),
        filter: 'gguf',
        sort: 'downloads',
        direction: '-1',
        limit: String(Math.min(limit, 100)),
        full: 'true',
      });
      const value = await readWebJson(base, `/api/models?${query.toString()}`, options, signal);
      return { results: decodeRepositories(value, base) };
    },
    tags: async (name, onlyTag, { signal }) => {
      const path = `/api/models/${name.namespace}/${name.model}/tree/main?recursive=true`;
      const value = await readWebJson(base, path, options, signal).catch((error: unknown) => {
        throw explained(error, name);
      });
      const tags = decodeFiles(value, name, base);
      const wanted = displayName(name).toLowerCase();
      return { results: onlyTag ? tags.filter((tag) => tag.name.toLowerCase() === wanted) : tags };
    },
  };
}

/** Hugging Face answers 401 for what is private, and for what does not exist. */
function explained(error: unknown, name: ModelName): unknown {
  if (!(error instanceof OllamaError) || error.code !== 'unauthorized') return error;
  const { host, status } = error;
  return new OllamaError(
    'unauthorized',
    `${name.namespace}/${name.model} is private or gated on Hugging Face, or is not there (${status ?? 401}).`,
    { host, status, model: displayName(name) },
  );
}

const CAPABILITIES: Readonly<Record<string, readonly string[]>> = {
  'text-generation': ['completion'],
  'image-text-to-text': ['completion', 'vision'],
  'feature-extraction': ['embedding'],
  'sentence-similarity': ['embedding'],
};

function list(value: unknown, base: string): Fields[] {
  if (Array.isArray(value)) return value.filter(isFields);
  throw new OllamaError('protocol', `The answer of ${base} is no list.`, { host: base });
}

/** The repositories of a search. Throws `protocol` for what is no list. */
export function decodeRepositories(value: unknown, base: string): Found[] {
  return list(value, base).flatMap((fields) => {
    const id = text(fields, 'id') || text(fields, 'modelId');
    const name = `hf.co/${id}`;
    if (!/^[^/]+\/[^/]+$/.test(id) || parseModelName(name) === undefined) return [];
    const updatedAt = Date.parse(text(fields, 'lastModified'));
    const capabilities = CAPABILITIES[text(fields, 'pipeline_tag')];
    const gated = fields['gated'] !== undefined && fields['gated'] !== false;
    return [
      {
        name,
        source: 'huggingface' as const,
        ...(capabilities === undefined ? {} : { capabilities }),
        ...(Number.isNaN(updatedAt) ? {} : { updatedAt }),
        ...(gated ? { description: 'gated: ask for access on its page' } : {}),
      },
    ];
  });
}

const QUANT =
  /(?:^|[-._/])((?:UD-)?(?:I?Q\d+(?:_[A-Z0-9]+)*|TQ\d_\d|BF16|F16|F32|MXFP4(?:_MOE)?))(?=[-./]|$)/i;
const SHARD = /-\d{5}-of-\d{5}$/i;

/** The quantizations of a repository's files, each of which is a tag. Throws `protocol` for what is no list. */
export function decodeFiles(value: unknown, name: ModelName, base: string): Found[] {
  const tags = new Map<string, { size: number; sharded: boolean }>();
  for (const fields of list(value, base)) {
    const path = text(fields, 'path');
    const { size } = fields;
    // A projector belongs to each of them and is no model.
    if (!/\.gguf$/i.test(path) || /mmproj/i.test(path)) continue;
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) continue;
    const file = path.replace(/\.gguf$/i, '');
    const quant = QUANT.exec(file.replace(SHARD, ''))?.[1]?.toUpperCase();
    if (quant === undefined) continue;
    const known = tags.get(quant) ?? { size: 0, sharded: false };
    const sharded = SHARD.test(file);
    // Shards add up; of several whole files of one quantization the first counts.
    if (sharded || known.size === 0) tags.set(quant, { size: known.size + size, sharded });
  }
  return [...tags].map(([tag, { size, sharded }]) => ({
    name: displayName({ ...name, tag }),
    source: 'huggingface' as const,
    sizes: [size],
    quantization: tag,
    ...(sharded ? { description: 'in several files, which Ollama does not pull' } : {}),
  }));
}
