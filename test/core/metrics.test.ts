import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { metrics as openTelemetry } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chatRequest, startConversation, withMessage } from '../../src/core/chat.js';
import { OllamaClient, type ClientOptions } from '../../src/core/client.js';
import {
  addMetricsListener,
  isMeasured,
  METRICS,
  METRICS_CHANNEL,
  type Measurement,
} from '../../src/core/metrics.js';
import { recordWithOpenTelemetry } from '../../src/core/metrics-otel.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve } from '../support/fault-server.js';

const MODEL = 'llama3.2:1b';
const QUICK: ClientOptions = { env: {}, retry: { attempts: 3, delay: 1, max_delay: 5 } };

let sandbox: Sandbox;
let heard: Measurement[];
beforeEach(async () => {
  heard = [];
  sandbox = await startSandbox({ installed: [MODEL], tokensPerSecond: Infinity, loadMs: 1, scale: 0.001 });
});
afterEach(async () => await sandbox.close());

const open = (url = sandbox.url): OllamaClient =>
  new OllamaClient(url, { ...QUICK, onMetric: (name, value, labels) => heard.push({ name, value, labels }) });
const ask = (content: string, model = MODEL) =>
  chatRequest(withMessage(startConversation(model), { role: 'user', content }));
const drain = async (events: AsyncIterable<unknown>): Promise<number> => {
  let count = 0;
  for await (const event of events) count += event === undefined ? 0 : 1;
  return count;
};
const named = (name: string): Measurement[] => heard.filter((measurement) => measurement.name === name);
const valueOf = (name: string): number | undefined => named(name)[0]?.value;

describe('what is measured', () => {
  it('is each call, with its host and outcome', async () => {
    await open().version();
    expect(heard).toEqual([
      {
        name: 'ollama.request.duration',
        value: expect.any(Number),
        labels: { host: sandbox.url, outcome: 'ok' },
      },
    ]);
    expect(heard[0]?.value).toBeGreaterThan(0);
  });

  it('is in milliseconds, to the end of the answer', async () => {
    const server = await serve({
      headers: { 'content-type': 'application/json' },
      body: ['{"version":', { wait: 120 }, '"1.2.3"}'],
    });
    await open(server.url).version();
    await server.close();
    // Not seconds, and not only to the head of the answer.
    expect(valueOf('ollama.request.duration')).toBeGreaterThan(100);
    expect(valueOf('ollama.request.duration')).toBeLessThan(30_000);
  });

  it('is an answer: its time, pieces, tokens and speed', async () => {
    let pieces = 0;
    let total = 0;
    for await (const event of open().chat(ask('Say hello'))) {
      if (event.type === 'done') total = event.metrics.total_tokens;
      else pieces += 1;
    }
    const labels = { model: MODEL, host: sandbox.url, outcome: 'ok' };
    expect(heard.map(({ labels: about }) => about)).toEqual(heard.map(() => labels));
    expect(heard.map(({ name }) => name).sort()).toEqual([
      'ollama.request.duration',
      'ollama.stream.chunks',
      'ollama.throughput.tokens_per_second',
      'ollama.tokens.completion',
      'ollama.tokens.prompt',
      'ollama.tokens.total',
    ]);
    expect(valueOf('ollama.stream.chunks')).toBe(pieces);
    expect(valueOf('ollama.tokens.total')).toBe(total);
    expect((valueOf('ollama.tokens.prompt') ?? 0) + (valueOf('ollama.tokens.completion') ?? 0)).toBe(total);
    expect(valueOf('ollama.tokens.prompt')).toBeGreaterThan(0);
    expect(valueOf('ollama.throughput.tokens_per_second')).toBeGreaterThan(0);
  });

  it('is a completion just so', async () => {
    await drain(open().generate({ model: MODEL, prompt: 'Once' }));
    expect(named('ollama.tokens.total')).toHaveLength(1);
  });

  it('is a list and a look at one model, and nothing that was kept', async () => {
    const client = open();
    await client.list();
    await client.list();
    await client.show(MODEL);
    expect(named('ollama.model.check_duration').map(({ labels }) => labels.model)).toEqual([
      undefined,
      MODEL,
    ]);
    expect(named('ollama.request.duration')).toHaveLength(2);
  });

  it('is a pull with its outcome', async () => {
    await drain(open().pullModelStream('gemma3:1b'));
    await drain(open().pullModelStream('no-such-model', { retries: 1 }));
    expect(named('ollama.model.pull_duration').map(({ labels }) => labels)).toEqual([
      { model: 'gemma3:1b', host: sandbox.url, outcome: 'ok' },
      { model: 'no-such-model', host: sandbox.url, outcome: 'model_not_found' },
    ]);
  });

  it('is a verdict on the health, of a server that is there and of one that is not', async () => {
    await open().health();
    const away = `http://127.0.0.1:${await closedPort()}`;
    await open(away).health();
    expect(named('ollama.health.check_duration').map(({ labels }) => labels)).toEqual([
      { host: sandbox.url, outcome: 'ok' },
      { host: away, outcome: 'unreachable' },
    ]);
  });

  it('names a failure by its code', async () => {
    await expect(open().show('absent')).rejects.toMatchObject({ code: 'model_not_found' });
    expect(heard.map(({ labels }) => labels.outcome)).toEqual(['model_not_found', 'model_not_found']);
    heard = [];
    sandbox.setFaults([parseFault('error-line@50%')]);
    await drain(open().chat(ask('Say prose-50')));
    expect(heard.map(({ name, labels }) => `${name} ${labels.outcome}`)).toEqual([
      'ollama.request.duration server_error',
      'ollama.stream.chunks server_error',
    ]);
  });

  it('calls what was let go of interrupted', async () => {
    for await (const event of open().chat(ask('Say prose-50'))) if (event.type === 'token') break;
    expect(named('ollama.stream.chunks')[0]?.labels.outcome).toBe('interrupted');
    const pull = open().pullModelStream('gemma3:1b');
    await pull.next();
    await pull.return();
    expect(named('ollama.model.pull_duration')[0]?.labels.outcome).toBe('interrupted');
  });

  it('is the making of a model, and its failure', async () => {
    await drain(open().create({ model: 'mine', from: MODEL, system: 'Be brief.' }));
    await expect(drain(open().create({ model: 'mine', from: 'absent' }))).rejects.toThrow();
    const made = named('ollama.request.duration').map(({ labels }) => labels);
    expect(made).toEqual([
      { model: 'mine', host: sandbox.url, outcome: 'ok' },
      { model: 'mine', host: sandbox.url, outcome: expect.not.stringMatching(/^(ok|interrupted)$/) },
    ]);
  });

  it('counts the pieces that came, whether an answer is let go of or taken back', async () => {
    const stop = new AbortController();
    let pieces = 0;
    for await (const event of open().chat(ask('Say prose-50'), { signal: stop.signal })) {
      if (event.type === 'token') pieces += 1;
      if (pieces === 1) stop.abort();
    }
    expect(named('ollama.stream.chunks')).toMatchObject([
      { value: pieces, labels: { outcome: 'interrupted' } },
    ]);
  });

  it('never names a user or a password', async () => {
    await open(sandbox.url.replace('://', '://me:secret@')).version();
    expect(JSON.stringify(heard)).not.toMatch(/secret|me:/);
  });
});

