/** A model's name in its parts; the rules are those of Ollama's types/model/name.go. */
export interface ModelName {
  readonly host: string;
  readonly namespace: string;
  readonly model: string;
  readonly tag: string;
}

export const DEFAULT_HOST = 'registry.ollama.ai';
const HOST = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}$/;
const NAMESPACE = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,79}$/;
const PART = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$/;

/** The name that a text means, with the default host, namespace and tag; undefined where it is none. */
export function parseName(text: string): ModelName | undefined {
  const bare = text.replace(/^[A-Za-z]+:\/\//, '');
  const parts = bare.split('/');
  if (parts.length > 3) return undefined;
  const [last = '', namespace = 'library', host = DEFAULT_HOST] = parts.reverse();
  const colon = last.indexOf(':');
  const model = colon < 0 ? last : last.slice(0, colon);
  const tag = colon < 0 ? 'latest' : last.slice(colon + 1);
  const valid = HOST.test(host) && NAMESPACE.test(namespace) && PART.test(model) && PART.test(tag);
  return valid ? { host, namespace, model, tag } : undefined;
}

/** The shortest text that means the same name; the tag is always shown. */
export function showName(name: ModelName): string {
  const tagged = `${name.model}:${name.tag}`;
  if (name.host !== DEFAULT_HOST) return `${name.host}/${name.namespace}/${tagged}`;
  return name.namespace === 'library' ? tagged : `${name.namespace}/${tagged}`;
}

/** The whole name, as Ollama writes it in some errors. */
export function fullName(name: ModelName): string {
  return `${name.host}/${name.namespace}/${name.model}:${name.tag}`;
}

/** Equal for names that mean the same model: Ollama folds the case. */
export function nameKey(name: ModelName): string {
  return fullName(name).toLowerCase();
}
