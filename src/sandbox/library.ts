import type { ModelDefinition } from './definition.js';
import type { InfoValue, Tensor } from './gguf.js';

interface Row {
  readonly name: string;
  readonly weights: number;
  readonly projector?: number;
  readonly family: string;
  readonly parameters: string;
  readonly count: number;
  readonly quantization: string;
  readonly context: number;
  readonly embedding: number;
  readonly blocks: number;
  readonly heads: number;
  readonly headsKv: number;
  readonly feedForward: number;
  readonly license: keyof typeof LICENSES;
  readonly style: keyof typeof TEMPLATES;
  readonly params?: Readonly<Record<string, unknown>>;
}

// Short texts of our own: the real licences belong to their models.
const LICENSES = {
  llama:
    'Llama Community License (summary by the sandbox)\n\nThe real model comes under the licence of its makers. These bytes are made up.',
  apache:
    'Apache License 2.0 (summary by the sandbox)\n\nThe real model comes under the Apache License 2.0. These bytes are made up.',
  gemma:
    'Gemma Terms of Use (summary by the sandbox)\n\nThe real model comes under the terms of its makers. These bytes are made up.',
  mit: 'MIT License (summary by the sandbox)\n\nThe real model comes under the MIT License. These bytes are made up.',
};

const TOOLS = '{{ if .Tools }}Tools: {{ .Tools }}\n{{ end }}';
const CHAT = '{{ range .Messages }}<|{{ .Role }}|>{{ .Content }}\n{{ end }}<|assistant|>';
const TEMPLATES = {
  chat: CHAT,
  tools: TOOLS + CHAT,
  thinking: `${CHAT}{{ if .Think }}<think>{{ end }}{{ .Thinking }}`,
  all: `${TOOLS}${CHAT}{{ if .Think }}<think>{{ end }}{{ .Thinking }}`,
  code: `${TOOLS}{{ if .Suffix }}<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>{{ else }}${CHAT}{{ end }}`,
  embedding: '{{ .Prompt }}',
};

const STOP = { stop: ['<|user|>', '<|assistant|>'] };
const M = 1_000_000;

// name, size, shape: as the public library has them.
const ROWS: readonly Row[] = [
  row(
    'llama3.2:1b',
    1321 * M,
    'llama',
    '1.2B',
    1_235_814_432,
    'Q8_0',
    [131_072, 2048, 16, 32, 8, 8192],
    'llama',
    'tools',
    STOP,
  ),
  row(
    'llama3.2:3b',
    2019 * M,
    'llama',
    '3.2B',
    3_212_749_888,
    'Q4_K_M',
    [131_072, 3072, 28, 24, 8, 8192],
    'llama',
    'tools',
    STOP,
  ),
  row(
    'llama3.1:8b',
    4920 * M,
    'llama',
    '8.0B',
    8_030_261_312,
    'Q4_K_M',
    [131_072, 4096, 32, 32, 8, 14_336],
    'llama',
    'tools',
    STOP,
  ),
  row(
    'qwen3:0.6b',
    522 * M,
    'qwen3',
    '751.63M',
    751_632_384,
    'Q4_K_M',
    [40_960, 1024, 28, 16, 8, 3072],
    'apache',
    'all',
    { temperature: 0.6, top_k: 20, top_p: 0.95 },
  ),
  row(
    'qwen3:8b',
    5225 * M,
    'qwen3',
    '8.2B',
    8_190_735_360,
    'Q4_K_M',
    [40_960, 4096, 36, 32, 8, 12_288],
    'apache',
    'all',
    { temperature: 0.6, top_k: 20, top_p: 0.95 },
  ),
  row(
    'qwen2.5-coder:1.5b',
    986 * M,
    'qwen2',
    '1.5B',
    1_543_714_304,
    'Q4_K_M',
    [32_768, 1536, 28, 12, 2, 8960],
    'apache',
    'code',
  ),
  row(
    'gemma3:1b',
    815 * M,
    'gemma3',
    '999.89M',
    999_885_952,
    'Q4_K_M',
    [32_768, 1152, 26, 4, 1, 6912],
    'gemma',
    'chat',
    { stop: ['<end_of_turn>'], temperature: 1, top_k: 64, top_p: 0.95 },
  ),
  {
    ...row(
      'gemma3:4b',
      2490 * M,
      'gemma3',
      '4.3B',
      4_299_915_632,
      'Q4_K_M',
      [131_072, 2560, 34, 8, 4, 10_240],
      'gemma',
      'chat',
      { stop: ['<end_of_turn>'], temperature: 1, top_k: 64, top_p: 0.95 },
    ),
    projector: 851 * M,
  },
  {
    ...row(
      'llava:7b',
      4109 * M,
      'llama',
      '7.2B',
      7_241_732_096,
      'Q4_0',
      [32_768, 4096, 32, 32, 8, 14_336],
      'apache',
      'chat',
      STOP,
    ),
    projector: 624 * M,
  },
  row(
    'deepseek-r1:1.5b',
    1117 * M,
    'qwen2',
    '1.8B',
    1_777_088_000,
    'Q4_K_M',
    [131_072, 1536, 28, 12, 2, 8960],
    'mit',
    'thinking',
    STOP,
  ),
  row(
    'mistral:7b',
    4372 * M,
    'llama',
    '7.2B',
    7_248_023_552,
    'Q4_K_M',
    [32_768, 4096, 32, 32, 8, 14_336],
    'apache',
    'tools',
    STOP,
  ),
  row(
    'phi4-mini:3.8b',
    2491 * M,
    'phi3',
    '3.8B',
    3_836_021_856,
    'Q4_K_M',
    [131_072, 3072, 32, 24, 8, 8192],
    'mit',
    'tools',
  ),
  row(
    'smollm2:135m',
    270 * M,
    'llama',
    '134.52M',
    134_515_008,
    'F16',
    [8192, 576, 30, 9, 3, 1536],
    'apache',
    'tools',
    STOP,
  ),
  row(
    'tinyllama:1.1b',
    637 * M,
    'llama',
    '1B',
    1_100_048_384,
    'Q4_0',
    [2048, 2048, 22, 32, 4, 5632],
    'apache',
    'chat',
    STOP,
  ),
  row(
    'nomic-embed-text:v1.5',
    274 * M,
    'nomic-bert',
    '137M',
    136_727_040,
    'F16',
    [2048, 768, 12, 12, 12, 3072],
    'apache',
    'embedding',
    { num_ctx: 8192 },
  ),
  row(
    'all-minilm:22m',
    45_949_216,
    'bert',
    '23M',
    22_565_376,
    'F16',
    [512, 384, 6, 12, 12, 1536],
    'apache',
    'embedding',
    { num_ctx: 256 },
  ),
];

