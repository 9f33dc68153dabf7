import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyInstance } from 'fastify';
import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { METRICS_CHANNEL, type MetricLabels, type MetricName } from '../core/metrics.js';
import { errorResponses } from './schemas.js';

/** How a measurement stands among Prometheus' own: durations in seconds, as its convention has it. */
interface Series {
  readonly help: string;
  /** The upper ends of a histogram's buckets; a counter has none. */
  readonly buckets?: readonly number[];
  readonly seconds?: true;
}

const ANSWERS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const CHECKS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
const PULLS = [1, 5, 15, 60, 300, 900, 3_600, 14_400];
const SPEEDS = [1, 2, 5, 10, 20, 40, 80, 160, 320];

const SERIES: Readonly<Record<MetricName, Series>> = {
  'ollama.request.duration': { help: 'Seconds a request took.', buckets: ANSWERS, seconds: true },
  'ollama.tokens.total': { help: 'Tokens of prompts and answers.' },
  'ollama.tokens.prompt': { help: 'Tokens of prompts.' },
  'ollama.tokens.completion': { help: 'Tokens of answers.' },
  'ollama.throughput.tokens_per_second': { help: 'Tokens a second of an answer.', buckets: SPEEDS },
  'ollama.stream.chunks': { help: 'Pieces of answers that were streamed.' },
  'ollama.model.check_duration': {
    help: 'Seconds a look for a model took.',
    buckets: CHECKS,
    seconds: true,
  },
  'ollama.model.pull_duration': { help: 'Seconds a pull took.', buckets: PULLS, seconds: true },
  'ollama.health.check_duration': {
    help: 'Seconds a look at a server took.',
    buckets: CHECKS,
    seconds: true,
  },
};

const LABELS = ['model', 'host', 'outcome'] as const;
type Labels = Record<(typeof LABELS)[number], string>;

/** A caller chooses models' names: only those with which something went well are told, and not without an end, as each is a series that is kept for good. */
const MOST_MODELS = 200;

/** The measurements of this process, as Prometheus reads them. */
export interface Exporter {
  readonly contentType: string;
  render(): Promise<string>;
  /** Listens no longer. */
  close(): void;
}

/** Listens to what is measured from now on. */
export function openExporter(): Exporter {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const take = new Map(
    Object.entries(SERIES).map(([name, series]) => [name, openSeries(registry, name, series)] as const),
  );
  const models = new Set<string>();
  const bounded = ({ model = '', outcome }: MetricLabels): string => {
    if (outcome === 'ok' && model !== '' && models.size < MOST_MODELS) models.add(model);
    return model === '' || models.has(model) ? model : 'other';
  };
  const listen = (message: unknown): void => {
    const { name, value, labels } = message as { name: string; value: number; labels: MetricLabels };
    take.get(name)?.(value, {
      model: bounded(labels),
      host: labels.host,
      outcome: labels.outcome,
    });
  };
  subscribe(METRICS_CHANNEL, listen);
  return {
    contentType: registry.contentType,
    render: async () => await registry.metrics(),
    close: () => {
      unsubscribe(METRICS_CHANNEL, listen);
      registry.clear();
    },
  };
}

function openSeries(
  registry: Registry,
  metric: string,
  { help, buckets, seconds }: Series,
): (value: number, labels: Labels) => void {
  const base = metric.replaceAll('.', '_');
  const shared = { help, labelNames: LABELS, registers: [registry] };
  if (buckets === undefined) {
    const counter = new Counter({ name: base, ...shared });
    return (value, labels) => counter.inc(labels, value);
  }
  const name = seconds === true ? `${base}_seconds` : base;
  const histogram = new Histogram({ name, ...shared, buckets: [...buckets] });
  return (value, labels) => histogram.observe(labels, seconds === true ? value / 1000 : value);
}

/** Declares `/metrics`. */
export function metricsRoute(app: FastifyInstance, exporter: Exporter): void {
  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'getMetrics',
        tags: ['gateway'],
        summary: 'What was measured, as Prometheus reads it',
        response: {
          200: {
            description: "Prometheus' text format; durations in seconds.",
            content: { 'text/plain': { schema: { type: 'string' } } },
          },
          ...errorResponses(),
        },
      },
    },
    async (_request, reply) =>
      await reply.header('content-type', exporter.contentType).send(await exporter.render()),
  );
}
