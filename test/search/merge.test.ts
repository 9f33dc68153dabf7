import { describe, expect, it } from 'vitest';
import { chooseFound, markInstalled, mergeFound, type Wanted } from '../../src/search/merge.js';
import type { Found } from '../../src/search/source.js';

const found = (name: string, more: Partial<Found> = {}): Found => ({ name, source: 'registry', ...more });
const installed = (...names: string[]) =>
  names.map((name) => ({ name, model: name, size: 1, digest: '', modified_at: '', details: {} }));
const names = (list: readonly Found[]): string[] => list.map(({ name }) => name);

describe('results of several sources', () => {
  it('are one a name: the first tells it, the others add what it leaves out', () => {
    const merged = mergeFound([
      found('a', { sizes: [1], description: 'x' }),
      found('b'),
      found('A', { source: 'library', description: 'y', capabilities: ['tools'], digest: 'sha256:1' }),
    ]);
    expect(merged).toEqual([
      { name: 'a', source: 'registry', sizes: [1], description: 'x', capabilities: ['tools'] },
      found('b'),
    ]);
  });
});

describe('a choice', () => {
  const choose = (wanted: Partial<Wanted>) => chooseFound(all, { limit: 10, ...wanted });
  const all = [
    found('big', { sizes: [9e9], capabilities: ['completion', 'tools'], updatedAt: 1 }),
    found('x14b', { sizes: [2e9, 8e9], capabilities: ['completion'], updatedAt: 3 }),
    found('x3b', { parameterSizes: ['70b', '3b'], capabilities: ['tools'], updatedAt: 2, source: 'library' }),
    found('unknown'),
  ];

  it('by size keeps what has one tag that fits, a guess where only parameters are told, and counts the unknown', () => {
    const { chosen, unknown } = choose({ maxSize: 2e9 });
    expect([names(chosen), unknown]).toEqual([['x14b', 'x3b'], 1]);
    expect(names(choose({ maxSize: 1.7e9 }).chosen)).toEqual([]);
  });

  it('by what a model can do wants all of it', () => {
    expect(names(choose({ capabilities: ['tools'] }).chosen)).toEqual(['big', 'x3b']);
    expect(names(choose({ capabilities: ['tools', 'completion'] }).chosen)).toEqual(['big']);
    expect(choose({ capabilities: ['tools'], maxSize: 1 }).unknown).toBe(0);
  });

  it.each([
    ['name', ['big', 'unknown', 'x3b', 'x14b']],
    ['size', ['x3b', 'x14b', 'big', 'unknown']],
    ['updated', ['x14b', 'x3b', 'big', 'unknown']],
    ['source', ['x3b', 'big', 'unknown', 'x14b']],
  ] as const)('by %s is in its order, before it is cut', (sort, order) => {
    expect(names(choose({ sort }).chosen)).toEqual(order);
    expect(names(choose({ sort, limit: 2 }).chosen)).toEqual(order.slice(0, 2));
  });
});

describe('what is installed', () => {
  it.each([
    ['qwen3', ['qwen3:8b'], true],
    ['qwen3:8b', ['qwen3:8b'], true],
    ['qwen3:latest', ['qwen3:8b'], false],
    ['qwen3', ['qwen3-coder:8b'], false],
    ['hf.co/A/B', ['hf.co/a/b:Q4_K_M'], true],
    ['127.0.0.1:5000/library/x', ['x:latest'], false],
    ['127.0.0.1:5000/library/x', ['127.0.0.1:5000/library/x:1b'], true],
    ['127.0.0.1:5000/library/x:1b', ['127.0.0.1:5000/library/x:1b'], true],
  ])('%s with %j is %s', (name, here, expected) => {
    expect(markInstalled([found(name)], installed(...here))[0]?.installed).toBe(expected);
  });

  it('is not known where the server does not tell', () => {
    expect(markInstalled([found('a')], undefined)[0]?.installed).toBeUndefined();
  });
});
