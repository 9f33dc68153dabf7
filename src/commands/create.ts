import type { Context } from '../context.js';
import type { Outcome, Register } from '../command.js';
import { checkAllowed, checkProjectHost } from '../consent.js';
import { checkModelName } from '../core/model-name.js';
import { cleanLine } from '../format/clean.js';
import type { CreatePlan } from '../modelfile/plan.js';

interface CreateFlags {
  readonly file?: string;
  readonly quantize?: string;
  readonly draftQuantize?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** Declares `create`. */
export const register: Register = (program, action) => {
  program
    .command('create')
    .helpGroup('Models:')
    .summary('make a model from a Modelfile')
    .description(
      'Makes a model from a Modelfile: of another model, a GGUF file, or a folder of safetensors. Sends only what the server lacks.',
    )
    .argument('<model>', 'the name of the new model')
    .option('-f, --file <file>', 'the Modelfile, or - for stdin (./Modelfile)')
    .option('--quantize <type>', 'have the server quantize the weights, such as Q4_K_M')
    .option('--draft-quantize <type>', 'the same for the weights of DRAFT')
    .option('-n, --dry-run', 'only say what would be sent')
    .option('-y, --yes', 'do not ask')
    .action(
      action(create, {
        refused: (model) => ({ start: { models: [model] }, error: { succeeded: [], failed: [] } }),
      }),
    );
};

async function create(context: Context, model: string, flags: CreateFlags): Promise<Outcome> {
  const { io, client } = context;
  if (flags.dryRun === true) {
    const { tellCreatePlan } = await import('../tell-create-plan.js');
    return await tellCreatePlan(context, await prepare(context, model, flags));
  }
  const { tellTransfer } = await import('../tell-transfer.js');
  await tellTransfer(context, {
    verb: 'Creating',
    model,
    prepare: async () => {
      const plan = await prepare(context, model, flags);
      await checkProjectHost(context, flags.yes === true);
      const { createModel } = await import('../modelfile/create-model.js');
      return createModel(client, plan, io.signal);
    },
  });
}

/** All that is looked at before a byte is sent. */
async function prepare(context: Context, model: string, flags: CreateFlags): Promise<CreatePlan> {
  const { io, client } = context;
  checkModelName(model);
  const { readModelfile } = await import('../modelfile/read.js');
  const { planCreate } = await import('../modelfile/plan.js');
  const { file, text, folder } = await readModelfile(flags.file, io);
  const home = io.env['HOME'] ?? io.env['USERPROFILE'];
  const { quantize, draftQuantize } = flags;
  const options = { model, quantize, draftQuantize, signal: io.signal };
  const plan = await planCreate(client, text, { file, folder, home }, options);
  if (plan.request.from !== undefined) checkAllowed(context, plan.request.from);
  const warnings = context.flags.quiet === true ? [] : plan.warnings;
  for (const warning of warnings) io.stderr.write(`warning: ${cleanLine(warning)}\n`);
  return plan;
}
