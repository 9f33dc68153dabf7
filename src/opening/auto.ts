import { matchGlob } from '../config/glob.js';
import type { AutoNeed } from '../config/schema.js';
import { checkAllowed } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';
import { createPool } from '../core/pool.js';
import type { InstalledModel } from '../core/wire.js';
import { cleanLine } from '../format/clean.js';
import { parseParameterCount } from '../models/facts-bits.js';
import { EXAMPLES, readCapabilities, type Capability } from '../models/capability.js';
import { findNeed, type Prompt } from './needs.js';

/** What is preferred where the configuration says nothing: `auto` of the configuration stands over it, need by need. */
const DEFAULT_RULES: Readonly<Record<AutoNeed, readonly string[]>> = {
  image: [],
  tools: [],
  code: ['*coder*', '*codestral*', '*devstral*', '*codellama*', '*codegemma*', '*starcoder*'],
  rest: [],
};

const NEED_WORDS: Readonly<Record<AutoNeed, string>> = {
  image: 'it can see images',
  tools: 'it can call functions',
  code: 'the question is about code',
  rest: 'the question needs nothing special',
};

/** What to get for a prompt with an image and functions. */
const SEES_AND_CALLS = 'qwen3-vl:4b';

/** An installed model that will do, and what decides between several. */
interface Candidate {
  readonly name: string;
  readonly isSure: boolean;
  readonly isLoaded: boolean;
  readonly isDefault: boolean;
  readonly parameters: number;
}

/** What decides, the strongest first; equal ones stay in the server's order, the newest first. */
const PREFERENCES: readonly {
  readonly of: (candidate: Candidate) => number;
  readonly why: (all: number) => string;
}[] = [
  { of: ({ isSure }) => Number(isSure), why: () => '' },
  { of: ({ isLoaded }) => Number(isLoaded), why: () => 'it is loaded already' },
  { of: ({ isDefault }) => Number(isDefault), why: () => 'it is the default model' },
  { of: ({ parameters }) => parameters, why: (all) => `it is the largest of ${all}` },
];

/**
 * Chooses among the installed models by what a prompt needs: first by the globs of the need, in their order, then a loaded
 * one, the default model, the largest. One that runs elsewhere is chosen only where the configuration's globs name it.
 * `why` is clean. Throws `model_not_found` with what to pull where none will do.
 */
export async function chooseModel(
  context: Context,
  prompt: Prompt,
  signal: AbortSignal = context.io.signal,
): Promise<{ readonly model: string; readonly why: string }> {
  const { client, settings } = context;
  const need = findNeed(prompt);
  const configured = settings.auto[need];
  const rules = configured ?? DEFAULT_RULES[need];
  const installed = (await client.list({ signal })).filter(
    (model) =>
      isPermitted(context, model.name) &&
      (model.remote_host === undefined || (configured ?? []).some((glob) => matchGlob(glob, model.name))),
  );
  const candidates = await findCandidates(context, installed, requirements(prompt), signal);
  if (candidates.length === 0) throw nothingFits(context, prompt, installed.length);
  for (const glob of rules) {
    const matching = candidates.filter(({ name, isSure }) => isSure && matchGlob(glob, name));
    const [first] = prefer(matching);
    if (first === undefined) continue;
    const rule = configured === undefined ? '' : `, and auto.${need} names ${cleanLine(glob)}`;
    return { model: first.name, why: `${NEED_WORDS[need]}${rule}` };
  }
  const [first, second] = prefer(candidates);
  if (first === undefined) throw nothingFits(context, prompt, installed.length);
  const rest = second === undefined ? 'no other will do' : explain(first, second, candidates);
  return { model: first.name, why: [NEED_WORDS[need], rest].filter((part) => part !== '').join(', and ') };
}

/** What decided for the first: where that was its size, then among those alike in what counts for more. */
function explain(first: Candidate, second: Candidate, all: readonly Candidate[]): string {
  const at = PREFERENCES.findIndex(({ of }) => of(first) !== of(second));
  const alike = all.filter((one) => PREFERENCES.slice(0, at).every(({ of }) => of(one) === of(first)));
  const isBySize = at === PREFERENCES.length - 1;
  if (isBySize && first.isLoaded && alike.length < all.length)
    return `it is the largest of ${alike.length} that are loaded`;
  return PREFERENCES[at]?.why(alike.length) ?? '';
}

function requirements({ images, tools }: Prompt): Capability[] {
  return ['completion', ...(images ? (['vision'] as const) : []), ...(tools ? (['tools'] as const) : [])];
}

function isPermitted(context: Context, name: string): boolean {
  try {
    checkAllowed(context, name);
    return true;
  } catch (error) {
    if (isOllamaError(error)) return false;
    throw error;
  }
}

async function findCandidates(
  context: Context,
  installed: readonly InstalledModel[],
  needed: readonly Capability[],
  signal: AbortSignal,
): Promise<Candidate[]> {
  const { client, settings } = context;
  // Which are loaded only decides between models that will do anyway.
  const running = await client.running({ signal }).catch(() => []);
  const pool = createPool(4);
  const found = await Promise.all(
    installed.map((model) =>
      pool(async (): Promise<Candidate[]> => {
        const capabilities = model.capabilities ?? (await askCapabilities(context, model, signal));
        if (capabilities !== undefined && !needed.every((one) => capabilities.includes(one))) return [];
        const { name, details } = model;
        return [
          {
            name,
            isSure: capabilities !== undefined,
            isLoaded: running.some((one) => sameModel(one.name, name)),
            isDefault: settings.default_model !== undefined && sameModel(settings.default_model, name),
            parameters: parseParameterCount(details.parameter_size ?? '') ?? 0,
          },
        ];
      }),
    ),
  );
  return found.flat();
}

/** Of a server too old to tell, what the model's family tells; undefined where that tells nothing. */
async function askCapabilities(
  context: Context,
  { name, details }: InstalledModel,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const told = await readCapabilities(context, name, signal).catch((error: unknown) => {
    if (signal.aborted) throw error;
    return undefined;
  });
  if (told !== undefined) return told;
  const families = details.families ?? [details.family ?? ''];
  if (families.some((family) => /bert/.test(family))) return ['embedding'];
  if (families.some((family) => /^(?:clip|mllama)$/.test(family))) return ['completion', 'vision'];
  return undefined;
}

function prefer(candidates: readonly Candidate[]): Candidate[] {
  return [...candidates].sort((a, b) => {
    for (const { of } of PREFERENCES) {
      if (of(a) !== of(b)) return of(b) - of(a);
    }
    return 0;
  });
}

function nothingFits({ client }: Context, { images, tools }: Prompt, installed: number): OllamaError {
  const wanted = images && tools ? 'both' : images ? 'vision' : tools ? 'tools' : 'completion';
  const words = {
    both: 'can see images and call functions',
    vision: 'can see images',
    tools: 'can call functions',
    completion: 'holds a conversation',
  }[wanted];
  const message =
    installed === 0
      ? 'No model that may be used is installed.'
      : installed === 1
        ? `The one installed model is not one that ${words}.`
        : `None of the ${installed} installed models ${words}.`;
  return new OllamaError('model_not_found', message, {
    host: client.host.url,
    hint: `Get one: ollama-cli pull ${wanted === 'both' ? SEES_AND_CALLS : EXAMPLES[wanted]}`,
  });
}
