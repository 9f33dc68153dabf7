import { isSameHost } from '../config/host-text.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { parseHost } from '../core/url.js';
import { failureJson, sumOf, toFailure, type Failure } from '../failure.js';
import { cleanLine } from '../format/clean.js';
import { throughHost } from '../next-step.js';
import { writeLines } from '../output/write.js';
import type { HostAnswer } from './many.js';
import { hostNotFound, isBareName } from './resolve-host.js';

/** The word of `--on` that stands for every configured host. */
const ALL = 'all';

/**
 * The hosts that `--on` names, each once: configured ones by their names, addresses as they are where neither a name nor
 * another address stands for the same server, and every configured one for `all`. Throws `usage` beside `-H` or `--header` and where there is none, and `host_not_found` with the nearest names.
 */
export function readOn({ flags, settings }: Context, on: readonly string[]): readonly string[] {
  if (flags.host !== undefined) {
    throw new OllamaError('usage', '-H names one host and --on several: give one of the two.');
  }
  if (flags.header !== undefined) {
    throw new OllamaError('usage', '--header is for one host, and --on names several.', {
      hint: 'Keep it with its host: ollama-cli hosts add NAME ADDRESS --header-file FILE',
    });
  }
  const configured = Object.keys(settings.hosts);
  const words = on.flatMap((value) => value.split(',')).map((word) => word.trim());
  const names = words
    .filter((word) => word !== '')
    .flatMap((word) => (word === ALL && !configured.includes(ALL) ? allOf(configured) : [word]));
  if (names.length === 0) {
    throw new OllamaError('usage', 'Which hosts --on means is missing.', {
      hint: '--on gpu,laptop; --on all',
    });
  }
  const named = new Set(names.filter((name) => configured.includes(name)));
  const asked = new Set([...named].map((name) => parseHost(settings.hosts[name]?.url ?? name).url));
  return [...new Set(names)].filter((name) => {
    if (named.has(name)) return true;
    if (isBareName(name)) throw hostNotFound(name, configured);
    const { url } = parseHost(name);
    const isFirst = !asked.has(url);
    asked.add(url);
    return isFirst;
  });
}

function allOf(configured: readonly string[]): readonly string[] {
  if (configured.length > 0) return configured;
  throw new OllamaError('usage', 'No hosts are configured, so --on all means none.', {
    hint: 'ollama-cli hosts add NAME ADDRESS',
  });
}

/** A host's part of what is told in JSON, besides its items. */
export function hostJson(
  answer: HostAnswer<unknown>,
  settings?: Context['settings'],
): {
  readonly host: string;
  readonly url?: string;
  readonly ok: boolean;
  readonly error?: Record<string, unknown>;
} {
  if ('error' in answer)
    return { host: answer.host, ok: false, error: failureJson(failureOf(answer, settings)) };
  return { host: answer.host, url: answer.context.client.host.url, ok: true };
}

/** A host's failure as it is told: its commands reach that host. */
function failureOf({ host, error }: FailedHost, settings?: Context['settings']): Failure {
  const own = settings && Object.hasOwn(settings.hosts, host) ? settings.hosts[host] : undefined;
  const isOwn = own !== undefined && error.host !== undefined && isSameHost(own.url, error.host);
  return toFailure(error, { hostFlag: host, host: isOwn ? { name: host, url: error.host } : undefined });
}

/** One host of several that failed, by how it was named. */
interface FailedHost {
  readonly host: string;
  readonly error: OllamaError;
}

/** Where the server itself is in doubt, one look at it says the most. */
const IN_DOUBT = ['unreachable', 'timeout', 'tls', 'protocol', 'server_error'];

function nextStep(host: string, { code, steps, hint }: Failure): string {
  if (IN_DOUBT.includes(code)) return throughHost('ollama-cli health', host);
  return steps[0]?.command ?? hint;
}

/** Tells people on stderr, in one line where it fits, that one host of several failed, and what to do next. */
export async function tellHostFailure({ io, settings }: Context, answer: FailedHost): Promise<void> {
  const { signLine } = await import('../output/failure-text.js');
  const { openLook } = await import('../output/look.js');
  const look = await openLook(io, io.stderr, settings);
  const failure = failureOf(answer, settings);
  const host = cleanLine(answer.host);
  const message = failure.message.replaceAll('\n', ' ');
  const words = message.startsWith(host) ? message : `${host}: ${message}`;
  const next = cleanLine(nextStep(answer.host, failure));
  const text = next === '' ? words : `${words} Next: ${next}`;
  const sign = look.styles.bad(look.symbols.cross);
  await writeLines(io.stderr, signLine(sign, text, look.isTerminal ? look.width : Infinity));
}

/** What a script is told to do next about several: a look at those that don't answer, else the first one's own step. */
export function nextOfHosts(failed: readonly FailedHost[]): string | undefined {
  const doubtful = failed.filter(({ host, error: { code } }) => IN_DOUBT.includes(code) && isBareName(host));
  if (doubtful.length > 0) return `ollama-cli hosts test ${doubtful.map(({ host }) => host).join(' ')}`;
  const [first] = failed;
  const next = first && nextStep(first.host, failureOf(first));
  return next === '' ? undefined : next;
}

/**
 * Throws the one error of the hosts that failed: the only one where no other was asked, else a sum with the code that all
 * share, or `partial`.
 */
export function endHosts(failed: readonly FailedHost[], asked: number): void {
  const [first] = failed;
  if (!first) return;
  if (asked === 1) throw first.error;
  const names = failed.map(({ host }) => host).join(', ');
  const error = sumOf(
    failed.map((one) => one.error),
    asked - failed.length,
    { message: `${failed.length} of ${asked} hosts failed: ${names}.`, hint: nextOfHosts(failed) },
  );
  if (error) throw error;
}
