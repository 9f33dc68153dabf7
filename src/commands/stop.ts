import { isGlob } from '../config/glob.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import type { RunningModel } from '../core/wire.js';
import { failureJson, sumErrors, toFailure, toOllamaError } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { checkFields, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { writeText } from '../output/write.js';
import type { Outcome, Register } from '../command.js';
import { checkModelWords, meansModel, notThere } from '../models/words.js';

interface StopFlags {
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

/** Declares `stop`. */
export const register: Register = (program, action) => {
  program
    .command('stop')
    .helpGroup('Models:')
    .summary('unload models')
    .description(
      'Takes models out of memory, and waits until they are; nothing is removed. One that is not loaded is no failure, one that the server does not have is exit 3. An answer on its way goes on to its end.',
    )
    .argument('[model...]', 'names, or globs such as "qwen2*"')
    .option('--all', 'all that are loaded')
    .option('-n, --dry-run', 'only say what would be unloaded')
    .action(action(stop));
};

/** What one unloaded model is told with. */
const ITEM_FIELDS = ['name', 'size', 'still_loaded'];
/** A model goes within moments, unless it is in the midst of an answer. In milliseconds. */
const PATIENCE_MS = 5_000;
const LOOK_MS = 100;

interface Stopped {
  readonly stopped: { readonly name: string; readonly size: number; still_loaded?: true }[];
  /** Not in memory, so there was nothing to do. */
  readonly notLoaded: string[];
  readonly missing: string[];
  readonly failed: { readonly name: string; readonly error: OllamaError }[];
}

async function stop(context: Context, words: readonly string[], flags: StopFlags): Promise<Outcome> {
  const { io, client } = context;
  checkWords(words, flags);
  checkFields(readFields(context.flags) ?? [], ITEM_FIELDS);
  const loaded = await client.running({ signal: io.signal });
  const { targets, others } = choose(loaded, words, flags);
  const outcome: Stopped = { stopped: [], notLoaded: [], missing: [], failed: [] };
  for (const word of others) await sortOut(context, word, outcome);
  if (flags.dryRun === true) for (const { name, size } of targets) outcome.stopped.push({ name, size });
  else {
    try {
      for (const target of targets) await unload(context, target, outcome);
      await waitUntilGone(context, outcome);
    } catch (error) {
      // Ctrl-C in the midst of it: what is gone is told all the same.
      if (outcome.stopped.length > 0) await tell(context, outcome, flags);
      throw error;
    }
  }
  await tell(context, outcome, flags);
  return endWith(context, outcome);
}

function checkWords(words: readonly string[], { all }: StopFlags): void {
  checkModelWords(words);
  if (all === true && words.length > 0)
    throw new OllamaError('usage', 'Name the models to unload, or give --all: not both.');
  if (all !== true && words.length === 0)
    throw new OllamaError('usage', 'No model was named.', {
      hint: 'ollama-cli stop MODEL, or --all; ollama-cli ps shows the loaded ones',
    });
}

function choose(
  loaded: readonly RunningModel[],
  words: readonly string[],
  { all }: StopFlags,
): { targets: readonly RunningModel[]; others: readonly string[] } {
  if (all === true) return { targets: loaded, others: [] };
  return {
    targets: loaded.filter(({ name }) => words.some((word) => meansModel(word, name))),
    others: words.filter((word) => !loaded.some(({ name }) => meansModel(word, name))),
  };
}

/** A word that is not loaded: a model that needs nothing done, or none that the server has. */
async function sortOut({ io, client }: Context, word: string, outcome: Stopped): Promise<void> {
  try {
    if (!isGlob(word)) await client.show(word, { signal: io.signal });
    outcome.notLoaded.push(word);
  } catch (thrown) {
    const error = toOllamaError(thrown);
    if (error.code === 'interrupted') throw error;
    if (error.code === 'model_not_found') outcome.missing.push(word);
    else outcome.failed.push({ name: word, error });
  }
}

async function unload(
  { io, client }: Context,
  { name, size }: RunningModel,
  outcome: Stopped,
): Promise<void> {
  for await (const event of client.generate({ model: name, keep_alive: 0 }, { signal: io.signal })) {
    if (event.type === 'done') outcome.stopped.push({ name, size });
    if (event.type !== 'error') continue;
    if (event.error.code === 'interrupted') throw event.error;
    // Removed meanwhile, and its memory with it.
    if (event.error.code === 'model_not_found') outcome.missing.push(name);
    else outcome.failed.push({ name, error: event.error });
  }
}

async function waitUntilGone({ io, client }: Context, { stopped }: Stopped): Promise<void> {
  if (stopped.length === 0) return;
  const { sleep } = await import('../core/retry.js');
  const until = io.now() + PATIENCE_MS;
  for (;;) {
    const loaded = await client.running({ signal: io.signal });
    const left = stopped.filter((item) => loaded.some(({ name }) => name === item.name));
    if (left.length === 0) return;
    if (io.now() >= until) {
      for (const item of left) item.still_loaded = true;
      return;
    }
    await sleep(LOOK_MS, io.signal);
  }
}

async function tell(context: Context, outcome: Stopped, flags: StopFlags): Promise<void> {
  const { io, mode, client } = context;
  const { stopped, notLoaded, missing, failed } = outcome;
  if (mode === 'json') {
    const document = {
      host: client.host.url,
      ...(flags.dryRun === true ? { dry_run: true } : {}),
      stopped,
      not_loaded: notLoaded,
      missing,
      failed: failed.map(({ name, error }) => ({ name, error: failureJson(toFailure(error)) })),
    };
    const fields = readFields(context.flags);
    const told = fields === undefined ? document : pickFields(document, 'stopped', fields, ITEM_FIELDS);
    return await writeJson(io, told);
  }
  if (context.flags.quiet === true) return;
  const verb = flags.dryRun === true ? 'would unload' : 'unloaded';
  const lines = [
    ...stopped.map(({ name, size, still_loaded }) =>
      still_loaded === true
        ? `unloading ${cleanLine(name)}: it is still in use, and goes when its answer ends`
        : `${verb} ${cleanLine(name)}, ${formatBytes(size)}`,
    ),
    ...notLoaded.map((word) => `${cleanLine(word)} is not loaded`),
    ...(flags.all === true && stopped.length + failed.length === 0
      ? [`No model is loaded on ${client.host.display}.`]
      : []),
  ];
  await writeText(io.stdout, lines.map((line) => `${line}\n`).join(''), io.signal);
}

/** 0, or throws the one error that tells of all that did not work. */
function endWith({ client }: Context, { stopped, notLoaded, missing, failed }: Stopped): Outcome {
  const host = client.host.url;
  const errors = [...missing.map((word) => notThere(word, host)), ...failed.map(({ error }) => error)];
  const done = stopped.length + notLoaded.length;
  const why = [...missing, ...failed.map(({ name, error }) => `${name} (${error.message})`)].join(', ');
  const message = `${errors.length} of ${errors.length + done} could not be unloaded: ${why}.`;
  const error = sumErrors(errors, done, { message, host });
  if (error) throw error;
  return 0;
}
