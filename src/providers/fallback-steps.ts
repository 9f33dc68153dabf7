import { OllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';
import { cleanLine } from '../format/clean.js';
import type { Circuit } from './circuit.js';
import type { Provider } from './provider.js';

/** One question to one provider. */
export interface Step {
  readonly provider: Provider;
  readonly model: string;
}

/** What one failed with before its first token, or is passed over for. */
export interface Failure {
  readonly name: string;
  readonly error: OllamaError;
  /** In words, without the name. */
  readonly why: string;
}

/** Whom to ask for what, in this order. Where all are passed over, nobody is: there is nothing better to do. */
export function planSteps(
  chain: readonly Provider[],
  model: string,
  calls: Step | undefined,
  { circuit, named }: { readonly circuit?: Circuit | undefined; readonly named?: string | undefined },
): { readonly steps: readonly Step[]; readonly passedOver: readonly Failure[] } {
  const shut = chain.flatMap((provider): (Failure & { readonly provider: Provider })[] => {
    const { name } = provider.info;
    const found = circuit?.shut(name);
    return found === undefined ? [] : [{ provider, name, error: found.error, why: found.why }];
  });
  const passedOver = shut.length === chain.length ? [] : shut;
  const rest = chain.filter(
    (provider) => provider !== calls?.provider && !passedOver.some((one) => one.provider === provider),
  );
  const isForeign = chain.some(
    ({ info }) => info.type !== 'ollama' && (info.name === named || info.model === model),
  );
  const steps = rest.flatMap((provider) =>
    modelsFor(provider, model, { named, isFirst: provider === chain[0], isForeign }).map((one) => ({
      provider,
      model: one,
    })),
  );
  return { steps: calls === undefined ? steps : [calls, ...steps], passedOver };
}

/** Whether nobody else is asked after this. */
export function isLast(steps: readonly Step[], index: number): boolean {
  return steps.slice(index + 1).every(({ provider }) => provider === steps[index]?.provider);
}

/** Whether one that was just asked would fail at its own model in the same way. */
export function isKnownToFail(before: Failure | undefined, name: string): boolean {
  return (
    before?.name === name && before.error.code !== 'model_not_found' && before.error.code !== 'not_allowed'
  );
}

/** How a request names its model. */
interface Asked {
  readonly named: string | undefined;
  readonly isFirst: boolean;
  /** Whether its model is one of another API, which no server of Ollama's is likely to have. */
  readonly isForeign: boolean;
}

/**
 * What a provider is asked for: a server of Ollama's by the same name, and then for a model of its own where somebody has
 * named it one, or the name is foreign to it; any other for its own model.
 */
function modelsFor(
  { info }: Provider,
  model: string,
  { named, isFirst, isForeign }: Asked,
): readonly string[] {
  if (info.name === named) return [model];
  if (info.type !== 'ollama') return [info.model];
  const hasOwn = info.model_is_default !== true || isForeign;
  return isFirst || !hasOwn || info.model === '' || sameModel(info.model, model)
    ? [model]
    : [model, info.model];
}

/** Why one failed that was asked for a model, in a few clean words. */
export function describeError({ code, message }: OllamaError, model: string): string {
  const words = code === 'model_not_found' ? `it has no model "${model}"` : message;
  return cleanLine(words).trim().replace(/\.$/, '');
}

/** The same with their names, each name once: one that was asked for two models has two reasons. */
export function describeFailures(failures: readonly Pick<Failure, 'name' | 'why'>[]): readonly string[] {
  const names = [...new Set(failures.map(({ name }) => name))];
  return names.map((name) => {
    const why = failures.flatMap((one) => (one.name === name ? [one.why] : [])).join('; ');
    // Words that name it say enough.
    return why.startsWith(`${name} `) ? why : `${name}: ${why}`;
  });
}

/**
 * The one error of a chain in which nobody answered. A code that all share says what to do about all of them; where they
 * differ, what they have in common is that nobody could be had.
 */
export function sumFailures(failures: readonly Failure[], model: string): OllamaError {
  const [first] = failures;
  const same = <Value>(of: (error: OllamaError) => Value): Value | undefined =>
    first !== undefined && failures.every(({ error }) => of(error) === of(first.error))
      ? of(first.error)
      : undefined;
  const code = same((error) => error.code) ?? 'unreachable';
  const lines = describeFailures(failures).map((line) => `${line}.`);
  return new OllamaError(code, ['None of the providers answers:', ...lines].join('\n'), {
    host: first?.error.host,
    model,
    status: same((error) => error.status),
    retryAfterMs: same((error) => error.retryAfterMs),
    hint: 'See to one of them, or name another that answers.',
    errors: failures.map(({ error }) => error),
    cause: first?.error,
  });
}
