import { collect, type Outcome, type Register } from '../command.js';
import { checkAllowed, checkProjectHost } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { typedError } from '../answers/typed-error.js';
import { checkModelName } from '../core/model-name.js';
import { failureJson, toFailure } from '../failure.js';
import { readCount, settingsOf } from '../opening/chat-flags.js';
import { openEventWriter, readFields } from '../output/fields.js';
import { SCHEMA_VERSION } from '../output/json.js';

interface EmbedFlags {
  readonly dimensions?: string;
  /** Undefined leaves it to the server, which cuts. */
  readonly truncate?: boolean;
  readonly keepAlive?: string;
  readonly option?: readonly string[];
  readonly start?: boolean;
  readonly yes?: boolean;
}

/** Declares `embed`. */
export const register: Register = (program, action) => {
  program
    .command('embed')
    .helpGroup('Talk:')
    .summary('turn texts into vectors')
    .description(
      'Turns texts into vectors: each argument, or each line of stdin, into one JSON array a line, in their order. An empty line gives an empty array, so that lines stay in step.',
    )
    .argument('<model>', 'a model with the capability "embedding"')
    .argument('[text...]', 'the texts; without one, the lines of stdin')
    .option('--dimensions <n>', 'shorten the vectors to so many numbers, where the model can')
    .option('--truncate', 'let the server cut a text that is longer than the window, instead of exit 9')
    .option('--option <name=value>', 'an option of the model such as num_ctx=8192; repeats', collect)
    .option('--keep-alive <duration>', 'how long the model stays loaded: 5m, 0, -1 for ever')
    .option('--start', 'start a local server where none answers')
    .option('-y, --yes', 'do not ask')
    .action(
      action(embed, {
        settings: (_model, _texts, flags: EmbedFlags) => settingsOf(flags),
        refused: (model) => ({ start: { model } }),
      }),
    );
};

/** The longest vector that `--dimensions` may ask for. */
const MOST_DIMENSIONS = 100_000;

async function embed(
  context: Context,
  model: string,
  texts: readonly string[],
  flags: EmbedFlags,
): Promise<Outcome> {
  const { io, client, settings } = context;
  const json = context.mode === 'json';
  const write = openEventWriter(io, readFields(context.flags), [
    'host',
    'model',
    'index',
    'embedding',
    'count',
  ]);
  const dimensions =
    flags.dimensions === undefined ? undefined : readCount(flags.dimensions, '--dimensions', MOST_DIMENSIONS);
  if (texts.length === 0 && io.stdin.isTTY === true) {
    throw new OllamaError('usage', 'There is no text to embed.', {
      hint: 'ollama-cli embed MODEL "TEXT", or a line each on stdin',
    });
  }
  if (json) await write({ type: 'start', schema_version: SCHEMA_VERSION, host: client.host.url, model });
  try {
    checkModelName(model);
    checkAllowed(context, model);
    await checkProjectHost(context, flags.yes === true);
    const { embedTexts } = await import('../answers/embed-texts.js');
    const { readPipedLines } = await import('../output/stdin.js');
    const { writeText } = await import('../output/write.js');
    const { openMend } = await import('../opening/mend.js');
    const request = {
      model,
      // The server's own default is to cut in silence: a vector of half a text looks like any other.
      truncate: flags.truncate === true,
      ...(dimensions === undefined ? {} : { dimensions }),
      ...(settings.keep_alive === undefined ? {} : { keep_alive: settings.keep_alive }),
      ...(Object.keys(settings.options).length === 0 ? {} : { options: settings.options }),
    };
    const count = await embedTexts(context, request, texts.length > 0 ? texts : readPipedLines(io), {
      mend: openMend(context, model, flags),
      tell: async (index, embedding) =>
        json
          ? await write({ type: 'embedding', index, embedding })
          : await writeText(io.stdout, `${JSON.stringify(embedding)}\n`, io.signal),
    });
    if (json) await write({ type: 'result', count });
    return 0;
  } catch (thrown) {
    const error = typedError(context, thrown);
    if (json) {
      const { lookUpFacts } = await import('../look-up-facts.js');
      const failure = toFailure(error, await lookUpFacts(error, context));
      await write({ type: 'error', error: failureJson(failure) });
    }
    throw error;
  }
}
