import type { OllamaError } from './errors.js';

/**
 * What servers learned over time, with the first version that has it and the words for people. Source: Ollama's release
 * notes, and server/routes.go and api/types.go of its tags; of those that the two recorded servers show, the recordings.
 */
export const FEATURES = {
  openai: { since: '0.1.24', what: "OpenAI's API" },
  ps: { since: '0.1.38', what: 'what is loaded' },
  embed: { since: '0.2.6', what: 'several embeddings at once' },
  tools: { since: '0.2.6', what: 'function calls' },
  structured: { since: '0.5.0', what: 'answers by a schema' },
  capabilities: { since: '0.6.4', what: 'what a model can do' },
  tools_stream: { since: '0.8.0', what: 'function calls in a stream' },
  think: { since: '0.9.0', what: 'thinking apart from the answer' },
  loaded_context: { since: '0.10.0', what: 'the window of a loaded model' },
  truncate: { since: '0.12.6', what: 'refusing a prompt that is too long instead of cutting it' },
  anthropic: { since: '0.14.0', what: "Anthropic's API" },
} as const satisfies Readonly<Record<string, { readonly since: string; readonly what: string }>>;

export type Feature = keyof typeof FEATURES;
const ALL = Object.keys(FEATURES) as Feature[];

/** The newest line of Ollama that this client was held against. */
const KNOWN_UP_TO = '0.33';

/** The numbers of a version; undefined for what is none, and for `0.0.0`, which a server built from source tells. */
function numbersOf(version: string): readonly number[] | undefined {
  const match = /^v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?/.exec(version);
  if (!match) return undefined;
  const numbers = match.slice(1).map((part) => Number(part ?? 0));
  return numbers.every((number) => number === 0) ? undefined : numbers;
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((number, index) => number !== (b[index] ?? 0));
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}

/** What a server's version says of a feature; undefined where the version says nothing. */
export function versionHas(version: string, feature: Feature): boolean | undefined {
  const numbers = numbersOf(version);
  return numbers && !isBefore(numbers, numbersOf(FEATURES[feature].since) ?? []);
}

/** The features that a server of this version is too old for. */
export function lackingFeatures(version: string): readonly Feature[] {
  return ALL.filter((feature) => versionHas(version, feature) === false);
}

/** Whether a version is of a later line than any that this client was held against. */
export function isNewerThanKnown(version: string): boolean {
  const numbers = numbersOf(version)?.slice(0, 2);
  return numbers !== undefined && isBefore(numbersOf(KNOWN_UP_TO) ?? [], numbers);
}

/** The routes that are a feature each. */
const ROUTES: readonly (readonly [RegExp, Feature])[] = [
  [/ \/api\/embed:/, 'embed'],
  [/ \/api\/ps:/, 'ps'],
  [/ \/v1\/messages:/, 'anthropic'],
  [/ \/v1\//, 'openai'],
];

/** The feature that a server refused as one that it does not know: a missing route. Not what one model can't do. */
export function refusedFeature({ code, status, message }: OllamaError): Feature | undefined {
  if (code !== 'server_error' || status !== 404) return undefined;
  return ROUTES.find(([route]) => route.test(message))?.[1];
}

/** What a server refused before: so that it is not asked again for what it has not. */
export interface FeatureMemory {
  isRefused(feature: Feature): Promise<boolean>;
  refuse(feature: Feature): Promise<void>;
}

/** A memory that lasts as long as the client. */
export function rememberForNow(): FeatureMemory {
  const refused = new Set<Feature>();
  return {
    isRefused: async (feature) => await Promise.resolve(refused.has(feature)),
    refuse: async (feature) => await Promise.resolve(void refused.add(feature)),
  };
}