// Names that mean the same manifest, as in the public library.
const ALIASES: Readonly<Record<string, string>> = {
  'llama3.2:latest': 'llama3.2:3b',
  'llama3.1:latest': 'llama3.1:8b',
  'qwen3:latest': 'qwen3:8b',
  'gemma3:latest': 'gemma3:4b',
  'llava:latest': 'llava:7b',
  'mistral:latest': 'mistral:7b',
  'phi4-mini:latest': 'phi4-mini:3.8b',
  'tinyllama:latest': 'tinyllama:1.1b',
  'nomic-embed-text:latest': 'nomic-embed-text:v1.5',
  'all-minilm:latest': 'all-minilm:22m',
};

/** The models that the sandbox's registry offers; two names of one model have one definition. */
export function libraryModels(): ReadonlyMap<string, ModelDefinition> {
  const models = new Map(ROWS.map((entry) => [entry.name, define(entry)]));
  for (const [alias, name] of Object.entries(ALIASES)) {
    const definition = models.get(name);
    if (definition !== undefined) models.set(alias, definition);
  }
  return models;
}

type Shape = readonly [
  context: number,
  embedding: number,
  blocks: number,
  heads: number,
  headsKv: number,
  feedForward: number,
];

function row(
  name: string,
  weights: number,
  family: string,
  parameters: string,
  count: number,
  quantization: string,
  [context, embedding, blocks, heads, headsKv, feedForward]: Shape,
  license: Row['license'],
  style: Row['style'],
  params?: Row['params'],
): Row {
  const shape = { context, embedding, blocks, heads, headsKv, feedForward };
  const base = { name, weights, family, parameters, count, quantization, ...shape, license, style };
  return params === undefined ? base : { ...base, params };
}

function define(entry: Row): ModelDefinition {
  const { family } = entry;
  const info: Record<string, InfoValue> = {
    'general.architecture': family,
    'general.basename': entry.name.split(':')[0] ?? entry.name,
    'general.file_type': FILE_TYPES[entry.quantization] ?? 0,
    'general.parameter_count': entry.count,
    'general.quantization_version': 2,
    'general.size_label': entry.parameters,
    'general.type': 'model',
    [`${family}.attention.head_count`]: entry.heads,
    [`${family}.attention.head_count_kv`]: entry.headsKv,
    [`${family}.attention.layer_norm_rms_epsilon`]: 0.00001,
    [`${family}.block_count`]: entry.blocks,
    [`${family}.context_length`]: entry.context,
    [`${family}.embedding_length`]: entry.embedding,
    [`${family}.feed_forward_length`]: entry.feedForward,
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'default',
    'tokenizer.ggml.token_type': [3, 3, 3, 1, 1, 1, 1, 1],
    'tokenizer.ggml.tokens': ['<pad>', '<eos>', '<bos>', 'the', 'sand', 'box', 'an', 'swer'],
  };
  if (entry.style === 'embedding') info[`${family}.pooling_type`] = 1;
  return {
    name: entry.name,
    weights: entry.weights,
    ...(entry.projector === undefined ? {} : { projector: entry.projector }),
    family,
    parameters: entry.parameters,
    quantization: entry.quantization,
    info,
    tensors: tensorsOf(entry),
    template: TEMPLATES[entry.style],
    ...(entry.params === undefined ? {} : { params: entry.params }),
    licenses: [LICENSES[entry.license]],
  };
}

const FILE_TYPES: Readonly<Record<string, number>> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7, Q4_K_M: 15 };

function tensorsOf(entry: Row): Tensor[] {
  const type = entry.quantization === 'Q4_K_M' ? 'Q4_K' : entry.quantization;
  const keys = (entry.embedding / entry.heads) * entry.headsKv;
  const tensors: Tensor[] = [
    { name: 'token_embd.weight', type, shape: [entry.embedding, 32_000] },
    { name: 'output_norm.weight', type: 'F32', shape: [entry.embedding] },
  ];
  for (let block = 0; block < entry.blocks; block += 1) {
    const add = (part: string, shape: readonly number[]): number =>
      tensors.push({ name: `blk.${String(block)}.${part}.weight`, type, shape });
    add('attn_q', [entry.embedding, entry.embedding]);
    add('attn_k', [entry.embedding, keys]);
    add('attn_v', [entry.embedding, keys]);
    add('attn_output', [entry.embedding, entry.embedding]);
    add('ffn_up', [entry.embedding, entry.feedForward]);
    add('ffn_down', [entry.feedForward, entry.embedding]);
  }
  return tensors;
}
