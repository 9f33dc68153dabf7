import type { Context } from '../context.js';
import type { HealthCheck } from '../core/health.js';
import type { Probe } from './probe.js';
import type { Verdict } from './examine.js';

/** The fields of the document that are there only where there is something to say. */
export const SOMETIMES = ['version', 'response_time_ms', 'model', 'model_available', 'model_loaded', 'probe'];

/** What `health --json` tells of one server; the first of its own words are cli.md's. */
export function verdictJson({ client }: Pick<Context, 'client'>, verdict: Verdict): Record<string, unknown> {
  const { report, model, available, loaded, probe, system } = verdict;
  return {
    host: client.host.url,
    status: report.status,
    ...(report.version === undefined ? {} : { version: report.version }),
    ...(report.responseTimeMs === undefined ? {} : { response_time_ms: report.responseTimeMs }),
    models: report.models.length,
    running: report.running.length,
    available_models: report.models.map(({ name }) => name),
    ...(model === undefined ? {} : { model, model_available: available === true }),
    ...(model === undefined || loaded === undefined ? {} : { model_loaded: loaded }),
    ...(probe === undefined ? {} : { probe: probeJson(probe) }),
    system,
    checks: report.checks.map(checkJson),
  };
}

function checkJson({ name, status, detail, hint, reason }: HealthCheck): object {
  return {
    ...{ name, status, detail },
    ...(hint === undefined ? {} : { hint }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function probeJson({ model, tokens, tokensPerSecond, firstTokenMs, spanMs, chunks, loadMs }: Probe): object {
  return {
    model,
    tokens,
    tokens_per_second: tokensPerSecond,
    time_to_first_token_ms: firstTokenMs,
    stream_ms: spanMs,
    chunks,
    load_ms: loadMs,
  };
}
