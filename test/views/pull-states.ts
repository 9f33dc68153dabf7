import fc from 'fast-check';
import type { OllamaPullEvent } from '../../src/core/pull-events.js';
import { OllamaError } from '../../src/core/errors.js';
import { pullFailure } from '../../src/core/pull-events.js';
import { reducePull, startPull } from '../../src/core/pull.js';
import type { PullState } from '../../src/core/pull.js';

/** The state after the events, one each 100 ms. */
export function fold(events: readonly OllamaPullEvent[], model = 'tiny'): PullState {
  return events.reduce(
    (state, event, index) => reducePull(state, event, (index + 1) * 100),
    startPull(model, 0),
  );
}

/** Layers whose digests count from 1, all done but the last, which is half done. */
export function layersInARow(count: number, bytes = 100_000_000): OllamaPullEvent[] {
  return Array.from({ length: count }, (_, index) => index).flatMap((index) => {
    const digest = `sha256:${String(index + 1).padStart(12, '0')}${'a'.repeat(52)}`;
    const half: OllamaPullEvent = { type: 'ChunkProgress', digest, total: bytes, completed: bytes / 2 };
    const begun: OllamaPullEvent = { type: 'ChunkProgress', digest, total: bytes };
    return index < count - 1 ? [begun, half, { ...half, completed: bytes }] : [begun, half];
  });
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 90 }),
  fc.constantFrom('\u001b[2J\u001b]0;owned\u0007', '模型模型模型模型', '\u202Eevil', 'a\nb\tc'),
);
const anyCount = fc.oneof(fc.nat(), fc.constantFrom(0, 1, 999_999_999_999, Number.MAX_SAFE_INTEGER));
const anyStatus = fc.oneof(
  fc.constantFrom(
    'pulling manifest',
    'verifying sha256 digest',
    'writing manifest',
    'removing any unused layers',
  ),
  anyText,
);
const anyDigest = fc.oneof(fc.constantFrom('sha256:model', 'sha256:aa', 'sha256:bb', 'sha256:cc'), anyText);

/** Any event, with hostile text and odd numbers. */
export const anyEvent: fc.Arbitrary<OllamaPullEvent> = fc.oneof(
  fc.record({ type: fc.constant('Status' as const), status: anyStatus }),
  fc.record(
    { type: fc.constant('ChunkProgress' as const), digest: anyDigest, total: anyCount, completed: anyCount },
    { requiredKeys: ['type', 'digest'] },
  ),
  fc.record({ type: fc.constant('Stall' as const), silentMs: anyCount }),
  fc.record({
    type: fc.constant('Retry' as const),
    attempt: fc.nat(99),
    reason: anyText,
    delayMs: anyCount,
    kind: fc.constantFrom('cut', 'stall', 'registry', 'digest', 'busy'),
    digest: anyDigest,
  }),
  fc.record({
    type: fc.constant('Manifest' as const),
    layers: fc.array(fc.record({ digest: anyDigest, size: anyCount, present: fc.boolean() }), {
      maxLength: 9,
    }),
  }),
  fc.constant({ type: 'Success' as const }),
  fc.constant(pullFailure(new OllamaError('stalled', 'no data'))),
);

/** The state after any events, of a model with any name. */
export const anyState: fc.Arbitrary<PullState> = fc
  .tuple(fc.array(anyEvent, { maxLength: 40 }), anyText)
  .map(([events, model]) => fold(events, model));
