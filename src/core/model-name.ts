import { OllamaError } from './errors.js';

/** A model's name with every part filled in. */
export interface ModelName {
  readonly host: string;
  readonly namespace: string;
  readonly model: string;
  readonly tag: string;
  /** A marker that says where the model runs: `:cloud`, `-cloud` or `:local`. */
  readonly source: 'cloud' | 'local' | undefined;
}

export const DEFAULT_REGISTRY = 'registry.ollama.ai';
const DEFAULT_NAMESPACE = 'library';
const DEFAULT_TAG = 'latest';

interface Part {
  readonly what: string;
  readonly pattern: RegExp;
  readonly longest: number;
}

/** The rules of each part. Source: types/model/name.go of Ollama. */
const PARTS: Readonly<Record<'host' | 'namespace' | 'model' | 'tag', Part>> = {
  host: { what: 'registry', pattern: /^[A-Za-z0-9_][A-Za-z0-9_.:-]*$/, longest: 350 },
  namespace: { what: 'namespace', pattern: /^[A-Za-z0-9_][A-Za-z0-9_-]*$/, longest: 80 },
  model: { what: 'model', pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/, longest: 80 },
  tag: { what: 'tag', pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/, longest: 80 },
};

function fault(part: Part, text: string): string | undefined {
  if (text === '') return `the ${part.what} is empty`;
  if (text.length > part.longest) return `the ${part.what} is longer than ${part.longest} characters`;
  if (part.pattern.test(text)) return undefined;
  const bad = [...text].find((char, index) => !part.pattern.test(index === 0 ? char : `a${char}`)) ?? text;
  return `${JSON.stringify(bad)} can't stand there in the ${part.what}`;
}

function once(rest: string, source: 'cloud' | 'local'): ReturnType<typeof splitSource> {
  if (splitSource(rest).source === undefined) return { rest, source };
  return { rest, source, fault: 'use either :local or :cloud, not both' };
}

/** Takes the marker `:cloud`, `:local` or `-cloud` off. Source: internal/modelref of Ollama. */
function splitSource(text: string): { rest: string; source: ModelName['source']; fault?: string } {
  const colon = text.lastIndexOf(':');
  const last = colon < 0 ? '' : text.slice(colon + 1).toLowerCase();
  if (last === 'cloud' || last === 'local') {
    return once(text.slice(0, colon), last);
  }
  // `-cloud` ends a tag; a model whose own name ends so has none.
  if (colon >= 0 && !last.includes('/') && last.endsWith('-cloud')) {
    return once(text.slice(0, -'-cloud'.length), 'cloud');
  }
  return { rest: text, source: undefined };
}

function parse(text: string): ModelName | string {
  const {
    rest: marked,
    source,
    fault: twice,
  } = splitSource(text.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\//, ''));
  if (twice !== undefined) return twice;
  if (marked.includes('@')) return 'a digest can\'t be asked for by "@"';
  const pieces = marked.split('/');
  if (pieces.length > 3) return 'it has more parts than registry/namespace/model:tag';

  const last = pieces.at(-1) ?? '';
  const colon = last.indexOf(':');
  const name: ModelName = {
    host: pieces.length === 3 ? (pieces[0] ?? '') : DEFAULT_REGISTRY,
    namespace:
      pieces.length === 3 ? (pieces[1] ?? '') : pieces.length === 2 ? (pieces[0] ?? '') : DEFAULT_NAMESPACE,
    model: colon < 0 ? last : last.slice(0, colon),
    tag: colon < 0 ? DEFAULT_TAG : last.slice(colon + 1),
    source,
  };
  return (
    fault(PARTS.host, name.host) ??
    fault(PARTS.namespace, name.namespace) ??
    fault(PARTS.model, name.model) ??
    fault(PARTS.tag, name.tag) ??
    name
  );
}

/** The parts of a name, or undefined where it is outside the grammar `[registry/][namespace/]model[:tag]`. */
export function parseModelName(text: string): ModelName | undefined {
  const name = parse(text);
  return typeof name === 'string' ? undefined : name;
}

/** The parts of a name. Throws `invalid_name` that says which part is wrong. */
export function checkModelName(text: string): ModelName {
  const name = parse(text);
  if (typeof name !== 'string') return name;
  throw new OllamaError('invalid_name', `${JSON.stringify(text)} is no model name: ${name}.`, {
    model: text,
    hint: 'A name is [registry/][namespace/]model[:tag], for example llama3.2:1b or hf.co/user/repository:Q4_K_M.',
  });
}

/** The name as Ollama shows it: without the default registry and `library/`, always with the tag. */
export function displayName(name: ModelName): string {
  const host = name.host === DEFAULT_REGISTRY ? '' : `${name.host}/`;
  const namespace = host === '' && name.namespace === DEFAULT_NAMESPACE ? '' : `${name.namespace}/`;
  const tag = name.source === 'cloud' ? cloudTag(name.tag) : name.tag;
  return `${host}${namespace}${name.model}:${tag}`;
}

function cloudTag(tag: string): string {
  return tag === DEFAULT_TAG ? 'cloud' : `${tag}-cloud`;
}

/** True where both texts name the same model for a server, which folds case. */
export function sameModel(a: string, b: string): boolean {
  return canonical(a) === canonical(b);
}

function canonical(text: string): string {
  const name = parseModelName(text);
  return (name ? displayName(name) : text).toLowerCase();
}

/** True for a name on Hugging Face, whose repositories' names have capitals. */
export function isHuggingFace(text: string): boolean {
  return /^(?:[a-z]+:\/\/)?(?:hf\.co|huggingface\.co)\//i.test(text);
}
