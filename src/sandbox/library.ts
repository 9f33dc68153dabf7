import type { ModelDefinition } from './definition.js';
import type { InfoValue, Tensor } from './gguf.js';

// Short texts of our own: the real licences belong to their models.
const LICENSES: Readonly<Record<string, string>> = {
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
const TEMPLATES: Readonly<Record<string, string>> = {
  chat: CHAT,
  tools: TOOLS + CHAT,
  thinking: `${CHAT}{{ if .Think }}<think>{{ end }}{{ .Thinking }}`,
  all: `${TOOLS}${CHAT}{{ if .Think }}<think>{{ end }}{{ .Thinking }}`,
  code: `${TOOLS}{{ if .Suffix }}<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>{{ else }}${CHAT}{{ end }}`,
  embedding: '{{ .Prompt }}',
};

const PARAMS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  stop: { stop: ['<|user|>', '<|assistant|>'] },
  qwen: { temperature: 0.6, top_k: 20, top_p: 0.95 },
  gemma: { stop: ['<end_of_turn>'], temperature: 1, top_k: 64, top_p: 0.95 },
  nomic: { num_ctx: 8192 },
  minilm: { num_ctx: 256 },
};

// As the public library has them: name, megabytes of the weights and of the image projector, family, parameters and their
// count, quantization, context and embedding length, blocks, heads, key-value heads, feed-forward length; then which of the
// licences, templates and parameters above.
const TABLE = `
llama3.2:1b            1321      0 llama      1.2B     1235814432 Q8_0   131072 2048 16 32  8  8192 llama  tools     stop
llama3.2:3b            2019      0 llama      3.2B     3212749888 Q4_K_M 131072 3072 28 24  8  8192 llama  tools     stop
llama3.1:8b            4920      0 llama      8.0B     8030261312 Q4_K_M 131072 4096 32 32  8 14336 llama  tools     stop
qwen3:0.6b              522      0 qwen3      751.63M   751632384 Q4_K_M  40960 1024 28 16  8  3072 apache all       qwen
qwen3:8b               5225      0 qwen3      8.2B     8190735360 Q4_K_M  40960 4096 36 32  8 12288 apache all       qwen
qwen2.5-coder:1.5b      986      0 qwen2      1.5B     1543714304 Q4_K_M  32768 1536 28 12  2  8960 apache code      none
gemma3:1b               815      0 gemma3     999.89M   999885952 Q4_K_M  32768 1152 26  4  1  6912 gemma  chat      gemma
gemma3:4b              2490    851 gemma3     4.3B     4299915632 Q4_K_M 131072 2560 34  8  4 10240 gemma  chat      gemma
llava:7b               4109    624 llama      7.2B     7241732096 Q4_0    32768 4096 32 32  8 14336 apache chat      stop
deepseek-r1:1.5b       1117      0 qwen2      1.8B     1777088000 Q4_K_M 131072 1536 28 12  2  8960 mit    thinking  stop
mistral:7b             4372      0 llama      7.2B     7248023552 Q4_K_M  32768 4096 32 32  8 14336 apache tools     stop
phi4-mini:3.8b         2491      0 phi3       3.8B     3836021856 Q4_K_M 131072 3072 32 24  8  8192 mit    tools     none
smollm2:135m            270.9    0 llama      134.52M   134515008 F16      8192  576 30  9  3  1536 apache tools     stop
tinyllama:1.1b          637.7    0 llama      1B       1100048384 Q4_0     2048 2048 22 32  4  5632 apache chat      stop
nomic-embed-text:v1.5   274.3    0 nomic-bert 137M      136727040 F16      2048  768 12 12 12  3072 apache embedding nomic
all-minilm:22m           45.9    0 bert       23M        22565376 F16       512  384  6 12 12  1536 apache embedding minilm
`;

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
  const models = new Map(
    TABLE.trim()
      .split('\n')
      .map(define)
      .map((definition) => [definition.name, definition]),
  );
  for (const [alias, name] of Object.entries(ALIASES)) {
    const definition = models.get(name);
    if (definition !== undefined) models.set(alias, definition);
  }
  return models;
}

function define(line: string): ModelDefinition {
  const [name = '', weights, projector, family = '', parameters = '', count, quantization = '', ...rest] =
    line.split(/ +/);
  const [context = 0, embedding = 0, blocks = 0, heads = 1, headsKv = 0, feedForward = 0] = rest
    .slice(0, 6)
    .map(Number);
  const [license = '', style = '', params = ''] = rest.slice(6);
  const info: Record<string, InfoValue> = {
    'general.architecture': family,
    'general.basename': name.split(':')[0] ?? name,
    'general.file_type': FILE_TYPES[quantization] ?? 0,
    'general.parameter_count': Number(count),
    'general.quantization_version': 2,
    'general.size_label': parameters,
    'general.type': 'model',
    [`${family}.attention.head_count`]: heads,
    [`${family}.attention.head_count_kv`]: headsKv,
    [`${family}.attention.layer_norm_rms_epsilon`]: 0.00001,
    [`${family}.block_count`]: blocks,
    [`${family}.context_length`]: context,
    [`${family}.embedding_length`]: embedding,
    [`${family}.feed_forward_length`]: feedForward,
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'default',
    'tokenizer.ggml.token_type': [3, 3, 3, 1, 1, 1, 1, 1],
    'tokenizer.ggml.tokens': ['<pad>', '<eos>', '<bos>', 'the', 'sand', 'box', 'an', 'swer'],
  };
  if (style === 'embedding') info[`${family}.pooling_type`] = 1;
  return {
    name,
    weights: Number(weights) * 1e6,
    ...(projector === '0' ? {} : { projector: Number(projector) * 1e6 }),
    family,
    parameters,
    quantization,
    info,
    tensors: tensorsOf({ quantization, embedding, blocks, keys: (embedding / heads) * headsKv, feedForward }),
    template: TEMPLATES[style] ?? '',
    ...(PARAMS[params] === undefined ? {} : { params: PARAMS[params] }),
    licenses: [LICENSES[license] ?? ''],
  };
}

const FILE_TYPES: Readonly<Record<string, number>> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7, Q4_K_M: 15 };

interface Shape {
  readonly quantization: string;
  readonly embedding: number;
  readonly blocks: number;
  /** Length of a block's keys and values. */
  readonly keys: number;
  readonly feedForward: number;
}

function tensorsOf({ quantization, embedding, blocks, keys, feedForward }: Shape): Tensor[] {
  const type = quantization === 'Q4_K_M' ? 'Q4_K' : quantization;
  const tensors: Tensor[] = [
    { name: 'token_embd.weight', type, shape: [embedding, 32_000] },
    { name: 'output_norm.weight', type: 'F32', shape: [embedding] },
  ];
  for (let block = 0; block < blocks; block += 1) {
    const add = (part: string, shape: readonly number[]): number =>
      tensors.push({ name: `blk.${String(block)}.${part}.weight`, type, shape });
    add('attn_q', [embedding, embedding]);
    add('attn_k', [embedding, keys]);
    add('attn_v', [embedding, keys]);
    add('attn_output', [embedding, embedding]);
    add('ffn_up', [embedding, feedForward]);
    add('ffn_down', [feedForward, embedding]);
  }
  return tensors;
}
