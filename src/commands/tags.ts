import type { Context } from '../context.js';
import { collect, type Register } from '../command.js';
import type { SearchFlags } from '../search/run.js';

/** Declares `tags`. */
export const register: Register = (program, action) => {
  program
    .command('tags')
    .helpGroup('Models:')
    .summary('the tags of a model, and their sizes')
    .description(
      'Lists the tags under which a model is offered: size, quantization, and which are installed.',
    )
    .argument('<model>', 'a name; with a tag, that one alone')
    .option('--max-size <size>', 'only tags of at most this, such as 8GB')
    .option('--cap <name>', 'only what can do this, such as vision (repeatable)', collect)
    .option('--sort <by>', 'name, size, updated, source')
    .option('--limit <n>', 'at most so many')
    .option('--source <name>', 'only registry, library, huggingface (repeatable)', collect)
    .option('--registry <url>', 'only this registry')
    .option('--no-header', 'in a pipe: without the header row')
    .action(action(tags));
};

async function tags(context: Context, model: string, flags: SearchFlags): Promise<void> {
  const { runTags } = await import('../search/run.js');
  await runTags(context, model, flags);
}
