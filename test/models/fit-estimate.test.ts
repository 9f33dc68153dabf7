import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InstalledModel, RunningModel, ShowResponse } from '../../src/core/wire.js';
import { installedFacts, type ModelFacts } from '../../src/models/facts.js';
import { readShape } from '../../src/models/facts-shape.js';
import { estimateFit } from '../../src/models/fit-estimate.js';
import { defaultContext, judgeFit, missingBytes } from '../../src/models/fit-verdict.js';
import { bodyOf, readRecording } from '../sandbox/lab.js';

function recorded<Value>(label: string): Value {
  return JSON.parse(bodyOf(readRecording('0.24.0', label))) as Value;
}

const LLAMA = {
  'general.architecture': 'llama',
  'llama.block_count': 32,
  'llama.embedding_length': 4096,
  'llama.feed_forward_length': 14336,
  'llama.attention.head_count': 32,
  'llama.attention.head_count_kv': 8,
  'llama.context_length': 131_072,
};

function facts(info: Readonly<Record<string, unknown>>, more: Partial<ModelFacts> = {}): ModelFacts {
  return {
    weightsBytes: 1000,
    outputCopyBytes: 0,
    shape: readShape(info),
    parameters: undefined,
    quantization: undefined,
    contextLength: undefined,
    ownContext: undefined,
    basis: 'metadata',
    cloud: false,
    ...more,
  };
}

function cacheOf(info: Readonly<Record<string, unknown>>, context = 8192): number {
  return estimateFit(facts(info), { context, kvType: 'f16' }).kv_bytes;
}

describe('the estimate', () => {
  it('is within 5 % of what a real server says of a loaded model', () => {
    const [loaded] = recorded<{ models: RunningModel[] }>('ps-loaded').models;
    const installed = recorded<{ models: InstalledModel[] }>('tags').models.find(
      ({ name }) => name === loaded?.name,
    );
    const shown = recorded<ShowResponse>('show-verbose');
    const known = installedFacts(shown, installed);
    const { total_bytes: total } = estimateFit(known, {
      context: loaded?.context_length ?? 0,
      kvType: 'f16',
    });
    expect(known).toMatchObject({ ownContext: 512, contextLength: 32_768, basis: 'metadata' });
    expect(loaded?.size).toBe(452_633_088);
    expect(Math.abs(total / 452_633_088 - 1)).toBeLessThan(0.05);
    // The figure that docs/fit.md tells.
    expect(total).toBe(453_654_099);
  });

  it.each([
    ['f16', 32 * 8 * 256 * 8192 * 2],
    ['q8_0', (32 * 8 * 256 * 8192 * 34) / 32],
    ['q4_0', (32 * 8 * 256 * 8192 * 18) / 32],
  ] as const)('counts heads, lengths, tokens and the bytes of %s', (kvType, bytes) => {
    expect(estimateFit(facts(LLAMA), { context: 8192, kvType }).kv_bytes).toBe(bytes);
  });

  it('gives the parts that make the total', () => {
    const parts = estimateFit(facts(LLAMA, { outputCopyBytes: 7 }), { context: 4096, kvType: 'f16' });
    expect(parts.overhead_bytes).toBe(7 + 4 * 512 * (2 * 14_336 + 3 * 4096) + 2 * 512 * 4096);
    expect(parts.total_bytes).toBe(1000 + parts.kv_bytes + parts.overhead_bytes);
  });

  it('takes nothing of a model in the cloud', () => {
    expect(estimateFit(facts(LLAMA, { cloud: true }), { context: 4096, kvType: 'f16' }).total_bytes).toBe(0);
  });

  it.each([
    ['1.1e8', 24],
    ['8e9', 144],
    ['7e10', 320],
    ['4e11', 512],
  ])('guesses the cache from %s parameters where the build is not known', (parameters, kibibytes) => {
    const guess = facts({}, { parameters: Number(parameters), basis: 'config' });
    expect(estimateFit(guess, { context: 1024, kvType: 'f16' }).kv_bytes).toBe(kibibytes * 1024 * 1024);
  });

  it('never shrinks with a longer context, whatever the build', () => {
    fc.assert(
      fc.property(
        fc.nat(200),
        fc.nat(64),
        fc.nat(8192),
        fc.nat(200_000),
        fc.nat(200_000),
        (blocks, heads, window, a, b) => {
          const info = {
            ...LLAMA,
            'llama.block_count': blocks + 1,
            'llama.attention.head_count_kv': heads,
            'llama.attention.sliding_window': window,
            'llama.attention.sliding_window_pattern': 4,
          };
          const total = (context: number): number =>
            estimateFit(facts(info), { context, kvType: 'q8_0' }).total_bytes;
          return total(Math.min(a, b)) <= total(Math.max(a, b));
        },
      ),
    );
  });
});

