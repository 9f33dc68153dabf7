import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { checkModelName } from '../core/model-name.js';
import { readFields, renderFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { writeLines } from '../output/write.js';
import type { Outcome, Register } from '../command.js';

interface McpFlags {
  readonly allowPull?: boolean;
  readonly allowRemove?: boolean;
}

interface AskFlags {
  readonly force?: boolean;
}

/** Declares `mcp`. */
export const register: Register = (program, action) => {
  const mcp = program
    .command('mcp')
    .helpGroup('Tools:')
    .summary('editor tools over MCP')
    .description(
      'Serves tools for editors over standard input and output (Model Context Protocol). Pulls and removals are asked for by the editor first. With a name it answers as that tool does, once.',
    )
    .option('--allow-pull', 'pull models without asking')
    .option('--allow-remove', 'remove models without asking')
    .action(action(serve));
  // A tool has one name in the protocol; on a command line dashes are expected.
  const ask = (name: string): ReturnType<typeof mcp.command> =>
    mcp.command(name).alias(name.replaceAll('_', '-'));
  const force = ['--force', 'ask anew instead of telling what was kept'] as const;
  ask('check_status')
    .summary('whether the server answers')
    .option(...force)
    .action(action(status));
  ask('list_available_models')
    .summary('the installed models')
    .option(...force)
    .action(action(models));
  ask('validate_model_name')
    .summary('whether this is a model that is installed; exits 2 or 3 where not')
    .argument('<name>')
    .action(action(validate));
  ask('get_default_model')
    .summary('the model that is asked where none is named')
    .action(action(defaultModel));
  ask('get_supported_capabilities')
    .summary('what can be done with a model, or with the default one')
    .argument('[model]')
    .action(action(capabilities));
};

async function serve(context: Context, flags: McpFlags): Promise<Outcome> {
  const { lookAtServer } = await import('../health/look.js');
  const { serveMcp } = await import('../editor-tools/mcp-server.js');
  // An editor waits for its tools, not for a server: how that one is, is told when it is known, if there is still time.
  lookAtServer(context).catch(() => undefined);
  await serveMcp(context, {
    allowPull: flags.allowPull === true,
    allowRemove: flags.allowRemove === true,
  });
}

async function status(context: Context, { force = false }: AskFlags): Promise<void> {
  const { io, client } = context;
  const { checkStatus } = await import('../editor-tools/functions.js');
  const answer = await checkStatus(client, { signal: io.signal, force });
  await tell(context, answer, STATUS_FIELDS);
  if (!answer.reachable) {
    const { error } = await client.health({ signal: io.signal });
    throw error ?? new OllamaError('unreachable', answer.error ?? '', { host: client.host.url });
  }
}

const STATUS_FIELDS = ['reachable', 'models_count', 'version', 'error'];
const MODEL_FIELDS = [
  ...['name', 'size', 'modified_at', 'digest', 'family', 'parameter_size', 'quantization_level'],
  ...['context_length', 'capabilities'],
];

async function models(context: Context, { force = false }: AskFlags): Promise<void> {
  const { io, client, flags, mode } = context;
  const { listAvailableModels } = await import('../editor-tools/functions.js');
  const list = await listAvailableModels(client, { signal: io.signal, force });
  const fields = readFields(flags);
  if (mode === 'json') {
    const document = { models: list };
    await writeJson(io, fields ? pickFields(document, 'models', fields, MODEL_FIELDS) : document);
    return;
  }
  const { renderTsv } = await import('../output/table.js');
  const { checkFields, fieldColumns } = await import('../output/fields.js');
  const keys = fields ?? ['name', 'size', 'modified_at'];
  checkFields(keys, MODEL_FIELDS);
  const rows = list.map((model) => ({ ...model }));
  await writeLines(io.stdout, renderTsv(rows, fieldColumns(keys), { header: true }), io.signal);
}

async function validate(context: Context, name: string): Promise<void> {
  const { io, client } = context;
  const { validateModelName } = await import('../editor-tools/functions.js');
  const answer = await validateModelName(client, name, { signal: io.signal });
  await tell(context, answer, ['is_valid', 'message', 'suggestions']);
  if (answer.is_valid) return;
  checkModelName(name);
  throw new OllamaError('model_not_found', answer.message, { model: name, host: client.host.url });
}

async function defaultModel(context: Context): Promise<void> {
  const { io, client, settings } = context;
  const { getDefaultModel } = await import('../editor-tools/functions.js');
  const { chosenModel } = await import('../editor-tools/chosen-model.js');
  await tell(context, await getDefaultModel(client, chosenModel(settings), { signal: io.signal }));
}

async function capabilities(context: Context, model: string | undefined): Promise<void> {
  const { io, client, settings } = context;
  const { getDefaultModel, getSupportedCapabilities } = await import('../editor-tools/functions.js');
  const { chosenModel } = await import('../editor-tools/chosen-model.js');
  const { signal } = io;
  const named =
    model ?? (await getDefaultModel(client, chosenModel(settings), { signal })).model ?? undefined;
  if (named !== undefined) checkModelName(named);
  await tell(context, await getSupportedCapabilities(client, named, { signal }));
}

async function tell(
  { io, mode, flags }: Context,
  answer: object,
  known: readonly string[] = [],
): Promise<void> {
  const fields = readFields(flags);
  const document = fields ? pickFields(answer, undefined, fields, known) : { ...answer };
  if (mode === 'json') await writeJson(io, document);
  else if (flags.quiet !== true) await writeLines(io.stdout, renderFields(document), io.signal);
}
