import { CommanderError } from 'commander';
import { OllamaError, isOllamaError } from './core/errors.js';
import type { Context } from './context.js';
import { asksForJson, findCommand, fixOptionalValues } from './flags.js';
import { cleanText } from './format/clean.js';
import type { Io } from './io.js';
import { buildProgram, namedCommand, type Program } from './program.js';
import { VERSION } from './version.js';

/**
 * Runs one command line and resolves to its exit code. `argv` is what stands after the program's name. Never rejects:
 * this is the one place that turns errors into words.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let program: Program | undefined;
  try {
    if (asksForVersion(argv)) {
      io.stdout.write(`${VERSION}\n`);
      return 0;
    }
    const topic = await helpTopic(argv);
    if (topic !== undefined) {
      io.stdout.write(`${topic}\n`);
      return 0;
    }
    program = await buildProgram(argv, io);
    await program.command.parseAsync(argv.length === 0 ? ['--help'] : fixOptionalValues(argv), {
      from: 'user',
    });
    return program.exitCode();
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return await tell(
      error instanceof CommanderError ? usageError(error, argv) : error,
      argv,
      io,
      program?.context(),
    );
  }
}

/** `-v` and `--version` count only before a command's name. */
function asksForVersion(argv: readonly string[]): boolean {
  const command = findCommand(argv);
  const before = command < 0 ? argv : argv.slice(0, command);
  return before.includes('-v') || before.includes('--version');
}

async function helpTopic(argv: readonly string[]): Promise<string | undefined> {
  const [first, name] = argv;
  if (first !== 'help' || name === undefined) return undefined;
  const { HELP_TOPICS } = await import('./help-topics.js');
  return Object.hasOwn(HELP_TOPICS, name) ? HELP_TOPICS[name]?.() : undefined;
}

function usageError(error: CommanderError, argv: readonly string[]): OllamaError {
  const command = namedCommand(argv);
  // Commander's own word for a command whose subcommand is missing is no sentence.
  const missing =
    command !== undefined
      ? `What to do with ${command} is missing`
      : argv[findCommand(argv)] === 'help'
        ? 'There is no such command or topic'
        : 'A command is missing';
  // A value that an option does not take may be a secret that its person thought it did.
  const words = error.message.replace(/^(error: unknown option '-[^=]*)=[^]*'/, "$1'");
  const told = error.code === 'commander.help' ? missing : words;
  const message = told.replace(/^error: /, '').replace(/^./, (letter) => letter.toUpperCase());
  return new OllamaError('usage', message.endsWith('.') || message.endsWith(')') ? message : `${message}.`, {
    hint: command === undefined ? 'ollama-cli --help' : `ollama-cli ${command} --help`,
    ...(words === error.message ? { cause: error } : {}),
  });
}

/** Tells an error on stderr, in the form that was asked for, and returns its exit code. */
async function tell(
  thrown: unknown,
  argv: readonly string[],
  io: Io,
  context: Context | undefined,
): Promise<number> {
  // Loaded here and not above: a start that goes well has nothing to tell.
  const { EXIT_CODES, failureJson, toFailure, toOllamaError } = await import('./failure.js');
  const error = toOllamaError(thrown);
  // A reader that went away, or the person, ended this: only a script that still reads is told.
  if (error.code === 'interrupted' || (io.signal.aborted && !isOllamaError(thrown))) {
    if (asksForJson(argv) && io.signal.reason !== 'epipe') {
      io.stderr.write(`${JSON.stringify({ error: failureJson(toFailure(error)) })}\n`);
    }
    return EXIT_CODES.interrupted;
  }
  const { lookUpFacts } = await import('./look-up-facts.js');
  const failure = toFailure(error, {
    ...(context ? await lookUpFacts(error, context) : {}),
    insecure: argv.includes('--insecure'),
  });
  const { tellFailure } = await import('./tell-failure.js');
  await tellFailure(io, failure, asksForJson(argv), context?.settings ?? { color: 'auto' });
  if (argv.includes('--debug') && error.stack !== undefined) {
    const cause = error.cause instanceof Error ? `\ncaused by ${error.cause.stack ?? ''}` : '';
    io.stderr.write(`${cleanText(error.stack + cause)}\n`);
  }
  return failure.exit;
}
