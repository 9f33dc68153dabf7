import { displayName, parseModelName } from '../core/model-name.js';

/** A model's name in its parts, as a server keeps it. */
export interface ModelName {
  readonly host: string;
  readonly namespace: string;
  readonly model: string;
  readonly tag: string;
}

/** The name that a text means, with the default host, namespace and tag; undefined where it is none. */
export function parseName(text: string): ModelName | undefined {
  const name = parseModelName(text);
  if (name === undefined) return undefined;
  const { host, namespace, model } = name;
  // A cloud model is a model of its own, with the marker in its tag.
  const tag = name.source === 'cloud' ? (displayName(name).split(':').at(-1) ?? name.tag) : name.tag;
  return { host, namespace, model, tag };
}

/** The shortest text that means the same name; the tag is always shown. */
export function showName(name: ModelName): string {
  return displayName({ ...name, source: undefined });
}

/** The whole name, as Ollama writes it in some errors. */
export function fullName(name: ModelName): string {
  return `${name.host}/${name.namespace}/${name.model}:${name.tag}`;
}

/** Equal for names that mean the same model: Ollama folds the case. */
export function nameKey(name: ModelName): string {
  return fullName(name).toLowerCase();
}
