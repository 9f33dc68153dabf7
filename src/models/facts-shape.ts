/** What one block of a model keeps for the tokens that it has seen. */
export interface BlockShape {
  /** Numbers in the key-value cache for each token. */
  readonly perToken: number;
  /** How many of the latest tokens it keeps; without it all of them. */
  readonly window?: number;
  /** Bytes that it keeps however many tokens there are, as recurrent blocks do. */
  readonly state?: number;
}

/** What of a model's build decides on the memory that it takes beside its weights. */
export interface ModelShape {
  readonly blocks: readonly BlockShape[];
  /** Length of the vector that stands for a token. */
  readonly embedding: number;
  /** Length of the widest vector inside a block. */
  readonly feedForward: number;
}

type Info = Readonly<Record<string, unknown>>;

const MOST_BLOCKS = 4_096;
/** Beyond this a number is a mistake, or somebody's joke. */
const MOST = 1e9;

/**
 * Of models with a sliding window, every how many blocks one looks back over the whole context where the metadata does
 * not tell. Source: the models of llama.cpp (set_swa_pattern) and of Ollama.
 */
const WHOLE_EVERY: Readonly<Record<string, number>> = {
  gemma2: 2,
  gemma3: 6,
  gemma3n: 5,
  gemma4: 6,
  cohere2: 4,
  llama4: 4,
  exaone4: 4,
  olmo2: 4,
  'gpt-oss': 2,
  gptoss: 2,
};

/** The fields of a model's metadata that are lists in some models; a server that tells none of its lists tells null. */
export const LISTS = ['attention.head_count_kv', 'attention.sliding_window_pattern', 'feed_forward_length'];

/** A whole number that a model can have; undefined for all else. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= MOST
    ? Math.floor(value)
    : undefined;
}

/** A field of the model's own architecture, whatever that is called. */
export function ownField(info: Info, key: string): unknown {
  const architecture = info['general.architecture'];
  return typeof architecture === 'string' ? info[`${architecture}.${key}`] : undefined;
}

/** Reads a model's build from its metadata, as GGUF and `/api/show` name it; undefined where too little is told. */
export function readShape(info: Info): ModelShape | undefined {
  const field = (key: string): unknown => ownField(info, key);
  const count = (key: string): number | undefined => countOf(field(key));
  const blocks = count('block_count');
  const embedding = count('embedding_length');
  if (blocks === undefined || blocks === 0 || blocks > MOST_BLOCKS || embedding === undefined)
    return undefined;
  const experts = (count('expert_used_count') ?? 0) * (count('expert_feed_forward_length') ?? 0);
  const feedForward = Math.max(largest(field('feed_forward_length')) ?? 0, experts) || 4 * embedding;
  if (keepsNothing(info)) {
    return { blocks: Array.from({ length: blocks }, () => ({ perToken: 0 })), embedding, feedForward };
  }
  const heads = largest(field('attention.head_count')) ?? 1;
  const keys = count('attention.key_length') ?? embedding / Math.max(1, heads);
  const values = count('attention.value_length') ?? keys;
  const sliding = readSliding(info);
  const every = count('full_attention_interval') ?? 1;
  const shared = count('attention.shared_kv_layers') ?? 0;
  const state =
    4 * (count('ssm.inner_size') ?? 0) * ((count('ssm.state_size') ?? 0) + (count('ssm.conv_kernel') ?? 0));
  const block = (index: number): BlockShape => {
    // The last ones of some models use what an earlier one keeps.
    if (index >= blocks - shared) return { perToken: 0 };
    const recurs = every > 1 && (index + 1) % every !== 0;
    const kvHeads = recurs ? 0 : (at(field('attention.head_count_kv'), index) ?? heads);
    if (kvHeads === 0) return { perToken: 0, ...(state > 0 ? { state } : {}) };
    const window = sliding(index);
    if (window === undefined) return { perToken: kvHeads * (keys + values) };
    const short = count('attention.key_length_swa') ?? keys;
    const shortValues = count('attention.value_length_swa') ?? count('attention.key_length_swa') ?? values;
    return { perToken: kvHeads * (short + shortValues), window };
  };
  return { blocks: Array.from({ length: blocks }, (_, index) => block(index)), embedding, feedForward };
}

/** True for models that read a text at once, as those for embeddings do. */
function keepsNothing(info: Info): boolean {
  const architecture = info['general.architecture'];
  if (ownField(info, 'attention.causal') === false) return true;
  return typeof architecture === 'string' && /bert|t5encoder|gemma-embedding/.test(architecture);
}

/** The window of each block, or undefined for one that looks back over everything. */
function readSliding(info: Info): (index: number) => number | undefined {
  const window =
    countOf(ownField(info, 'attention.sliding_window')) ?? countOf(ownField(info, 'attention.chunk_size'));
  if (window === undefined || window === 0) return () => undefined;
  const pattern = ownField(info, 'attention.sliding_window_pattern');
  if (Array.isArray(pattern)) return (index) => (isTrue(pattern[index]) ? window : undefined);
  const every = countOf(pattern) ?? WHOLE_EVERY[String(info['general.architecture'])];
  // Not known which: the whole context in each is the most that it can be.
  if (every === undefined || every === 0) return () => undefined;
  return (index) => ((index + 1) % every === 0 ? undefined : window);
}

function isTrue(value: unknown): boolean {
  return value === true || value === 1;
}

function largest(value: unknown): number | undefined {
  if (!Array.isArray(value)) return countOf(value);
  return value.reduce<number | undefined>((most, item) => Math.max(most ?? 0, countOf(item) ?? 0), undefined);
}

function at(value: unknown, index: number): number | undefined {
  return countOf(Array.isArray(value) ? (value[index] as unknown) : value);
}
