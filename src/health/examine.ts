import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { unreachable, type HealthCheck, type HealthReport } from '../core/health.js';
import { timeLimit } from '../core/time-limit.js';
import { formatBytes } from '../format/bytes.js';
import { describeSystem, type SystemFacts } from './system.js';
import type { ModelSight } from './model-checks.js';
import type { Probe } from './probe.js';
import { nextStepFor } from './next-step.js';

/** What to look at besides the server itself. */
export interface Examination {
  readonly model?: string | undefined;
  /** Have a model answer, which loads it. */
  readonly probe?: boolean | undefined;
}

/** All that was found out. The report's checks are all of them, and its status is their verdict. */
export interface Verdict {
  readonly report: HealthReport;
  readonly system: SystemFacts;
  readonly model?: string | undefined;
  readonly available?: boolean | undefined;
  readonly loaded?: boolean | undefined;
  readonly probe?: Probe | undefined;
}

/** A server that says nothing for so long is not well, whatever a chat may wait. In milliseconds. */
const LIMIT_MS = 10_000;
/** Less room than this, and hardly a model can be pulled. In bytes. */
const LITTLE_ROOM = 5e9;

/** Looks at the server in use, and at all that is asked for besides. Throws `interrupted` alone. */
export async function examine(context: Context, { model, probe }: Examination): Promise<Verdict> {
  const first = await askHealth(context);
  if (first.error) {
    const { diagnose } = await import('./diagnose.js');
    const { error, checks } = await diagnose(context, first.error);
    const absent: HealthCheck[] =
      model === undefined
        ? []
        : [{ name: 'model', status: 'skip', detail: `${model} could not be asked for` }];
    const report = { ...unreachable(error), checks: [...checks, ...absent] };
    return { report, model, system: describeSystem(context, undefined, undefined) };
  }
  const system = describeSystem(context, first.version, first.tellsRunning ? first.running : undefined);
  const { proxyCheck } = await import('./diagnose.js');
  const sight = await lookAtModels(context, first, { model, probe });
  const checks = [
    ...first.checks.map((check) => withStep(context, check)),
    ...proxyCheck(context),
    ...(await diskCheck(context)),
    ...sight.checks,
    systemCheck(system),
  ];
  const status = checks.some((check) => check.status === 'fail') ? 'degraded' : 'healthy';
  return { ...sight, report: { ...first, checks, status }, system, model };
}

/** A failed check without a step of its own is one of the server's. */
function withStep({ io, client }: Context, check: HealthCheck): HealthCheck {
  if (check.status !== 'fail' || check.hint !== undefined) return check;
  const error = new OllamaError('server_error', check.detail, { status: 500 });
  const hint = nextStepFor(error, { platform: io.platform, host: client.host });
  return hint === undefined ? check : { ...check, hint };
}

async function askHealth({ io, client, settings, flags }: Context): Promise<HealthReport> {
  const told = settings.timeouts.response ?? LIMIT_MS;
  const limit = flags.timeout === undefined ? Math.min(told, LIMIT_MS) : told;
  const bound = timeLimit(
    io.signal,
    limit,
    () =>
      new OllamaError(
        'timeout',
        `${client.host.url} takes the connection and says nothing for ${limit / 1000} s.`,
        {
          host: client.host.url,
          reason: 'silent',
        },
      ),
  );
  try {
    return await client.health({ signal: bound.signal, force: true });
  } catch (error) {
    if (!isOllamaError(error) || io.signal.aborted) throw error;
    return unreachable(error);
  } finally {
    bound.stop();
  }
}

async function lookAtModels(
  context: Context,
  told: HealthReport,
  { model, probe: wantsProbe }: Examination,
): Promise<ModelSight> {
  if (model === undefined && wantsProbe !== true) return { checks: [] };
  const { listProbed, lookAtModel, probeFirst } = await import('./model-checks.js');
  const sight: ModelSight =
    model === undefined
      ? { checks: [] }
      : await settleModel(context, async () => await lookAtModel(context, model, told));
  if (wantsProbe !== true || sight.available === false) return sight;
  const measured = await probeFirst(context, model === undefined ? listProbed(told) : [model], told);
  if (measured === undefined) {
    const detail = 'no model is installed that could be measured';
    return { checks: [...sight.checks, { name: 'probe', status: 'skip', detail }] };
  }
  return { ...sight, ...measured, checks: [...sight.checks, ...measured.checks] };
}

/** What can't be found out of a model fails its check, and not the whole. */
async function settleModel({ io, client }: Context, look: () => Promise<ModelSight>): Promise<ModelSight> {
  try {
    return await look();
  } catch (error) {
    if (!isOllamaError(error) || error.code === 'interrupted') throw error;
    const hint = nextStepFor(error, { platform: io.platform, host: client.host });
    const check: HealthCheck = { name: 'model', status: 'fail', detail: error.message };
    return { checks: [hint === undefined ? check : { ...check, hint }] };
  }
}

/** The room on the server's disk, where that can be seen: its models folder on this machine. */
async function diskCheck(context: Context): Promise<HealthCheck[]> {
  const { findModelsFolder, freeBytes } = await import('../models/folder.js');
  try {
    const folder = await findModelsFolder(context);
    if (folder?.confirmed !== true) return [];
    return [judgeRoom(await freeBytes(folder), folder.path)];
  } catch (error) {
    if (isOllamaError(error) && error.code === 'interrupted') throw error;
    // What can't be seen is no fault of the server.
    return [];
  }
}

/** The verdict on so much room, in bytes. */
export function judgeRoom(free: number, folder: string): HealthCheck {
  const detail = `${formatBytes(free)} free in ${folder}`;
  return free >= LITTLE_ROOM
    ? { name: 'disk', status: 'pass', detail }
    : {
        name: 'disk',
        status: 'warn',
        detail: `nearly full: ${detail}`,
        hint: 'ollama-cli prune --dry-run shows what could go; ollama-cli df what takes most',
      };
}

function systemCheck(system: SystemFacts): HealthCheck {
  const {
    client_version: client,
    server_version: server,
    platform,
    arch,
    node,
    vram_used_bytes: vram,
  } = system;
  const programs = [`ollama-cli ${client}`, ...(server === undefined ? [] : [`server ${server}`])];
  const memory = vram === undefined ? '' : `; the server claims ${formatBytes(vram)} of GPU memory in use`;
  const detail = `${programs.join(', ')}, on ${platform} ${arch}, Node ${node}${memory}`;
  return { name: 'system', status: 'pass', detail };
}
