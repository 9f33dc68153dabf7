import type { Outcome, Register } from '../command.js';
import type { Context } from '../context.js';
import { isOllamaError, type OllamaError } from '../core/errors.js';
import { checkModelName } from '../core/model-name.js';
import { failureJson, toFailure } from '../failure.js';
import { openEventWriter, readFields } from '../output/fields.js';
import { SCHEMA_VERSION } from '../output/json.js';

interface WaitFlags {
  readonly model?: string;
  readonly load?: boolean;
}

/** A wait without an end would be a trap for scripts. */
const USUAL_LIMIT = '60s';

/** Declares `wait`. */
export const register: Register = (program, action) => {
  program
    .command('wait')
    .helpGroup('Server:')
    .summary('until the server, or a model, is ready')
    .description(
      `Asks again and again until the server answers, or has a model; for ${USUAL_LIMIT} unless --timeout says otherwise (--timeout none: as long as it takes). What no waiting mends, such as a wrong certificate or a refused token, ends it at once.`,
    )
    .option('--model <model>', 'until this model is installed')
    .option('--load', 'and has the server load it, and waits until it is')
    .action(action(wait, { refused: () => ({ start: {} }) }));
};

async function wait(context: Context, flags: WaitFlags): Promise<Outcome> {
  const { io, client, mode } = context;
  const { model, load } = flags;
  const toJson = (error: OllamaError): object =>
    failureJson(toFailure(error, { hostFlag: context.flags.host }));
  const { parseFlag, parseTimeLimit } = await import('../config/duration.js');
  const limitMs = parseFlag('--timeout', context.flags.timeout ?? USUAL_LIMIT, parseTimeLimit);
  const json = mode === 'json';
  const write = openEventWriter(io, readFields(context.flags), ['host', 'model', 'n', 'error', 'waited_ms']);
  const about = { host: client.host.url, ...(model === undefined ? {} : { model }) };
  if (json) await write({ type: 'start', schema_version: SCHEMA_VERSION, ...about });
  try {
    if (model !== undefined) checkModelName(model);
    if (load === true && model === undefined) {
      const { OllamaError } = await import('../core/errors.js');
      throw new OllamaError('usage', 'Which model --load means is missing: give --model too.');
    }
    const { waitUntilReady } = await import('../health/wait-until.js');
    const progress = json ? undefined : await openProgress(context, model);
    try {
      const awaited = { model, load, limitMs, signal: io.signal, now: () => io.now() };
      const waited = await waitUntilReady(client, awaited, async (n, error) => {
        progress?.tell(error);
        if (json) await write({ type: 'attempt', n, error: toJson(error) });
      });
      progress?.end();
      if (json) await write({ type: 'result', waited_ms: waited, ...about });
      else if (context.flags.quiet !== true) await tellReady(context, model, waited);
    } finally {
      progress?.end();
    }
  } catch (error) {
    if (json && isOllamaError(error)) await write({ type: 'error', error: toJson(error) });
    throw error;
  }
}

async function tellReady({ io, client }: Context, model: string | undefined, waited: number): Promise<void> {
  const { formatMs } = await import('../format/duration.js');
  const { writeText } = await import('../output/write.js');
  const { cleanLine } = await import('../format/clean.js');
  const what = model === undefined ? client.host.url : `${model} on ${client.host.url}`;
  await writeText(io.stdout, `${cleanLine(what)} is ready, after ${formatMs(waited)}\n`, io.signal);
}

/** What is waited for, on a terminal: elsewhere nothing is said until it is there. */
async function openProgress(
  { io, client, settings, progressMode, flags }: Context,
  model: string | undefined,
): Promise<{ tell(error: OllamaError): void; end(): void } | undefined> {
  if (progressMode !== 'tty' || flags.quiet === true) return undefined;
  const { openLook } = await import('../output/look.js');
  const { openWaiting } = await import('../output/waiting.js');
  const what = model === undefined ? client.host.display : `${model} on ${client.host.display}`;
  let why = '';
  const before = io.now();
  const waiting = openWaiting(io, await openLook(io, io.stderr, settings), () => {
    const seconds = Math.round((io.now() - before) / 1000);
    return `waiting for ${what}, ${seconds}s${why === '' ? '' : `: ${why}`}`;
  });
  return { tell: (error) => (why = error.message), end: () => waiting.end() };
}
