import { channel } from 'node:diagnostics_channel';
import { isOllamaError } from './errors.js';

/** What is measured. Durations are in milliseconds, speeds in tokens a second, all others are counts. */
export const METRICS = [
  'ollama.request.duration',
  'ollama.tokens.total',
  'ollama.tokens.prompt',
  'ollama.tokens.completion',
  'ollama.throughput.tokens_per_second',
  'ollama.stream.chunks',
  'ollama.model.check_duration',
  'ollama.model.pull_duration',
  'ollama.health.check_duration',
] as const;
export type MetricName = (typeof METRICS)[number];

/** What a measurement is about; `outcome` is `ok` or the code of an error. */
export interface MetricLabels {
  readonly model?: string;
  readonly host: string;
  readonly outcome: string;
}

/** One measurement, as the channel carries it. */
export interface Measurement {
  readonly name: MetricName;
  readonly value: number;
  readonly labels: MetricLabels;
}

/** Told of each measurement: a name, its value, and what it is about. */
export type MetricListener = (name: MetricName, value: number, labels: MetricLabels) => void;

/** The channel of `node:diagnostics_channel` on which every measurement is published, as `{name, value, labels}`. */
export const METRICS_CHANNEL = 'ollama-cli.metrics';

const measurements = channel(METRICS_CHANNEL);

/** Whether anyone listens: where nobody does, nothing is measured. */
export function isMeasured(): boolean {
  return measurements.hasSubscribers;
}

/** Publishes one measurement. */
export function measure(name: MetricName, value: number, labels: MetricLabels): void {
  measurements.publish({ name, value, labels } satisfies Measurement);
}

/**
 * Tells `listener` of every measurement of every client in this process, until the returned function is called. What it
 * throws is an uncaught exception, as Node's channels have it: what is measured goes on.
 */
export function addMetricsListener(listener: MetricListener): () => void {
  const hear = (message: unknown): void => {
    const { name, value, labels } = message as Measurement;
    listener(name, value, labels);
  };
  measurements.subscribe(hear);
  return () => void measurements.unsubscribe(hear);
}

/** Measures what one client does, where somebody listens. */
export interface Meter {
  /** Asked once a call: where it is false, nothing is measured and nothing costs. */
  isOn(): boolean;
  measure(name: MetricName, value: number, labels: Omit<MetricLabels, 'host'>): void;
  /** Runs `work` and measures how long it took, in milliseconds, whether it resolves or throws. */
  time<Value>(name: MetricName, model: string | undefined, work: () => Promise<Value>): Promise<Value>;
}

/** The meter of a client of `host` (an address without credentials); `listener` hears of this client alone. */
export function createMeter(host: string, listener?: MetricListener): Meter {
  const isOn = (): boolean => listener !== undefined || isMeasured();
  const tell: Meter['measure'] = (name, value, about) => {
    const labels = { ...about, host };
    if (isMeasured()) measure(name, value, labels);
    listener?.(name, value, labels);
  };
  return {
    isOn,
    measure: tell,
    time: async (name, model, work) => {
      if (!isOn()) return await work();
      const before = performance.now();
      const end = (outcome: string): void => tell(name, performance.now() - before, labelsOf(model, outcome));
      try {
        const value = await work();
        end('ok');
        return value;
      } catch (error) {
        end(outcomeOf(error));
        throw error;
      }
    },
  };
}

/** The labels of a measurement of one client. */
export function labelsOf(model: string | undefined, outcome: string): Omit<MetricLabels, 'host'> {
  return { ...(model === undefined ? {} : { model }), outcome };
}

/** What a failure is called in `outcome`. */
export function outcomeOf(error: unknown): string {
  return isOllamaError(error) ? error.code : 'internal';
}
