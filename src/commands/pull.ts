import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { toOllamaError } from '../failure.js';
import { collect, type Outcome, type Register } from '../command.js';
import type { PullFlags } from '../pulls/flags.js';
import type { PullAllOptions } from '../pulls/pull-all.js';

interface Flags extends PullFlags {
  readonly on?: readonly string[];
  readonly from?: readonly string[];
  readonly dryRun?: boolean;
}

/** Declares `pull`. */
export const register: Register = (program, action) => {
  program
    .command('pull')
    .helpGroup('Models:')
    .summary('download models')
    .description(
      'Downloads models, two side by side. What has come stays on the server: the same command goes on.',
    )
    .argument('[model...]', 'names such as llama3.2:1b or hf.co/user/repository:Q4_K_M')
    .option('--from <file>', 'also the names in a file, one a line, # for comments; - is stdin', collect)
    .option('-j, --jobs <n>', 'how many side by side, 1 to 16')
    .option('--keep-going', 'go on with the others when one fails')
    .option('-n, --dry-run', 'only say what would be fetched, and what is there already')
    .option('--as <name>', 'one more name for the model, once it is there')
    .option('--at <time>', 'begin at 02:00, or at 2026-01-31T02:00')
    .option('--stall <duration>', 'ask again after so long without a byte: 45s; 0 for never')
    .option('--retries <n>', 'ask again so often at most; otherwise as long as bytes come')
    .option('--insecure', 'have the server fetch over plain HTTP')
    .option('--bell', 'ring when it has ended')
    .option('-y, --yes', 'do not ask, and check neither disk nor memory')
    .option('--on <a,b>', 'on these hosts side by side, or on all that are configured: --on all', collect)
    .action(
      action(pull, {
        needsClient: (_models, { on }) => on === undefined,
        refused: (models) => ({ start: { models }, error: { succeeded: [], failed: [] } }),
      }),
    );
};

async function pull(context: Context, named: readonly string[], flags: Flags): Promise<Outcome> {
  if (flags.dryRun === true) {
    const { models, options } = await readWork(context, named, flags);
    if (flags.on !== undefined) {
      const { planOn } = await import('../hosts/on-pull.js');
      return await planOn(context, flags.on, models, options);
    }
    const { tellPlans } = await import('../pulls/dry-run.js');
    return await tellPlans(context, models, options);
  }
  const { pullAll, refusePulls } = await import('../pulls/pull-all.js');
  let work: Work;
  try {
    work = await readWork(context, named, flags);
  } catch (error) {
    await refusePulls(context, named, toOllamaError(error));
    throw error;
  }
  if (flags.on !== undefined) {
    const { pullOn } = await import('../hosts/on-pull.js');
    return await pullOn(context, flags.on, work.models, work.options);
  }
  const { error } = await pullAll(context, work.models, work.options);
  if (error) throw error;
}

interface Work {
  readonly models: readonly string[];
  readonly options: PullAllOptions;
}

/** What the command line asks for. Throws `usage`, and what is wrong in a list of names. */
async function readWork({ io }: Context, named: readonly string[], flags: Flags): Promise<Work> {
  const { readPullFlags } = await import('../pulls/flags.js');
  const options = readPullFlags(flags, io.now());
  const models = [...named];
  if (flags.from !== undefined) {
    const { readNameList } = await import('../pulls/name-list.js');
    for (const file of flags.from) models.push(...(await readNameList(io, file)));
  }
  const distinct = new Set(models).size;
  if (distinct === 0) {
    throw new OllamaError('usage', 'Which model to pull is missing.', {
      hint: 'ollama-cli pull llama3.2:1b',
    });
  }
  if (options.as !== undefined && distinct > 1) {
    throw new OllamaError('usage', `--as names one model, and ${distinct} are asked for.`);
  }
  return { models, options };
}
