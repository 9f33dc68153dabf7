import { isOllamaError } from '../../core/errors.js';
import type { OllamaError } from '../../core/errors.js';
import type { ShowResponse } from '../../core/wire.js';
import { cleanLine, cleanText } from '../../format/clean.js';
import { findNearest } from '../../format/nearest.js';
import type { Block } from './blocks.js';

/** What `/model` asks of a server; throws `OllamaError`. */
export interface ModelClient {
  fetchModels(options?: { signal?: AbortSignal; force?: boolean }): Promise<string[]>;
  show(model: string, options?: { signal?: AbortSignal }): Promise<ShowResponse>;
}

/** Throws an `OllamaError` for a model that may not be used here. */
export type Permit = (model: string) => void;

/** Says what an error means for a person. */
export type Explain = (error: OllamaError) => {
  readonly message: string;
  readonly hint?: string | undefined;
};

/** The block that tells a failure; none for what the person stopped. */
export function tellFailure(
  error: OllamaError,
  explain: Explain,
): Extract<Block, { kind: 'failure' }> | undefined {
  if (error.code === 'interrupted') return undefined;
  const { message, hint } = explain(error);
  return {
    kind: 'failure',
    message: cleanText(message),
    hint: hint === undefined ? undefined : cleanText(hint),
  };
}

/** The installed models, or why there are none to show. */
export async function listModels(
  client: ModelClient,
  current: string,
  explain: Explain,
  signal: AbortSignal,
): Promise<Block | undefined> {
  try {
    const names = await client.fetchModels({ signal, force: true });
    if (names.length === 0) return { kind: 'note', text: 'No model is installed there.' };
    return { kind: 'models', names, current };
  } catch (error) {
    if (!isOllamaError(error)) throw error;
    return tellFailure(error, explain);
  }
}

async function suggestModels(client: ModelClient, name: string, signal: AbortSignal): Promise<string> {
  try {
    const near = findNearest(name, await client.fetchModels({ signal }), 3);
    return near.length === 0 ? '' : `Did you mean ${near.map(cleanLine).join(' or ')}? `;
  } catch (error) {
    // It was only to help: the failure that is being told matters more.
    if (isOllamaError(error)) return '';
    throw error;
  }
}

/** Says why a model cannot be changed to; undefined where it may be used and the server has it. */
export async function checkModel(
  { client, explain, permit }: { client: ModelClient; explain: Explain; permit?: Permit | undefined },
  name: string,
  current: string,
  signal: AbortSignal,
): Promise<Block | undefined> {
  try {
    permit?.(name);
    await client.show(name, { signal });
    return undefined;
  } catch (error) {
    if (!isOllamaError(error)) throw error;
    const guess = error.code === 'model_not_found' ? await suggestModels(client, name, signal) : '';
    const keeps = `${guess}Still talking to ${cleanLine(current)}.`;
    const told = tellFailure(error, explain);
    if (told === undefined) return { kind: 'note', text: keeps };
    return { ...told, hint: told.hint === undefined ? keeps : `${told.hint}\n${keeps}` };
  }
}
