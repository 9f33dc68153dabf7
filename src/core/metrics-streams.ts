import type { ChatEvent } from './chat.js';
import { labelsOf, outcomeOf, type Meter, type MetricName } from './metrics.js';
import type { OllamaPullEvent } from './pull-events.js';

type ChatBatches = AsyncGenerator<readonly ChatEvent[], void, undefined>;

/**
 * The same batches, measured: how long the answer took, its pieces, and at its end its tokens and their speed. One that is
 * let go of before its end is `interrupted`. `countOthers`: the pieces that came by another way. Where nobody listens these
 * are `batches` themselves.
 */
export function measureAnswer(
  batches: ChatBatches,
  meter: Meter,
  model: string,
  countOthers: () => number = () => 0,
): ChatBatches {
  return meter.isOn() ? followAnswer(batches, meter, model, countOthers) : batches;
}

async function* followAnswer(
  batches: ChatBatches,
  meter: Meter,
  model: string,
  countOthers: () => number,
): ChatBatches {
  const before = performance.now();
  let chunks = 0;
  let last: ChatEvent | undefined;
  try {
    for await (const events of batches) {
      chunks += events.length;
      last = events.at(-1);
      yield events;
    }
  } finally {
    const hasEnded = last?.type === 'done' || last?.type === 'error';
    const outcome = last?.type === 'done' ? 'ok' : last?.type === 'error' ? last.error.code : 'interrupted';
    const labels = labelsOf(model, outcome);
    meter.measure('ollama.request.duration', performance.now() - before, labels);
    // The last event is no piece of the answer, but its end.
    meter.measure('ollama.stream.chunks', countOthers() + (hasEnded ? chunks - 1 : chunks), labels);
    if (last?.type === 'done') {
      const { prompt_tokens, completion_tokens, total_tokens, tokens_per_second } = last.metrics;
      meter.measure('ollama.tokens.prompt', prompt_tokens, labels);
      meter.measure('ollama.tokens.completion', completion_tokens, labels);
      meter.measure('ollama.tokens.total', total_tokens, labels);
      meter.measure('ollama.throughput.tokens_per_second', tokens_per_second, labels);
    }
  }
}

const PULL_METRICS: readonly MetricName[] = ['ollama.request.duration', 'ollama.model.pull_duration'];

/** The same events, measured: how long the pull took, with all its tries. One that is let go of is `interrupted`. */
export async function* measurePull(
  events: AsyncGenerator<OllamaPullEvent, void, undefined>,
  meter: Meter,
  model: string,
): AsyncGenerator<OllamaPullEvent, void, undefined> {
  const before = performance.now();
  let outcome = 'interrupted';
  try {
    for await (const event of events) {
      if (event.type === 'Success') outcome = 'ok';
      else if (event.type === 'Error') outcome = event.error.code;
      yield event;
    }
  } finally {
    for (const name of PULL_METRICS)
      meter.measure(name, performance.now() - before, labelsOf(model, outcome));
  }
}

/** The same lines, measured: how long they took. A failure is thrown on; one that is let go of is `interrupted`. */
export async function* measureLines<Line>(
  lines: AsyncGenerator<Line, void, undefined>,
  meter: Meter,
  model: string,
): AsyncGenerator<Line, void, undefined> {
  const before = performance.now();
  let outcome = 'interrupted';
  try {
    yield* lines;
    outcome = 'ok';
  } catch (error) {
    outcome = outcomeOf(error);
    throw error;
  } finally {
    meter.measure('ollama.request.duration', performance.now() - before, labelsOf(model, outcome));
  }
}
