import type { Layer } from '../config/layer.js';
import { contextForHost, type Context } from '../context.js';
import type { OllamaError } from '../core/errors.js';
import { parseHost } from '../core/url.js';
import { toOllamaError } from '../failure.js';

/** What came of asking one of several hosts; `host` is how it was named, never with a password. */
export type HostAnswer<Value> =
  | { readonly host: string; readonly context: Context; readonly value: Value }
  | { readonly host: string; readonly error: OllamaError };

/** How long a host may take where several are asked, in milliseconds: one that is gone is told soon. */
const CONNECT_MS = 2_000;
const RESPONSE_MS = 5_000;

/** How several hosts are asked. */
export interface AskOptions {
  /** False for what may take as long as it takes, such as a pull: then only connecting has its own, shorter limit. */
  readonly bounded?: boolean;
}

/** A host of `--on` as it is told: as it was named, an address with a password without it. */
export function labelHost(name: string): string {
  return name.includes('@') ? parseHost(name).display : name;
}

/**
 * Asks hosts side by side, all at once and from now on, and yields as each answers, so that none waits for another:
 * connecting takes 2 s at most, an answer 5 s unless `--timeout` says otherwise. What fails is that host's answer, and none
 * asks the person anything; throws `interrupted` alone.
 */
export function askHosts<Value>(
  ...asked: Parameters<typeof askHostsInTurns<Value>>
): AsyncGenerator<HostAnswer<Value>, void, undefined> {
  return oneByOne(askHostsInTurns(...asked));
}

async function* oneByOne<Item>(turns: AsyncIterable<readonly Item[]>): AsyncGenerator<Item, void, undefined> {
  for await (const items of turns) yield* items;
}

/** The same, and yields all that came at one time together: of a hundred, many do, and what is written once is there sooner. */
export function askHostsInTurns<Value>(
  context: Context,
  names: readonly string[],
  ask: (context: Context, host: string) => Promise<Value>,
  options: AskOptions = {},
): AsyncGenerator<readonly HostAnswer<Value>[], void, undefined> {
  const base = withLimits(context, options);
  const come: Come<Value> = { answers: [], wake: () => undefined };
  for (const name of names) {
    void askHost(base, name, ask).then((answer) => {
      come.answers.push(answer);
      come.wake();
    });
  }
  return takeAnswers(come, names.length);
}

/** The answers that have come and were not taken yet. */
interface Come<Value> {
  readonly answers: HostAnswer<Value>[];
  wake(): void;
}

async function* takeAnswers<Value>(
  come: Come<Value>,
  count: number,
): AsyncGenerator<readonly HostAnswer<Value>[], void, undefined> {
  for (let left = count; left > 0;) {
    if (come.answers.length === 0) await new Promise<void>((resolve) => (come.wake = resolve));
    // What else has come is read by then.
    await new Promise((resolve) => setImmediate(resolve));
    const answers = come.answers.splice(0);
    left -= answers.length;
    for (const answer of answers) {
      if ('error' in answer && answer.error.code === 'interrupted') throw answer.error;
    }
    yield answers;
  }
}

async function askHost<Value>(
  base: Context,
  name: string,
  ask: (context: Context, host: string) => Promise<Value>,
): Promise<HostAnswer<Value>> {
  const host = labelHost(name);
  try {
    const own = await contextForHost(base, name);
    // Whatever is advised is about this host, and of several at once none asks anything.
    const context = replaceIn(own, { flags: { ...own.flags, host: name, input: false } });
    return { host, context, value: await ask(context, host) };
  } catch (error) {
    return { host, error: toOllamaError(error) };
  }
}

/** The same context with the shorter limits, as if they were flags, from which those of the hosts are made. */
function withLimits(context: Context, { bounded = true }: AskOptions): Context {
  const { config, flags, settings } = context;
  const { connect, response = RESPONSE_MS } = settings.timeouts;
  const limits = [
    ['timeouts.connect', { value: Math.min(connect, CONNECT_MS) }] as const,
    ...(bounded && flags.timeout === undefined
      ? [['timeouts.response', { value: Math.min(response, RESPONSE_MS) }] as const]
      : []),
  ];
  const typed = config.layers.find(({ kind }) => kind === 'flag');
  const layer: Layer = { kind: 'flag', values: new Map([...(typed?.values ?? []), ...limits]) };
  const layers = [...config.layers.filter((one) => one !== typed), layer];
  return replaceIn(context, { config: { ...config, layers } });
}

/** The same context with parts replaced; a client that can't be had is not looked at here, where it would throw. */
export function replaceIn(
  context: Context,
  parts: Partial<Pick<Context, 'config' | 'flags' | 'client'>>,
): Context {
  const { io, settings, typedHeaders } = context;
  return {
    io,
    settings,
    flags: parts.flags ?? context.flags,
    config: parts.config ?? context.config,
    get mode() {
      return context.mode;
    },
    get progressMode() {
      return context.progressMode;
    },
    get client() {
      return parts.client ?? context.client;
    },
    ...(typedHeaders === undefined ? {} : { typedHeaders }),
  };
}
