import type { Command } from 'commander';
import type { Action, Register } from '../command.js';
import type { AddFlags } from '../hosts/add.js';

/** What reads and writes the configuration works without a server. */
const LOCAL = { needsClient: (..._args: unknown[]) => false };

/** Declares `hosts` with its subcommands. */
export const register: Register = (program, action) => {
  const hosts = program
    .command('hosts')
    .helpGroup('Server:')
    .summary('named hosts')
    .description(
      'Servers under names of your own: `-H NAME` asks one, `--on NAME,NAME` several. What a host is sent to know you goes to that host and no other.',
    );
  declareAsking(hosts, action);
  declareWriting(hosts, action);
};

interface ListFlags {
  readonly header?: boolean;
}

function declareAsking(hosts: Command, action: Action): void {
  hosts
    .command('list')
    .description('The configured hosts, with the one that is the default. Asks none of them.')
    .option('--no-header', 'in a pipe: without the header row')
    .action(
      action(async (context, flags: ListFlags) => {
        await (await import('../hosts/list.js')).listHosts(context, flags);
      }, LOCAL),
    );
  hosts
    .command('test')
    .description('Whether hosts answer, with their versions, and a next step for each that does not.')
    .argument('[name...]', 'configured hosts; without one the host in force')
    .option('--all', 'every configured host')
    .option('--no-header', 'in a pipe: without the header row')
    .action(
      action(async (context, names: readonly string[], flags: ListFlags & { readonly all?: boolean }) => {
        await (await import('../hosts/test-host.js')).testHosts(context, names, flags);
      }, LOCAL),
    );
  hosts
    .command('discover')
    .description(
      'Which addresses have an Ollama: those that are given, else the configured ones. No network is ever looked through.',
    )
    .argument('[address...]', 'such as box, box:8080 or https://box.example; port 11434 by default')
    .option('--no-header', 'in a pipe: without the header row')
    .action(
      action(async (context, words: readonly string[], flags: ListFlags) => {
        await (await import('../hosts/discover.js')).discoverHosts(context, words, flags);
      }, LOCAL),
    );
}

function declareWriting(hosts: Command, action: Action): void {
  hosts
    .command('add')
    .description(
      'Names a host in your own configuration file. Of its headers, `--header @FILE` or `--header "Name: value"` is kept too.',
    )
    .argument('<name>', 'letters, digits, - and _')
    .argument('<url>', 'such as https://box.example/ollama')
    .option(
      '--header-file <file>',
      'headers that are sent to it: `Name: value` a line, or a token alone; 0600',
    )
    .option('--token-env <variable>', 'the environment variable that holds its bearer token')
    .option('--token', 'ask for a bearer token, unseen, and keep it in a file that only you can read')
    .option('--user <name>', 'basic authentication; asks for the password, unseen, and keeps it so')
    .option('--password-env <variable>', 'take that password from this variable, once')
    .option('--ca-file <file>', 'trust the certificates of this file too')
    .option('--insecure', 'do not check its certificate')
    .option('--use', 'make it the default')
    .option('--force', 'replace the host of that name')
    .action(
      action(async (context, name: string, url: string, flags: AddFlags) => {
        await (await import('../hosts/add.js')).addHost(context, name, url, flags);
      }, LOCAL),
    );
  hosts
    .command('rm')
    .description('Forgets a host, and what is kept for it.')
    .argument('<name>', 'a configured host')
    .action(
      action(async (context, name: string) => {
        await (await import('../hosts/remove.js')).removeHost(context, name);
      }, LOCAL),
    );
  hosts
    .command('use')
    .description('Makes a configured host the default.')
    .argument('[name]', 'a configured host')
    .option('--none', 'none of them: the address that Ollama itself has')
    .action(
      action(async (context, name: string | undefined, flags: { readonly none?: boolean }) => {
        await (await import('../hosts/use.js')).useHost(context, name, flags);
      }, LOCAL),
    );
}
