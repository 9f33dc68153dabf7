import { readFileSync } from 'node:fs';
import { pullEventsFromValue } from '../../src/core/pull-events.js';
import type { OllamaPullEvent } from '../../src/core/pull-events.js';
import { reducePull, startPull } from '../../src/core/pull.js';
import type { PullState } from '../../src/core/pull.js';

/** One event of a recorded pull, when it came in milliseconds since its start, and the state after it. */
export interface RecordedStep {
  readonly at: number;
  readonly event: OllamaPullEvent;
  readonly state: PullState;
}

/** A pull recorded from a real server, folded. */
export function readRecordedPull(label: string, model = 'tiny'): RecordedStep[] {
  const file = new URL(`../fixtures/recordings/0.24.0/${label}.json`, import.meta.url);
  const recording = JSON.parse(readFileSync(file, 'utf8')) as { response: { chunks: [number, string][] } };
  const steps: RecordedStep[] = [];
  let state = startPull(model, 0);
  for (const [at, text] of recording.response.chunks) {
    for (const line of text.split('\n').filter((one) => one !== '')) {
      for (const event of pullEventsFromValue(JSON.parse(line))) {
        state = reducePull(state, event, at);
        steps.push({ at, event, state });
      }
    }
  }
  return steps;
}