describe('the cache of builds that differ', () => {
  const with_ = (more: Record<string, unknown>, architecture = 'llama'): Record<string, unknown> => ({
    ...Object.fromEntries(
      Object.entries(LLAMA).map(([key, value]) => [key.replace(/^llama\./, `${architecture}.`), value]),
    ),
    'general.architecture': architecture,
    ...Object.fromEntries(Object.entries(more).map(([key, value]) => [`${architecture}.${key}`, value])),
  });
  const token = 8 * 256 * 2;

  it.each([
    [
      'a window in five of six blocks of gemma3',
      'gemma3',
      { 'attention.sliding_window': 512 },
      5 * 8192 + 27 * 1024,
    ],
    [
      'a window in every other block of gpt-oss',
      'gpt-oss',
      { 'attention.sliding_window': 128 },
      16 * 8192 + 16 * 640,
    ],
    [
      'the whole context where the pattern is not known',
      'other',
      { 'attention.sliding_window': 128 },
      32 * 8192,
    ],
    [
      'the pattern that the metadata lists',
      'other',
      {
        'attention.sliding_window': 128,
        'attention.sliding_window_pattern': Array.from({ length: 32 }, (_, index) => index < 30),
      },
      2 * 8192 + 30 * 640,
    ],
    ['full attention in each fourth block', 'qwen3next', { full_attention_interval: 4 }, 8 * 8192],
    [
      'blocks that share what an earlier one keeps',
      'gemma3n',
      { 'attention.shared_kv_layers': 12 },
      20 * 8192,
    ],
    ['nothing in models for embeddings', 'nomic-bert', {}, 0],
    ['nothing in models that see a text at once', 'other', { 'attention.causal': false }, 0],
  ])('counts %s', (_, architecture, more, tokens) => {
    expect(cacheOf(with_(more, architecture))).toBe(tokens * token);
  });

  it('takes heads from a list, one a block, and the state of blocks without any', () => {
    const list = Array.from({ length: 32 }, (_, index) => (index % 2 === 0 ? 0 : 8));
    const ssm = { 'ssm.inner_size': 100, 'ssm.state_size': 10, 'ssm.conv_kernel': 4 };
    expect(cacheOf(with_({ 'attention.head_count_kv': list }))).toBe(16 * 8192 * token);
    expect(cacheOf(with_({ 'attention.head_count_kv': list, ...ssm }))).toBe(
      16 * 8192 * token + 16 * 4 * 100 * 14,
    );
  });

  it('takes the lengths of a compressed cache', () => {
    const mla = { 'attention.head_count_kv': 1, 'attention.key_length': 576, 'attention.value_length': 512 };
    expect(cacheOf(with_(mla, 'deepseek2'))).toBe(32 * 1088 * 8192 * 2);
  });

  it('works with the widest part of a mixture of experts', () => {
    const experts = with_({
      feed_forward_length: null,
      expert_used_count: 8,
      expert_feed_forward_length: 3000,
    });
    expect(readShape(experts)?.feedForward).toBe(24_000);
    expect(readShape(with_({ feed_forward_length: [1, 9, 5] }))?.feedForward).toBe(9);
  });
});

describe('hostile metadata', () => {
  it.each([
    [{}],
    [{ 'general.architecture': 'llama' }],
    [{ ...LLAMA, 'llama.block_count': 1e12 }],
    [{ ...LLAMA, 'llama.block_count': 100_000 }],
    [{ ...LLAMA, 'llama.block_count': -1 }],
    [{ ...LLAMA, 'llama.embedding_length': 'wide' }],
    [{ ...LLAMA, 'general.architecture': 7 }],
  ])('has no shape: %j', (info) => {
    expect(readShape(info)).toBeUndefined();
  });

  it('always gives finite numbers', () => {
    const keys = Object.keys(LLAMA).concat(
      [
        'attention.key_length',
        'attention.sliding_window',
        'attention.sliding_window_pattern',
        'ssm.inner_size',
      ].map((key) => `llama.${key}`),
    );
    const value = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.string(),
      fc.constant(null),
      fc.boolean(),
      fc.array(fc.oneof(fc.integer(), fc.boolean())),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...keys), value)), (pairs) => {
        const shape = readShape({ ...LLAMA, ...Object.fromEntries(pairs) });
        if (!shape) return;
        const { total_bytes: total } = estimateFit(
          { ...facts({}), shape },
          { context: 131_072, kvType: 'f16' },
        );
        expect(Number.isFinite(total) && total >= 0).toBe(true);
      }),
    );
  });
});

const GB = 1e9;
const RESERVE = 457 * 2 ** 20;

describe('the verdict', () => {
  it.each([
    [10 * GB, {}, 'unknown'],
    [0, {}, 'fits'],
    [10 * GB, { ram: 10 * GB }, 'fits'],
    [10 * GB + 1, { ram: 10 * GB }, 'no'],
    [10 * GB, { ram: 1, vram: 10 * GB + RESERVE }, 'fits'],
    [10 * GB, { ram: 1 * GB, vram: 10 * GB + RESERVE - 1 }, 'partly'],
    [10 * GB, { ram: 4 * GB, vram: 6 * GB + RESERVE }, 'partly'],
    [10 * GB + 1, { ram: 4 * GB, vram: 6 * GB + RESERVE }, 'no'],
    [10 * GB, { vram: 6 * GB }, 'unknown'],
    [10 * GB, { vram: 20 * GB }, 'fits'],
    [10 * GB, { ram: 16 * GB, vram: 0 }, 'fits'],
    [10 * GB, { ram: 16 * GB, vram: 10 * GB, unified: true }, 'fits'],
    [12 * GB, { ram: 16 * GB, vram: 10 * GB, unified: true }, 'partly'],
    [17 * GB, { ram: 16 * GB, vram: 10 * GB, unified: true }, 'no'],
  ])('on %d bytes with %j is %s', (total, memory, verdict) => {
    expect(judgeFit(total, memory)).toBe(verdict);
    // What is said to be missing agrees with it.
    if (verdict !== 'unknown') expect(missingBytes(total, memory) > 0).toBe(verdict === 'no');
  });

  it.each([
    [undefined, 4096],
    [16 * 2 ** 30, 4096],
    [24 * 2 ** 30, 32_768],
    [48 * 2 ** 30, 262_144],
  ])('stands on the context that a GPU of %d bytes gets', (vram, context) => {
    expect(defaultContext(vram)).toBe(context);
  });
});
