import { Command, CommanderError, type Option } from 'commander';
import type { Action, Register } from './command.js';
import { contextWithOthers, createContext, type Context } from './context.js';
import { addGlobalFlags, findCommand, type GlobalFlags } from './flags.js';
import type { Io } from './io.js';

interface Entry {
  readonly names: readonly string[];
  readonly load: () => Promise<{ readonly register: Register }>;
}

/** Every command, in the order of the help. Only those that a command line names are loaded. */
const COMMANDS: readonly Entry[] = [
  { names: ['list', 'ls'], load: async () => await import('./commands/list.js') },
  { names: ['pull'], load: async () => await import('./commands/pull.js') },
  { names: ['rm'], load: async () => await import('./commands/rm.js') },
  { names: ['show'], load: async () => await import('./commands/show.js') },
  { names: ['ps'], load: async () => await import('./commands/ps.js') },
  { names: ['stop'], load: async () => await import('./commands/stop.js') },
  { names: ['cp'], load: async () => await import('./commands/cp.js') },
  { names: ['mv'], load: async () => await import('./commands/mv.js') },
  { names: ['create'], load: async () => await import('./commands/create.js') },
  { names: ['push'], load: async () => await import('./commands/push.js') },
  { names: ['outdated'], load: async () => await import('./commands/outdated.js') },
  { names: ['update'], load: async () => await import('./commands/update.js') },
  { names: ['verify'], load: async () => await import('./commands/verify.js') },
  { names: ['df'], load: async () => await import('./commands/df.js') },
  { names: ['prune'], load: async () => await import('./commands/prune.js') },
  { names: ['sync'], load: async () => await import('./commands/sync.js') },
  { names: ['search'], load: async () => await import('./commands/search.js') },
  { names: ['tags'], load: async () => await import('./commands/tags.js') },
  { names: ['fit'], load: async () => await import('./commands/fit.js') },
  { names: ['chat', 'run'], load: async () => await import('./commands/chat.js') },
  { names: ['embed'], load: async () => await import('./commands/embed.js') },
  { names: ['sessions'], load: async () => await import('./commands/sessions.js') },
  { names: ['health'], load: async () => await import('./commands/health.js') },
  { names: ['wait'], load: async () => await import('./commands/wait.js') },
  { names: ['hosts'], load: async () => await import('./commands/hosts.js') },
  { names: ['providers'], load: async () => await import('./commands/providers.js') },
  { names: ['serve'], load: async () => await import('./commands/serve.js') },
  { names: ['gateway'], load: async () => await import('./commands/gateway.js') },
  { names: ['sandbox'], load: async () => await import('./commands/sandbox.js') },
  { names: ['mcp'], load: async () => await import('./commands/mcp.js') },
  { names: ['config'], load: async () => await import('./commands/config.js') },
];

/** A parsed program, and what its action ended with. */
export interface Program {
  readonly command: Command;
  /** The context of the action that ran, for a better word about its failure. */
  context(): Context | undefined;
  exitCode(): number;
}

/** The commands to load: the one that is named, or all where none is. */
function wanted(argv: readonly string[]): readonly Entry[] {
  const command = namedCommand(argv);
  return command === undefined ? COMMANDS : COMMANDS.filter((entry) => entry.names.includes(command));
}

/** The root's options that a command takes too: all but the version. */
function visibleGlobalOptions(command: Command): Option[] {
  const options: Option[] = [];
  for (let parent = command.parent; parent; parent = parent.parent) options.push(...parent.options);
  return options.filter((option) => !option.hidden && option.long !== '--version');
}

/** A stream's first and last line are promised to scripts, also where a wrong configuration lets nothing begin. */
async function tellRefused(io: Io, lines: { start: object; error?: object }, error: unknown): Promise<void> {
  const { SCHEMA_VERSION, writeJsonLine } = await import('./output/json.js');
  const { failureJson, toFailure } = await import('./failure.js');
  await writeJsonLine(io, { type: 'start', schema_version: SCHEMA_VERSION, ...lines.start });
  await writeJsonLine(io, { type: 'error', error: failureJson(toFailure(error)), ...lines.error });
}

/** The command that a command line names, where there is such a one. */
export function namedCommand(argv: readonly string[]): string | undefined {
  const first = argv[findCommand(argv)];
  return first !== undefined && COMMANDS.some((entry) => entry.names.includes(first)) ? first : undefined;
}

/** Builds the commander tree for one command line. */
export async function buildProgram(argv: readonly string[], io: Io): Promise<Program> {
  let exit = 0;
  let context: Context | undefined;
  const command = new Command('ollama-cli');
  command
    .description('The terminal client for Ollama.')
    .usage('[options] COMMAND')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      // The one place that prints errors is main.ts.
      writeErr: () => undefined,
      getOutHelpWidth: () => Math.min(io.stdout.columns ?? 100, 100),
      getOutHasColors: () => false,
    })
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false, visibleGlobalOptions })
    .showSuggestionAfterError(true)
    .helpCommand('help [command|topic]', 'help for a command, or on exit-codes, environment');
  addGlobalFlags(command);

  const action: Action =
    (run, { settings, needsClient, hasOthers, refused } = {}) =>
    async (...args) => {
      const flags = command.opts<GlobalFlags>();
      // The root has answered `--version` already: after a command's name it is none of its options.
      if (flags.version === true)
        throw new CommanderError(1, 'commander.unknownOption', "error: unknown option '--version'");
      try {
        context = await createContext(io, flags, settings?.(...args));
        // What its host is sent may not be there to be had: that ends a command before it begins.
        if (hasOthers?.(context.settings, ...args) === true) context = await contextWithOthers(context);
        else if (needsClient?.(...args) !== false) void context.client;
      } catch (error) {
        if (flags.json === true && refused) await tellRefused(io, refused(...args), error);
        throw error;
      }
      exit = (await run(context, ...args)) ?? 0;
    };
  const loaded = await Promise.all(wanted(argv).map(async (entry) => await entry.load()));
  for (const { register } of loaded) register(command, action, io);
  return { command, context: () => context, exitCode: () => exit };
}
