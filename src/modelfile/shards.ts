/** One of several files that make up one set of weights, by its name. */
export interface Shard {
  /** The same for all of a set. */
  readonly set: string;
  readonly index: number;
  readonly count: number;
}

/** The parts of a name such as `model-00001-of-00003.gguf`; undefined for any other. */
export function shardOf(name: string): Shard | undefined {
  const match = /^(.*)-(\d{5})-of-(\d{5})\.(gguf|safetensors)$/.exec(name);
  if (!match) return undefined;
  const [, stem = '', index = '', count = '', end = ''] = match;
  return { set: `${stem}-*-of-${count}.${end}`, index: Number(index), count: Number(count) };
}

/** The names that the shards among `names` lack, in their order; at most ten of them. */
export function missingShards(names: readonly string[]): string[] {
  const sets = new Map<string, { count: number; there: Set<number> }>();
  for (const name of names) {
    const shard = shardOf(name);
    if (shard === undefined) continue;
    const known = sets.get(shard.set) ?? { count: shard.count, there: new Set<number>() };
    known.there.add(shard.index);
    sets.set(shard.set, known);
  }
  const missing: string[] = [];
  for (const [set, { count, there }] of sets) {
    for (let index = 1; index <= count && missing.length < 10; index++) {
      if (!there.has(index)) missing.push(set.replace('*', String(index).padStart(5, '0')));
    }
  }
  return missing;
}
