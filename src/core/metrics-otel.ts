import { addMetricsListener, METRICS, type MetricName } from './metrics.js';

type Attributes = Readonly<Record<string, string>>;

/** What is used of OpenTelemetry's `Meter`, which the program that embeds this brings. */
export interface OpenTelemetryMeter {
  createHistogram(
    name: string,
    options: { readonly description: string; readonly unit: string },
  ): { record(value: number, attributes: Attributes): void };
  createCounter(
    name: string,
    options: { readonly description: string; readonly unit: string },
  ): { add(value: number, attributes: Attributes): void };
}

interface Instrument {
  readonly kind: 'histogram' | 'counter';
  /** In UCUM, as OpenTelemetry has it. */
  readonly unit: string;
  readonly description: string;
}

const INSTRUMENTS: Readonly<Record<MetricName, Instrument>> = {
  'ollama.request.duration': {
    kind: 'histogram',
    unit: 'ms',
    description: 'From a request to the end of its answer.',
  },
  'ollama.tokens.total': { kind: 'counter', unit: '{token}', description: 'Tokens of prompts and answers.' },
  'ollama.tokens.prompt': { kind: 'counter', unit: '{token}', description: 'Tokens of prompts.' },
  'ollama.tokens.completion': { kind: 'counter', unit: '{token}', description: 'Tokens of answers.' },
  'ollama.throughput.tokens_per_second': {
    kind: 'histogram',
    unit: '{token}/s',
    description: 'The speed of an answer.',
  },
  'ollama.stream.chunks': { kind: 'counter', unit: '{chunk}', description: 'Pieces of streamed answers.' },
  'ollama.model.check_duration': {
    kind: 'histogram',
    unit: 'ms',
    description: 'Asking which models there are, or about one.',
  },
  'ollama.model.pull_duration': { kind: 'histogram', unit: 'ms', description: 'A pull with all its tries.' },
  'ollama.health.check_duration': { kind: 'histogram', unit: 'ms', description: 'A verdict on a server.' },
};

/** Records every measurement of this process with an OpenTelemetry meter, until the returned function is called. */
export function recordWithOpenTelemetry(meter: OpenTelemetryMeter): () => void {
  const record = new Map(METRICS.map((name) => [name, openInstrument(meter, name)]));
  return addMetricsListener((name, value, labels) => record.get(name)?.(value, { ...labels }));
}

function openInstrument(
  meter: OpenTelemetryMeter,
  name: MetricName,
): (value: number, attributes: Attributes) => void {
  const { kind, ...options } = INSTRUMENTS[name];
  if (kind === 'histogram') {
    const histogram = meter.createHistogram(name, options);
    return (value, attributes) => histogram.record(value, attributes);
  }
  const counter = meter.createCounter(name, options);
  return (value, attributes) => counter.add(value, attributes);
}
