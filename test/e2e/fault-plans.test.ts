import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import type { FaultName } from '../../src/sandbox/faults.js';
import { FAULTS, planFaults } from '../../src/sandbox/faults.js';

const RUN = path.resolve(import.meta.dirname, '../../scripts/plans/run.js');
const SEED = 4_000;
const COUNT = 20;

interface Played {
  readonly title: string;
  readonly repeat: string;
  readonly state: 'passed' | 'failed' | 'not fired';
  readonly problems: readonly string[];
  readonly faults: readonly string[];
}

/** Plays plans in a process of their own; resolves to how each went. */
async function play(...words: readonly string[]): Promise<Played[]> {
  const child = spawn(process.execPath, [RUN, '--json', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const played: Played[] = [];
  let said = '';
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  createInterface({ input: child.stdout }).on('line', (line) => played.push(JSON.parse(line) as Played));
  await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  expect(said).toBe('');
  return played;
}

/** Each that did not end as it has to, with what is wrong and the command that does it again. */
const failuresOf = (played: readonly Played[]): object[] =>
  played
    .filter(({ state }) => state === 'failed')
    .map(({ title, repeat, problems }) => ({ title, repeat, problems }));

describe('a pull ends in a verified model or in the one right error', () => {
  test(
    'with each fault of the sandbox alone, and with those that end it once only',
    { timeout: 240_000 },
    async () => {
      const played = await play('--each', '--side', '6');
      expect(failuresOf(played)).toEqual([]);
      const struck = new Set(
        played.filter(({ state }) => state === 'passed').flatMap(({ faults }) => faults),
      );
      const ofPulls = (Object.keys(FAULTS) as FaultName[]).filter((name) => {
        const planFor = planFaults([{ name }]);
        return ['/api/pull', '/api/tags', '/v2/'].some((place) => planFor(place)(name) !== undefined);
      });
      expect(ofPulls.filter((name) => !struck.has(name))).toEqual([]);
    },
  );

  test(
    `with one to three at once, by ${COUNT} plans from seed ${SEED} on`,
    { timeout: 240_000 },
    async () => {
      const played = await play('--count', String(COUNT), '--from', String(SEED), '--side', '6');
      expect(failuresOf(played)).toEqual([]);
      expect(played.filter(({ state }) => state === 'passed')).toHaveLength(COUNT);
    },
  );
});
