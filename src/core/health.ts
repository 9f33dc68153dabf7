import type { OllamaClient } from './client.js';
import { OllamaError, isOllamaError, type FailureReason } from './errors.js';
import { FEATURES, isNewerThanKnown, lackingFeatures } from './features.js';
import type { InstalledModel, RunningModel } from './wire.js';

export type CheckStatus = 'pass' | 'warn' | 'fail' | 'skip';

/** One thing that was looked at. `hint` is one next step in neutral words. */
export interface HealthCheck {
  readonly name: string;
  readonly status: CheckStatus;
  readonly detail: string;
  readonly hint?: string;
  /** What exactly failed, where that is known. */
  readonly reason?: FailureReason;
}

/** The verdict on a server. A warning never changes it, any failed check makes it `degraded`. */
export interface HealthReport {
  readonly status: 'healthy' | 'degraded' | 'unreachable';
  readonly version: string | undefined;
  /** Of the first answer, in milliseconds. */
  readonly responseTimeMs: number | undefined;
  readonly models: readonly InstalledModel[];
  readonly running: readonly RunningModel[];
  /** False where the server does not tell what is loaded. */
  readonly tellsRunning: boolean;
  readonly checks: readonly HealthCheck[];
  /** Why the server could not be reached. */
  readonly error: OllamaError | undefined;
}

/** Asks a server how it is: whether it answers, its version, what is installed and loaded. Throws only `interrupted`. */
export async function checkHealth(client: OllamaClient, now: () => number): Promise<HealthReport> {
  const before = now();
  const version = await settle(client.version());
  const responseTimeMs = Math.round(now() - before);
  if (version instanceof OllamaError && !isOlderThanRoute(version)) return unreachable(version);

  const [models, running] = await Promise.all([
    settle(client.list({ force: true })),
    settle(client.running()),
  ]);
  // A server that tells neither its version nor its models is none that a client can work with.
  if (models instanceof OllamaError && version instanceof OllamaError) return unreachable(models);

  const checks: HealthCheck[] = [
    { name: 'server', status: 'pass', detail: `${client.host.url} answers in ${responseTimeMs} ms` },
    versionCheck(version),
    modelsCheck(models, running),
    ...gpuChecks(running instanceof OllamaError ? [] : running),
  ];
  return {
    status: checks.some((check) => check.status === 'fail') ? 'degraded' : 'healthy',
    version: version instanceof OllamaError ? undefined : version,
    responseTimeMs,
    models: models instanceof OllamaError ? [] : models,
    running: running instanceof OllamaError ? [] : running,
    tellsRunning: !(running instanceof OllamaError),
    checks,
    error: undefined,
  };
}

/** A server before 0.1.15 knows no `/api/version`, one before 0.1.38 no `/api/ps`. */
function isOlderThanRoute(error: OllamaError): boolean {
  return error.code === 'server_error' && error.status === 404;
}

async function settle<Value>(answer: Promise<Value>): Promise<Value | OllamaError> {
  try {
    return await answer;
  } catch (error) {
    if (isOllamaError(error) && error.code !== 'interrupted') return error;
    throw error;
  }
}

/** What went wrong in words that say where, and with which status: a server's own words say neither. */
export function describeError({ host, status, message }: OllamaError): string {
  if (host === undefined || status === undefined || message.includes(host)) return message;
  return `${host} ${message.includes(String(status)) ? 'says' : `answers ${status}`}: ${message}`;
}

/** The report on a server that could not be asked. */
export function unreachable(error: OllamaError): HealthReport {
  const answered =
    error.code === 'protocol' || error.code === 'unauthorized' || error.code === 'server_error';
  const check: HealthCheck = {
    name: 'server',
    status: 'fail',
    detail: describeError(error),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.reason === undefined ? {} : { reason: error.reason }),
  };
  return {
    status: answered ? 'degraded' : 'unreachable',
    version: undefined,
    responseTimeMs: undefined,
    models: [],
    running: [],
    tellsRunning: false,
    checks: [check],
    error,
  };
}

const MOST_NAMED = 3;

function versionCheck(version: string | OllamaError): HealthCheck {
  if (version instanceof OllamaError) {
    return {
      name: 'version',
      status: 'warn',
      detail: 'the server is too old to tell its version',
      hint: 'Update Ollama there.',
    };
  }
  const note = version.endsWith('-sandbox') ? ' (a sandbox, not Ollama: no model runs here)' : '';
  const lacking = lackingFeatures(version).map((feature) => FEATURES[feature].what);
  if (lacking.length > 0) {
    const more = lacking.length > MOST_NAMED ? `; and ${lacking.length - MOST_NAMED} more` : '';
    return {
      name: 'version',
      status: 'warn',
      detail: `${version}${note} is too old for: ${lacking.slice(0, MOST_NAMED).join('; ')}${more}`,
      hint: 'Update Ollama there: https://ollama.com/download.',
    };
  }
  if (isNewerThanKnown(version)) {
    return {
      name: 'version',
      status: 'warn',
      detail: `${version} is newer than this client has been tried with`,
      hint: 'Look for a newer client: npm install -g ollama-cli@latest.',
    };
  }
  return { name: 'version', status: 'pass', detail: `${version}${note}` };
}

function modelsCheck(
  models: InstalledModel[] | OllamaError,
  running: RunningModel[] | OllamaError,
): HealthCheck {
  if (models instanceof OllamaError) {
    return {
      name: 'models',
      status: 'fail',
      detail: `the list of models could not be read: ${describeError(models)}`,
    };
  }
  const loaded = running instanceof OllamaError ? 'what is loaded is not told' : `${running.length} loaded`;
  if (models.length === 0) {
    return {
      name: 'models',
      status: 'warn',
      detail: 'none installed',
      hint: 'Pull one, for example llama3.2:1b.',
    };
  }
  return { name: 'models', status: 'pass', detail: `${models.length} installed, ${loaded}` };
}

/** The split is what the server expects when it loads, not a measurement; it is worded so. */
function gpuChecks(running: readonly RunningModel[]): HealthCheck[] {
  return running
    .filter((model) => model.size > 0 && model.size_vram > 0 && model.size_vram < model.size)
    .map((model) => ({
      name: 'gpu',
      status: 'warn' as const,
      detail: `${model.name} sits to ${Math.round((1 - model.size_vram / model.size) * 100)}% in system memory by the server's account, so it answers slowly`,
      hint: 'Take a smaller model or quantization, or a smaller num_ctx.',
    }));
}
