import { describe, expect, it } from 'vitest';
import type { InstalledModel } from '../../src/core/wire.js';
import { declareInstalled, isEmptyPlan, planSync } from '../../src/models/sync-plan.js';
import { formatSyncFile, parseSyncFile } from '../../src/models/sync-file.js';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

function installed(name: string, digest: string, modified = '2026-01-01T00:00:00Z'): InstalledModel {
  return { name, model: name, digest, size: 5, modified_at: modified, details: {} };
}

async function plan(
  text: string,
  models: InstalledModel[],
  prune = false,
): Promise<Record<string, string[]>> {
  const { pull, copy, remove, keep, others } = planSync(parseSyncFile(text, 'm'), models, { prune });
  return {
    pull: pull.map(({ name, reason }) => `${name} ${reason}`),
    copy: copy.map(({ name, from, replaces }) => `${name} from ${from}${replaces ? ' replaces' : ''}`),
    remove: remove.map(({ name }) => name),
    keep: [...keep],
    others: [...others],
  };
}

const NONE = { pull: [], copy: [], remove: [], keep: [], others: [] };

describe('the plan of a sync', () => {
  it.each<[string, string, InstalledModel[], object]>([
    [
      'pulls what is absent',
      'a\nb',
      [installed('a:latest', A)],
      { pull: ['b:latest absent'], keep: ['a:latest'] },
    ],
    [
      'pulls what has another digest than its pin',
      `a sha256:${B}`,
      [installed('a:latest', A)],
      { pull: ['a:latest digest'] },
    ],
    ['keeps what has its pin', `a sha256:${A}`, [installed('a:latest', A)], { keep: ['a:latest'] }],
    ['knows a model in any case', 'A:Latest', [installed('a:latest', A)], { keep: ['A:Latest'] }],
    [
      'copies what is absent',
      'a\nb from a',
      [installed('a:latest', A)],
      { keep: ['a:latest'], copy: ['b:latest from a:latest'] },
    ],
    [
      'keeps a copy that is one',
      'a\nb from a',
      [installed('a:latest', A), installed('b:latest', A)],
      { keep: ['a:latest', 'b:latest'] },
    ],
    [
      'replaces a copy of something else',
      'a\nb from a',
      [installed('a:latest', A), installed('b:latest', B)],
      { keep: ['a:latest'], copy: ['b:latest from a:latest replaces'] },
    ],
    [
      'copies after the pull, and a copy of a copy after that',
      'c from b\nb from a\na',
      [],
      { pull: ['a:latest absent'], copy: ['b:latest from a:latest', 'c:latest from b:latest'] },
    ],
    [
      'leaves the others',
      'a',
      [installed('a:latest', A), installed('z:1', B)],
      { keep: ['a:latest'], others: ['z:1'] },
    ],
  ])('%s', async (_, text, models, expected) => {
    expect(await plan(text, models)).toEqual({ ...NONE, ...expected });
  });

  it('removes the others only where that is asked for', async () => {
    const models = [installed('a:latest', A), installed('z:1', B)];
    expect(await plan('a', models, true)).toEqual({ ...NONE, keep: ['a:latest'], remove: ['z:1'] });
    expect((await plan('models: []', models, true))['remove']).toEqual(['a:latest', 'z:1']);
  });

  it('of what was written down is empty', async () => {
    const models = [
      installed('b:1', A, '2026-01-02T00:00:00Z'),
      installed('a:1', A, '2026-01-03T00:00:00Z'),
      installed('c:1', B),
    ];
    const declared = declareInstalled(models);
    expect(declared).toEqual([
      { name: 'a:1', digest: `sha256:${A}`, from: 'b:1' },
      { name: 'b:1', digest: `sha256:${A}` },
      { name: 'c:1', digest: `sha256:${B}` },
    ]);
    const again = parseSyncFile(formatSyncFile(declared), 'm');
    expect(isEmptyPlan(planSync(again, models, { prune: true }))).toBe(true);
    expect(isEmptyPlan(planSync(again, models.slice(1), { prune: true }))).toBe(false);
  });
});
