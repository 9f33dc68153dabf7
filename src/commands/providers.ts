import type { Context } from '../context.js';
import type { Outcome, Register } from '../command.js';
import { OllamaError } from '../core/errors.js';
import { sumErrors } from '../failure.js';
import { cleanLine } from '../format/clean.js';
import type { AddFlags } from '../providers/edit.js';
import type { ProviderBlock, ProviderSet, ProviderTest } from '../providers/provider.js';

interface ListFlags {
  readonly header?: boolean;
  readonly all?: boolean;
}

/** The credentials of the host in force are nothing to the other providers. */
const HOSTLESS = { needsClient: (..._args: unknown[]) => false };

/** Declares `providers` with its subcommands. */
export const register: Register = (program, action) => {
  const providers = program
    .command('providers')
    .helpGroup('Server:')
    .summary('who answers besides Ollama')
    .description(
      'Providers: other Ollama hosts, and OpenAI- or Anthropic-compatible endpoints. The one named ollama is the server in use.',
    );
  providers
    .command('list')
    .description('The providers, and how the last look at each ended.')
    .option('--no-header', 'in a pipe: without the header row')
    .action(action(list, HOSTLESS));
  providers
    .command('add')
    .description('Adds a provider to your own configuration; it is asked once it is enabled.')
    .argument('<name>')
    .option('--type <type>', 'ollama, openai or anthropic; by its address otherwise')
    .option('--base-url <url>', 'such as https://api.example/v1')
    .option('--model <model>', 'the model that it is asked for')
    .option('--api-key-env <variable>', 'the environment variable that holds its key')
    .option('--api-key', 'ask for its key, without showing it, and keep it in your configuration')
    .option('--cost-prompt <amount>', 'what a million tokens of a prompt cost')
    .option('--cost-completion <amount>', 'what a million tokens of an answer cost')
    .option('--currency <code>', 'of these; USD otherwise')
    .option('--enable', 'enable it at once')
    .option('-f, --force', 'replace one of the same name')
    .action(
      action(
        async (context, name: string, flags: AddFlags) =>
          await (await edit()).addProvider(context, name, flags),
        HOSTLESS,
      ),
    );
  providers
    .command('rm')
    .description('Takes a provider out of your own configuration, with its key.')
    .argument('<name>')
    .action(
      action(async (context, name: string) => await (await edit()).removeProvider(context, name), HOSTLESS),
    );
  for (const word of ['enable', 'disable'] as const) {
    providers
      .command(word)
      .description(word === 'enable' ? 'Lets a provider be asked.' : 'Keeps a provider from being asked.')
      .argument('<name>')
      .action(
        action(
          async (context, name: string) =>
            await (await edit()).enableProvider(context, name, word === 'enable'),
          HOSTLESS,
        ),
      );
  }
  providers
    .command('test')
    .description('Asks providers for their models: those named, else all that are enabled.')
    .argument('[name...]')
    .option('--all', 'those that are not enabled too')
    .option('--no-header', 'in a pipe: without the header row')
    .action(action(test, HOSTLESS));
};

// Loaded here and below: help loads every command.
const edit = async () => await import('../providers/edit.js');

async function open(context: Context): Promise<ProviderSet> {
  return (await import('../providers/configured.js')).openProviders(context);
}

async function list(context: Context, { header = true }: ListFlags): Promise<void> {
  const { tellList, fieldColumn } = await import('../hosts/tell.js');
  const blocks = (await open(context)).blocks();
  await tellList(context, {
    rows: blocks,
    columns: [
      fieldColumn<ProviderBlock>('name', 'NAME', ({ name }) => name, { shrink: 'never' }),
      fieldColumn<ProviderBlock>('type', 'TYPE', ({ type }) => type, { priority: 3 }),
      fieldColumn<ProviderBlock>('enabled', 'ENABLED', ({ enabled }) => enabled, { priority: 1 }),
      fieldColumn<ProviderBlock>('status', 'STATUS', ({ status }) => status, { priority: 1 }),
      fieldColumn<ProviderBlock>('model', 'MODEL', ({ model }) => model, { priority: 2, shrink: 'middle' }),
      fieldColumn<ProviderBlock>('base_url', 'BASE URL', (block) => block.base_url, { shrink: 'middle' }),
      fieldColumn<ProviderBlock>('last_checked', 'LAST CHECKED', (block) => block.last_checked, {
        priority: 4,
      }),
      fieldColumn<ProviderBlock>('api_key', 'KEY', (block) => block.api_key, { priority: 5 }),
      fieldColumn<ProviderBlock>('api_key_env', 'KEY FROM', (block) => block.api_key_env, { priority: 5 }),
      fieldColumn<ProviderBlock>('cost', 'COST', costText, { priority: 5 }),
    ],
    header,
    name: ({ name }) => name,
    below: blocks.length > 1 ? [] : ['Add one: ollama-cli providers add NAME --base-url URL --enable'],
  });
}

