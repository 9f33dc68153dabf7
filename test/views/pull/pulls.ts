import { OllamaError } from '../../../src/core/errors.js';
import { boardOf, type PullBoard } from '../../../src/core/pull-board.js';
import { pullFailure, type OllamaPullEvent } from '../../../src/core/pull-events.js';
import { reducePull, startPull, type PullState } from '../../../src/core/pull.js';
import type { PullVerb } from '../../../src/output/pull-words.js';
import { fold, layersInARow } from '../pull-states.js';

/** A pull that is folded from events, each with its time in milliseconds. */
export function pullOf(model: string, ...steps: readonly (readonly [number, OllamaPullEvent])[]): PullState {
  return steps.reduce((state, [at, event]) => reducePull(state, event, at), startPull(model, 0));
}

/** The digest whose every digit is the one given. */
export const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;
export const status = (text: string): OllamaPullEvent => ({ type: 'Status', status: text });
export const progress = (digit: string, total: number, completed: number): OllamaPullEvent => ({
  type: 'ChunkProgress',
  digest: digestOf(digit),
  total,
  completed,
});
const retry = (attempt: number, delayMs: number): OllamaPullEvent => ({
  type: 'Retry',
  attempt,
  reason: 'connection reset',
  delayMs,
  kind: 'cut',
});

const MANIFEST: OllamaPullEvent = {
  type: 'Manifest',
  layers: [
    { digest: digestOf('7'), size: 1.3e9, present: false },
    { digest: digestOf('9'), size: 1400, present: true },
    { digest: digestOf('f'), size: 7700, present: false },
    { digest: digestOf('3'), size: 500, present: false },
  ],
};

/** Every count of a layer that comes at one pace, 100 ms apart. */
const steady = (digit: string, total: number, from: number, to: number, last: number) =>
  Array.from({ length: 21 }, (_, index) => index).map((index) => {
    const share = index / 20;
    return [from + share * (to - from), progress(digit, total, Math.round(share * last))] as const;
  });

export const NOW = 17_000;
export const small = pullOf(
  'llama3.2:1b',
  [0, status('pulling manifest')],
  [10, MANIFEST],
  ...steady('7', 1.3e9, 100, NOW, 805e6),
);
export const large = pullOf(
  'qwen3:8b',
  [0, status('pulling manifest')],
  ...steady('a', 5.2e9, 100, 15_000, 5.2e9),
  ...steady('b', 2e9, 15_100, NOW, 1e9),
);
export const done = pullOf(
  'nomic-embed-text',
  [0, status('pulling manifest')],
  ...steady('c', 274e6, 100, 1_000, 274e6),
  [1_200, status('verifying sha256 digest')],
  [1_300, { type: 'Success' }],
);
export const failed = pullOf('mistral:7b', ...steady('d', 4e9, 100, 1_000, 1e9), [
  1_500,
  pullFailure(new OllamaError('registry_unreachable', 'max retries exceeded: EOF')),
]);

/** A board of these pulls, with these to come. */
export const boardWith = (pulls: readonly PullState[], waiting: readonly string[] = []): PullBoard => ({
  pulls,
  waiting,
  startedAt: 0,
  count: pulls.length + waiting.length,
});

/** What a person may see, each at one moment. */
export const SCENES: readonly {
  readonly title: string;
  readonly board: PullBoard;
  readonly now?: number;
  readonly verb?: PullVerb;
}[] = [
  { title: 'one pull', board: boardOf(small) },
  { title: 'three at once, one of them waiting', board: boardWith([small, large], ['mistral:7b']) },
  { title: 'one done, two running', board: boardWith([done, small, large]) },
  { title: 'one failed of three', board: boardWith([failed, done, small]) },
  {
    title: 'a name that is longer than its column',
    board: boardWith([
      pullOf('hf.co/some-one/Some-Model-7B-Instruct-GGUF:Q4_K_M', [1, progress('a', 1e9, 2e8)]),
      small,
    ]),
  },
  { title: 'another try', board: boardOf(reducePull(small, retry(3, 4_000), NOW)), now: NOW + 100 },
  {
    title: 'another try of one of several',
    board: boardWith([reducePull(small, retry(3, 4_000), NOW), large]),
    now: NOW + 5_000,
  },
  {
    title: 'silence',
    board: boardOf(reducePull(small, { type: 'Stall', silentMs: 12_000 }, NOW)),
    now: NOW + 12_000,
  },
  {
    title: 'silence of one of several',
    board: boardWith([reducePull(large, { type: 'Stall', silentMs: 12_000 }, NOW), small]),
    now: NOW + 12_000,
  },
  { title: 'bytes fetched again', board: boardOf(reducePull(small, progress('7', 1.3e9, 770e6), NOW)) },
  {
    title: 'verifying',
    board: boardOf(reducePull(small, status('verifying sha256 digest'), NOW)),
    now: NOW + 41_000,
  },
  { title: 'thirty layers', board: boardOf(fold(layersInARow(30))), now: 9_100 },
  {
    title: 'two pulls of many layers',
    board: boardWith([fold(layersInARow(9), 'one:1b'), fold(layersInARow(12), 'two:2b')]),
    now: 9_100,
  },
  {
    title: 'a push',
    verb: 'Pushing',
    board: boardOf(
      pullOf(
        'me/mine',
        [0, status('retrieving manifest')],
        [100, progress('a', 5.2e9, 5.2e9)],
        ...steady('b', 1e9, 160, 2_000, 4e8),
      ),
    ),
    now: 2_100,
  },
  {
    title: 'a push of its manifest',
    verb: 'Pushing',
    board: boardOf(pullOf('me/mine', [100, progress('a', 5.2e9, 5.2e9)], [200, status('pushing manifest')])),
    now: 300,
  },
  {
    title: 'a create that quantizes',
    verb: 'Creating',
    board: boardOf(pullOf('mine', [0, status('quantizing F16 model to Q4_K_M: 40%')])),
    now: 100,
  },
  {
    title: 'a create that uploads',
    verb: 'Creating',
    board: boardOf(pullOf('mine', [0, status('copying file')], ...steady('e', 4e9, 1, 900, 1e9))),
    now: 1_000,
  },
];
