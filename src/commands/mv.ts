import type { Context } from '../context.js';
import type { Outcome, Register } from '../command.js';
import { OllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';
import { toOllamaError } from '../failure.js';

interface MvFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** Declares `mv`. */
export const register: Register = (program, action) => {
  program
    .command('mv')
    .helpGroup('Models:')
    .summary('give a model another name')
    .description(
      'Gives a model another name: copies it, sees that the copy is there, and removes the old name.',
    )
    .argument('<source>', 'a model that is installed')
    .argument('<destination>', 'its new name')
    .option('-n, --dry-run', 'only say what would be done')
    .option('-y, --yes', 'do not ask')
    .action(action(mv));
};

async function mv(context: Context, source: string, destination: string, flags: MvFlags): Promise<Outcome> {
  const { copyModel, planCopy, tellCopy } = await import('../copy-model.js');
  const plan = await planCopy(context, source, destination);
  const dryRun = flags.dryRun === true;
  if (!dryRun) {
    await copyModel(context, plan, flags.yes === true);
    await removeOld(context, source, destination, plan.digest);
  }
  await tellCopy(context, plan, { verb: 'renamed', dryRun });
}

/** Removes the old name once the new one is seen to have the model. What fails here leaves both, and says so. */
async function removeOld(
  { io, mode, client, flags }: Context,
  source: string,
  destination: string,
  digest: string | undefined,
): Promise<void> {
  const { signal } = io;
  try {
    const installed = await client.list({ signal, force: true });
    const copy = installed.find(({ name }) => sameModel(name, destination));
    if (copy === undefined || (digest !== undefined && copy.digest !== digest)) {
      throw new OllamaError('server_error', `the server does not list "${destination}" as that model.`);
    }
    await client.delete(source, { signal });
  } catch (thrown) {
    const { code, message, host, status } = toOllamaError(thrown);
    const both = `"${destination}" was made, and "${source}" is still there`;
    // Of an interruption nothing more is told to a person.
    if (code === 'interrupted' && mode !== 'json' && flags.quiet !== true) io.stderr.write(`${both}.\n`);
    throw new OllamaError(code, `${both}: ${message}`, {
      host: host ?? client.host.url,
      status,
      hint: `Remove the one that is not wanted: ollama-cli rm ${source}`,
      cause: thrown,
    });
  }
}
