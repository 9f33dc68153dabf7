import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../core/http-errors.js';
import { recognise } from './recognise.js';
import { missingShards, shardOf } from './shards.js';

/** The files of a folder that make a model, relative to it. */
export interface ListedFolder {
  readonly folder: string;
  readonly kind: 'gguf' | 'safetensors';
  readonly names: readonly string[];
}

/** Why a folder is no model; `empty` where nothing in it looks like one. */
export interface NoModel {
  readonly problem: string;
  readonly advice?: string;
  readonly empty: boolean;
}

/** Which weights count, the first kind that is there. Source: parser/parser.go of Ollama, filesForModel. */
const WEIGHTS: Readonly<Record<'model' | 'adapter', readonly RegExp[]>> = {
  model: [/^model.*\.safetensors$/, /^consolidated.*\.safetensors$/],
  adapter: [/^adapter_model.*\.safetensors$/, /^adapters\.safetensors$/, /^model.*\.safetensors$/],
};

/** Lists the files of a folder that Ollama takes for a model or an adapter, or says why it is none. */
export async function listFolder(folder: string, role: 'model' | 'adapter'): Promise<ListedFolder | NoModel> {
  let top: string[];
  let nested: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    top = entries
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => name)
      .sort();
    const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
    nested = (await Promise.all(folders.map(async ({ name }) => await listNested(folder, name))))
      .flat()
      .sort();
  } catch (error) {
    return { problem: `${folder} can't be read (${systemCode(error) ?? String(error)}).`, empty: false };
  }
  const weights = WEIGHTS[role]
    .map((pattern) => top.filter((name) => pattern.test(name)))
    .find((found) => found.length > 0);
  return weights === undefined
    ? chooseGguf(folder, top)
    : withConfiguration(folder, role, weights, top, nested);
}

async function listNested(folder: string, name: string): Promise<string[]> {
  return (await readdir(path.join(folder, name))).map((file) => path.join(name, file));
}

function withConfiguration(
  folder: string,
  role: 'model' | 'adapter',
  weights: readonly string[],
  top: readonly string[],
  nested: readonly string[],
): ListedFolder | NoModel {
  const lacking = missingShards(weights);
  if (lacking.length > 0) {
    return { problem: `${folder} is not complete: ${lacking.join(', ')} missing.`, empty: false };
  }
  const needed = role === 'model' ? 'config.json' : 'adapter_config.json';
  if (!top.includes(needed))
    return { problem: `${folder} has no ${needed} beside its weights.`, empty: false };
  // Sentence transformers have weights and configurations in folders of their own.
  const deep = nested.filter((name) => /^model.*\.safetensors$|\.json$/.test(path.basename(name)));
  const tokenizer = top.includes('tokenizer.model')
    ? ['tokenizer.model']
    : nested.filter((name) => path.basename(name) === 'tokenizer.model');
  const texts = top.filter((name) => name.endsWith('.json') || name === 'chat_template.jinja');
  return { folder, kind: 'safetensors', names: [...weights, ...texts, ...deep, ...tokenizer] };
}

/** One model, in one file or in several, and what it sees with; of several models one has to be named. */
function chooseGguf(folder: string, top: readonly string[]): ListedFolder | NoModel {
  const names = top.filter((name) => name.endsWith('.gguf'));
  const models = names.filter((name) => !/mmproj/i.test(name));
  const sets = new Set(models.map((name) => shardOf(name)?.set ?? name));
  if (sets.size === 1) {
    const lacking = missingShards(models);
    return lacking.length === 0
      ? { folder, kind: 'gguf', names }
      : { problem: `${folder} is not complete: ${lacking.join(', ')} missing.`, empty: false };
  }
  if (sets.size > 1) {
    return { problem: `${folder} holds ${sets.size} GGUF models: name one of its files.`, empty: false };
  }
  for (const name of top) {
    // By the name alone: without a byte of content, only a name that says it all counts.
    const found = recognise(Buffer.from(' '), name, 1);
    if (found.kind === 'other' && !found.what.startsWith('in no format')) {
      return {
        problem: `${path.join(folder, name)} can't be used: ${found.what}.`,
        advice: found.advice,
        empty: false,
      };
    }
  }
  return {
    problem: `there is no model in ${folder}: neither model*.safetensors nor *.gguf.`,
    empty: true,
  };
}