describe('who hears of it', () => {
  it('is a listener for all clients, until it is taken off', async () => {
    const client = new OllamaClient(sandbox.url, QUICK);
    const all: string[] = [];
    const remove = addMetricsListener((name, value, labels) =>
      all.push(`${name} ${typeof value} ${labels.outcome}`),
    );
    await client.version();
    expect(all).toEqual(['ollama.request.duration number ok']);
    remove();
    expect(isMeasured()).toBe(false);
    await client.version();
    expect(all).toHaveLength(1);
  });

  it('is a client’s own listener for that client alone', async () => {
    await new OllamaClient(sandbox.url, QUICK).version();
    expect(heard).toEqual([]);
    await open().version();
    expect(heard).toHaveLength(1);
  });

  it('is the channel of node:diagnostics_channel', async () => {
    const messages: unknown[] = [];
    const hear = (message: unknown): void => void messages.push(message);
    subscribe(METRICS_CHANNEL, hear);
    await new OllamaClient(sandbox.url, QUICK).version();
    unsubscribe(METRICS_CHANNEL, hear);
    expect(messages).toEqual([
      {
        name: 'ollama.request.duration',
        value: expect.any(Number),
        labels: { host: sandbox.url, outcome: 'ok' },
      },
    ]);
  });

  it('is nobody where nobody asked: an answer is then passed on as it is', async () => {
    expect(isMeasured()).toBe(false);
    const plain = new OllamaClient(sandbox.url, QUICK).chatBatches(ask('hi'));
    const measured = open().chatBatches(ask('hi'));
    // Each function that generates has a prototype of its own: the second is one around the first.
    expect(Object.getPrototypeOf(plain)).not.toBe(Object.getPrototypeOf(measured));
    await plain.return();
    await measured.return();
  });
});

describe('OpenTelemetry, as a program brings it', () => {
  it('records every one of the metrics', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    openTelemetry.setGlobalMeterProvider(provider);
    const stop = recordWithOpenTelemetry(openTelemetry.getMeter('test'));
    const client = new OllamaClient(sandbox.url, QUICK);
    await client.health();
    await drain(client.chat(ask('Say hello')));
    await drain(client.pullModelStream('gemma3:1b'));
    await provider.forceFlush();
    stop();
    expect(isMeasured()).toBe(false);

    const told = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
    expect(told.map(({ descriptor }) => descriptor.name).sort()).toEqual([...METRICS].sort());
    const pull = told.find(({ descriptor }) => descriptor.name === 'ollama.model.pull_duration');
    expect(pull?.descriptor.unit).toBe('ms');
    expect(pull?.dataPoints[0]?.attributes).toEqual({
      model: 'gemma3:1b',
      host: sandbox.url,
      outcome: 'ok',
    });
    const tokens = told.find(({ descriptor }) => descriptor.name === 'ollama.tokens.total');
    expect(tokens?.dataPoints[0]?.value).toBeGreaterThan(0);
    await provider.shutdown();
    openTelemetry.disable();
  });
});
