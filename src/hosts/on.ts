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
 * The hosts that `--on` names, each once: configured ones by their names, addresses as they are, and every configured one
 * for `all`. Throws `usage` beside `-H` or `--header` and where there is none, and `host_not_found` with the nearest names.
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
  for (const name of names) {
    if (configured.includes(name)) continue;
    if (isBareName(name)) throw hostNotFound(name, configured);
    parseHost(name);
  }
  return [...new Set(names)];
}

function allOf(configured: readonly string[]): readonly string[] {
  if (configured.length > 0) return configured;
  throw new OllamaError('usage', 'No hosts are configured, so --on all means none.', {
    hint: 'ollama-cli hosts add NAME ADDRESS',
  });
}

/** A host's part of what is told in JSON, besides its items. */
export function hostJson(answer: HostAnswer<unknown>): {
  readonly host: string;
  readonly url?: string;
  readonly ok: boolean;
  readonly error?: Record<string, unknown>;
} {
  if ('error' in answer) return { host: answer.host, ok: false, error: failureJson(failureOf(answer)) };
  return { host: answer.host, url: answer.context.client.host.url, ok: true };
}

/** A host's failure as it is told: its commands reach that host. */
function failureOf({ host, error }: { readonly host: string; readonly error: OllamaError }): Failure {
  return toFailure(error, { hostFlag: host });
}

/** Where the server itself is in doubt, one look at it says the most. */
const IN_DOUBT = ['unreachable', 'timeout', 'tls', 'protocol', 'server_error'];

function nextStep(host: string, { code, steps, hint }: Failure): string {
  if (IN_DOUBT.includes(code)) return throughHost('ollama-cli health', host);
  return steps[0]?.command ?? hint;
}

/** Tells people on stderr, in one line where it fits, that one host of several failed, and what to do next. */
export async function tellHostFailure(
  { io, settings }: Context,
  answer: { readonly host: string; readonly error: OllamaError },
): Promise<void> {
  const { signLine } = await import('../output/failure-text.js');
  const { openLook } = await import('../output/look.js');
  const look = await openLook(io, io.stderr, settings);
  const failure = failureOf(answer);
  const host = cleanLine(answer.host);
  const message = failure.message.replaceAll('\n', ' ');
  const words = message.startsWith(host) ? message : `${host}: ${message}`;
  const next = cleanLine(nextStep(answer.host, failure));
  const text = next === '' ? words : `${words} Next: ${next}`;
  const sign = look.styles.bad(look.symbols.cross);
  await writeLines(io.stderr, signLine(sign, text, look.isTerminal ? look.width : Infinity));
}

/**
 * Throws the one error of the hosts that failed: the only one where no other was asked, else a sum with the code that all
 * share, or `partial`.
 */
export function endHosts(
  failed: readonly { readonly host: string; readonly error: OllamaError }[],
  asked: number,
): void {
  const [first] = failed;
  if (!first) return;
  if (asked === 1) throw first.error;
  const names = failed.map(({ host }) => host).join(', ');
  const error = sumOf(
    failed.map((one) => one.error),
    asked - failed.length,
    { message: `${failed.length} of ${asked} hosts failed: ${names}.` },
  );
  if (error) throw error;
}
