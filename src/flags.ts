import { Option, type Command } from 'commander';

/** The options that every command takes, before or after its name. None has a default: configuration would never win. */
export interface GlobalFlags {
  readonly host?: string;
  readonly json?: boolean;
  readonly fields?: string;
  readonly quiet?: boolean;
  /** False with `--no-input`. */
  readonly input?: boolean;
  readonly color?: string;
  readonly accessible?: boolean;
  readonly progress?: string;
  readonly timeout?: string;
  readonly config?: string;
  /** `@FILE` with a header a line, or `Name: value` of one that is no secret; repeats. */
  readonly header?: readonly string[];
  readonly debug?: boolean;
  readonly version?: boolean;
}

function gather(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Declares the global options on the root. */
export function addGlobalFlags(program: Command): void {
  program
    .option('-H, --host <url|name>', 'the server to ask (OLLAMA_HOST; http://127.0.0.1:11434)')
    .option('--json', 'JSON that scripts can rely on')
    .option('--fields <a,b>', 'only these fields of the answer')
    .option('-q, --quiet', 'names only for lists; for work, nothing but errors')
    .option('--no-input', 'never ask anything')
    .addOption(new Option('--color <when>', 'whether to use colours').choices(['auto', 'always', 'never']))
    .option('--no-color', 'the same as --color never')
    .option('--accessible', 'plain lines and words, no redraws')
    .addOption(new Option('--progress <how>', 'how to show a pull').choices(['auto', 'ink', 'bar', 'lines']))
    .option('--timeout <duration>', 'longest wait for an answer, or silence of a stream: 30s, 5m')
    .option('--config <file>', "read this file instead of the project's")
    .option('--header <@file>', 'headers for this server from a file of yours; repeats', gather)
    .option('--debug', 'HTTP and stack traces on stderr, secrets left out')
    .option('-v, --version', 'print the version');
}

/** The global options that take the word after them, where it is not joined to them: `-H box`, `-qH box`, `--host box`. */
const TAKES_NEXT = /^(?:-[a-z]*H|--(?:host|fields|color|progress|timeout|config|header))$/;

/** Where the command stands in a command line: the first word that is neither an option nor an option's value; -1 without. */
export function findCommand(argv: readonly string[]): number {
  return argv.findIndex((word, at) => !word.startsWith('-') && !TAKES_NEXT.test(argv[at - 1] ?? ''));
}

/** Options whose value is only ever given after `=`, with what they stand for without one. */
const OPTIONAL_VALUES: ReadonlyMap<string, string> = new Map([
  ['--think', '--think=true'],
  ['--watch', '--watch=2s'],
  ['--extract', '--extract=1'],
]);

/** Gives the options with an optional value their default, so that they never swallow the word after them. */
export function fixOptionalValues(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, index) => (end >= 0 && index > end ? word : (OPTIONAL_VALUES.get(word) ?? word)));
}

/** True where JSON was asked for, told before anything is parsed: a usage error is JSON then too. */
export function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end < 0 ? undefined : end).includes('--json');
}
