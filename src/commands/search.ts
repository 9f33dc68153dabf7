import type { Context } from '../context.js';
import { collect, type Register } from '../command.js';
import type { SearchFlags } from '../search/run.js';

/** Declares `search`. */
export const register: Register = (program, action) => {
  program
    .command('search')
    .helpGroup('Models:')
    .summary('models that can be pulled')
    .description(
      "Looks for models: what the server recommends, a registry's catalogue, the public library, Hugging Face.\nWhat does not answer is said, and the rest is shown.",
    )
    .argument('<query...>', 'words that all have to match')
    .option('--max-size <size>', 'only with a tag of at most this, such as 8GB')
    .option('--cap <name>', 'only what can do this, such as tools (repeatable)', collect)
    .option('--sort <by>', 'name, size, updated, source')
    .option('--limit <n>', 'at most so many (20)')
    .option('--source <name>', 'only recommendations, registry, library, huggingface (repeatable)', collect)
    .option('--registry <url>', 'only the catalogue of this registry')
    .option('--no-header', 'in a pipe: without the header row')
    .action(action(search));
};

async function search(context: Context, words: readonly string[], flags: SearchFlags): Promise<void> {
  const { runSearch } = await import('../search/run.js');
  await runSearch(context, words, flags);
}
