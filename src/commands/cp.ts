import type { Context } from '../context.js';
import type { Outcome, Register } from '../command.js';

interface CpFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** Declares `cp`. */
export const register: Register = (program, action) => {
  program
    .command('cp')
    .helpGroup('Models:')
    .summary('give a model one more name')
    .description(
      'Gives a model one more name; its bytes are shared. Asks before another model loses that name.',
    )
    .argument('<source>', 'a model that is installed')
    .argument('<destination>', 'its other name')
    .option('-n, --dry-run', 'only say what would be done')
    .option('-y, --yes', 'do not ask')
    .action(action(cp));
};

async function cp(context: Context, source: string, destination: string, flags: CpFlags): Promise<Outcome> {
  const { copyModel, planCopy, tellCopy } = await import('../copy-model.js');
  const plan = await planCopy(context, source, destination);
  const dryRun = flags.dryRun === true;
  if (!dryRun) await copyModel(context, plan, flags.yes === true);
  await tellCopy(context, plan, { verb: 'copied', dryRun });
}
