import { askOrDecline } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { failureJson, sumErrors, toFailure } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import {
  chooseTargets,
  describeTargets,
  freedLine,
  openFreed,
  removalErrors,
  removeAll,
  totalOf,
  type MeasureFreed,
  type Removal,
  type Target,
} from '../models/removal.js';
import { checkFields, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { writeText } from '../output/write.js';
import { askHosts, labelHost } from './many.js';
import { endHosts, hostJson, readOn, tellHostFailure } from './on.js';

/** What `rm` is told, for one host or several. */
export interface RmFlags {
  readonly dryRun?: boolean;
  readonly ignoreMissing?: boolean;
  readonly yes?: boolean;
  readonly force?: boolean;
}

const ITEM_FIELDS = ['host', 'name', 'size'];

/** What is to go from one host, and what has gone so far. */
interface Work {
  readonly host: string;
  readonly url: string;
  readonly targets: readonly Target[];
  readonly measure: MeasureFreed;
  readonly outcome: Removal;
}

/** What happened on one host, or that nothing could. */
type Part = Work | { readonly host: string; readonly error: OllamaError };

/**
 * Removes models from several hosts side by side: each is asked what it has, all that goes is told, and one question is asked
 * for all. Throws `declined`, and the one error of the hosts that failed.
 */
export async function removeOn(
  context: Context,
  on: readonly string[],
  words: readonly string[],
  flags: RmFlags,
): Promise<void> {
  checkFields(readFields(context.flags) ?? [], ITEM_FIELDS);
  const names = readOn(context, on);
  const asks = flags.dryRun !== true && flags.yes !== true && flags.force !== true;
  const isTold = asks || flags.dryRun === true || context.mode === 'json' || context.flags.quiet !== true;
  const parts = new Map<string, Part>();
  const failed = async (host: string, error: OllamaError): Promise<void> => {
    parts.set(host, { host, error });
    if (context.mode !== 'json' && names.length > 1) await tellHostFailure(context, { host, error });
  };
  for await (const answer of askHosts(context, names, async (host) => await plan(host, words, isTold))) {
    const { host } = answer;
    if ('value' in answer) parts.set(host, { host, ...answer.value });
    else await failed(host, answer.error);
  }
  const inOrder = (): Part[] => names.flatMap((name) => parts.get(labelHost(name)) ?? []);
  const works = inOrder().filter((part) => 'targets' in part);
  if (flags.dryRun === true) await tellPlan(context, works);
  else {
    if (asks && works.some(({ targets }) => knownOf(targets).length > 0)) await confirm(context, works);
    const living = names.filter((name) => works.some(({ host }) => host === labelHost(name)));
    const remove = async (host: Context, label: string): Promise<void> => {
      const work = works.find((one) => one.host === label);
      if (work)
        await removeAll(host, work.targets, work.outcome, async (one) => await say(context, work, one));
    };
    try {
      for await (const answer of askHosts(context, living, remove, { bounded: false })) {
        if ('error' in answer) failRest(works, answer.host, answer.error);
      }
    } catch (error) {
      // Ctrl-C between two of them: what is gone is told all the same.
      if (context.mode === 'json') await writeDocument(context, inOrder(), flags);
      throw error;
    }
  }
  if (context.mode === 'json') await writeDocument(context, inOrder(), flags);
  endHosts(await errorsOf(context, inOrder(), flags, names.length > 1), names.length);
}

/** What stopped the removals of a host is the failure of all that has not gone. */
function failRest(works: readonly Work[], host: string, error: OllamaError): void {
  for (const { targets, outcome } of works.filter((work) => work.host === host)) {
    const settled = new Set([
      ...outcome.missing,
      ...[...outcome.removed, ...outcome.failed].map(({ name }) => name),
    ]);
    const rest = targets.filter(({ name }) => !settled.has(name));
    outcome.failed.push(...rest.map(({ name }) => ({ name, error })));
  }
}

async function plan(
  context: Context,
  words: readonly string[],
  isTold: boolean,
): Promise<Omit<Work, 'host'>> {
  const { io, client } = context;
  const installed = await client.list({ signal: io.signal, force: true });
  const { targets, unmatched } = chooseTargets(words, installed);
  const measure = await openFreed(context, installed, targets, isTold);
  return { url: client.host.url, targets, measure, outcome: { removed: [], missing: unmatched, failed: [] } };
}

function knownOf(targets: readonly Target[]): Target[] {
  return targets.filter(({ size }) => size !== undefined);
}

/** What goes from each host, and what that frees there. */
function planLines(works: readonly Work[]): string {
  return works
    .map(({ host, targets, measure }) => {
      const known = knownOf(targets);
      if (known.length === 0) return `${cleanLine(host)}: nothing would be removed\n`;
      const freed =
        freedLine(measure(known), 'would be freed') || `At most ${totalOf(known)} would be freed.`;
      return `${cleanLine(host)}: ${freed}\n${describeTargets(known)}`;
    })
    .join('');
}

async function tellPlan({ io, mode }: Context, works: readonly Work[]): Promise<void> {
  for (const { targets, outcome } of works) {
    outcome.removed.push(...knownOf(targets));
    outcome.missing.push(...targets.filter(({ size }) => size === undefined).map(({ name }) => name));
  }
  if (mode !== 'json') await writeText(io.stdout, planLines(works), io.signal);
}

async function confirm(context: Context, works: readonly Work[]): Promise<void> {
  const going = works.filter(({ targets }) => knownOf(targets).length > 0);
  const count = going.reduce((sum, { targets }) => sum + knownOf(targets).length, 0);
  if (context.mode !== 'json') context.io.stderr.write(planLines(going));
  const what = count === 1 ? 'this model' : `these ${count} models`;
  const hosts = going.map(({ host }) => cleanLine(host)).join(', ');
  const all = totalOf(going.flatMap(({ targets }) => targets));
  if (await askOrDecline(context, `Remove ${what} (${all}) from ${hosts}?`)) return;
  throw new OllamaError('declined', 'Nothing was removed.');
}

async function say({ io, mode, flags }: Context, { host }: Work, { name, size }: Target): Promise<void> {
  if (mode === 'json' || flags.quiet === true) return;
  const bytes = size === undefined ? '' : `, ${formatBytes(size)}`;
  await writeText(io.stdout, `${cleanLine(host)}: removed ${cleanLine(name)}${bytes}\n`, io.signal);
}

/** Why a host counts as failed, if it does. */
function errorOf(part: Part, flags: RmFlags): OllamaError | undefined {
  if ('error' in part) return part.error;
  const { outcome, url: host } = part;
  const { errors, message } = removalErrors(outcome, host, flags);
  return sumErrors(errors, outcome.removed.length, { message, host });
}

async function errorsOf(
  context: Context,
  parts: readonly Part[],
  flags: RmFlags,
  areTold: boolean,
): Promise<{ host: string; error: OllamaError }[]> {
  const failed: { host: string; error: OllamaError }[] = [];
  for (const part of parts) {
    const { host } = part;
    const error = errorOf(part, flags);
    if (error === undefined) continue;
    failed.push({ host, error });
    // That a host did not answer has been told when it was known.
    if (areTold && context.mode !== 'json' && !('error' in part))
      await tellHostFailure(context, { host, error });
  }
  return failed;
}

async function writeDocument({ io, flags }: Context, parts: readonly Part[], own: RmFlags): Promise<void> {
  const works = parts.filter((part) => 'targets' in part);
  const hosts = parts.map((part) => {
    const { host } = part;
    const error = errorOf(part, own);
    const state = error === undefined ? { host, ok: true } : hostJson({ host, error });
    if ('error' in part) return state;
    const freed = part.measure(part.outcome.removed);
    const { missing } = part.outcome;
    const bytes = freed?.known === true ? { freed_bytes: freed.bytes } : {};
    return { ...state, url: part.url, ...(missing.length === 0 ? {} : { missing }), ...bytes };
  });
  const document = {
    ...(own.dryRun === true ? { dry_run: true } : {}),
    hosts,
    removed: works.flatMap(({ host, outcome }) =>
      outcome.removed.map(({ name, size }) => (size === undefined ? { host, name } : { host, name, size })),
    ),
    missing: [...new Set(works.flatMap(({ outcome }) => outcome.missing))],
    failed: works.flatMap(({ host, outcome }) =>
      outcome.failed.map(({ name, error }) => ({ host, name, error: failureJson(toFailure(error)) })),
    ),
  };
  const fields = readFields(flags);
  await writeJson(io, fields === undefined ? document : pickFields(document, 'removed', fields, ITEM_FIELDS));
}