function costText({ cost }: ProviderBlock): string {
  return cost === undefined ? '' : `${cost.prompt}/${cost.completion} ${cost.currency}`;
}

async function test(context: Context, names: readonly string[], flags: ListFlags): Promise<Outcome> {
  const { tellList, fieldColumn } = await import('../hosts/tell.js');
  const set = await open(context);
  const all = set.blocks().filter(({ enabled }) => enabled || flags.all === true);
  const wanted = names.length > 0 ? [...new Set(names)] : all.map(({ name }) => name);
  const providers = wanted.map((name) => set.get(name, { evenDisabled: true }));
  const tests = await Promise.all(
    providers.map(async (provider) => {
      const outcome = await provider.test({ signal: context.io.signal });
      await set.note(outcome);
      return outcome;
    }),
  );
  await tellList(context, {
    rows: tests,
    columns: [
      fieldColumn<ProviderTest>('name', 'NAME', ({ name }) => name, { shrink: 'never' }),
      fieldColumn<ProviderTest>('status', 'STATUS', ({ status }) => status),
      fieldColumn<ProviderTest>('response_time_ms', 'MS', (row) => row.response_time_ms, {
        align: 'right',
        priority: 3,
      }),
      {
        ...fieldColumn<ProviderTest>('models', 'MODELS', ({ models }) => models.length, { align: 'right' }),
        priority: 2,
      },
      fieldColumn<ProviderTest>('model_available', 'HAS ITS MODEL', (row) => row.model_available, {
        priority: 1,
      }),
      fieldColumn<ProviderTest>('last_checked', 'CHECKED', (row) => row.last_checked, { priority: 4 }),
      fieldColumn<ProviderTest>('error', 'ERROR', ({ error }) => error?.message, { shrink: 'end' }),
    ],
    header: flags.header !== false,
    name: ({ name, status }) => (status === 'connected' ? name : undefined),
  });
  const errors: OllamaError[] = [];
  for (const [at, outcome] of tests.entries()) {
    const info = providers[at]?.info;
    const error = errorOf(outcome, info?.model ?? '');
    if (error !== undefined) errors.push(error);
    else if (info?.model_is_unchosen === true && outcome.model_available !== true) tellNote(context, outcome);
  }
  const message = `${errors.length} of ${tests.length} did not pass: ${errors.map((error) => error.message).join(' ')}`;
  const error = sumErrors(errors, tests.length - errors.length, { message });
  if (error) throw error;
  return 0;
}

/** A default that nobody chose and that is not there is no fault of anybody's. */
function tellNote({ io, flags }: Context, { name, models }: ProviderTest): void {
  if (flags.quiet === true) return;
  const has = cleanLine(someOf(models));
  io.stderr.write(`note: nobody has chosen a model for ${cleanLine(name)} (default_model). ${has}\n`);
}

function someOf(models: readonly string[]): string {
  const some = models.slice(0, 5).join(', ');
  return models.length === 0 ? 'It has none.' : `It has ${some}${models.length > 5 ? ', …' : ''}.`;
}

/** The error of a test that did not pass; of one whose model is not there too. */
function errorOf(
  { name, error, model_available: has, models }: ProviderTest,
  model: string,
): OllamaError | undefined {
  if (error !== undefined) {
    const { code, message, hint } = error;
    return new OllamaError(code as OllamaError['code'], message, { hint, provider: name });
  }
  if (has !== false) return undefined;
  return new OllamaError('model_not_found', `${name} has no model "${model}".`, {
    hint: someOf(models),
    provider: name,
  });
}
