import type { Action, Register } from '../command.js';
import type { Command } from 'commander';

/** Declares `sessions` with its subcommands. */
export const register: Register = (program, action) => {
  const sessions = program
    .command('sessions')
    .helpGroup('Talk:')
    .summary('the conversations that are kept')
    .description(
      'The conversations that are kept; without a subcommand it lists them. `chat --continue` goes on with the last, `chat --resume ID` with any. An ID may be given by its beginning or its last part, and a title does as well.',
    );
  declareReading(sessions, action);
  declareWriting(sessions, action);
};

function declareReading(sessions: Command, action: Action): void {
  sessions
    .command('list', { isDefault: true })
    .description('The kept conversations, the last one first.')
    .usage('[options]')
    // As the default it gets the words that are no subcommand, and says so.
    .argument('[word...]')
    .option('--limit <n>', 'so many at most')
    .option('--no-header', 'in a pipe: without the header row')
    .action(
      action(async (context, words: readonly string[], flags: object) => {
        const { tellSessions } = await import('../sessions/list.js');
        const names = sessions.commands.map((command) => command.name());
        await tellSessions(context, flags, { words, names });
      }),
    );
  sessions
    .command('show')
    .description('What was said in one.')
    .argument('<id>', 'its id, the beginning or the last part of it, or its title')
    .action(
      action(async (context, word: string) => {
        const { tellSession } = await import('../sessions/show.js');
        await tellSession(context, word);
      }),
    );
  sessions
    .command('search')
    .description('Where all of these words stand, whatever their letter case.')
    .argument('<word...>', 'looked for in titles and messages')
    .option('--no-header', 'in a pipe: without the header row')
    .action(
      action(async (context, words: readonly string[], flags: { readonly header?: boolean }) => {
        const { tellFound } = await import('../sessions/find.js');
        await tellFound(context, words, flags);
      }),
    );
}

function declareWriting(sessions: Command, action: Action): void {
  sessions
    .command('export')
    .description('One as Markdown, or as JSON that can be sent to the server again.')
    .argument('<id>', 'its id, the beginning or the last part of it, or its title')
    .option('--format <format>', 'md or json; default: by the name of the file, else md')
    .option('-o, --output <file>', 'into this file instead of stdout')
    .option('-y, --yes', 'replace the file without asking')
    .action(
      action(async (context, word: string, flags: object) => {
        const { exportSession } = await import('../sessions/save.js');
        await exportSession(context, word, flags);
      }),
    );
  sessions
    .command('rm')
    .description(
      'Removes kept conversations, after saying which. Asks in a terminal; without one it needs --yes.',
    )
    .argument('[id...]', 'ids or titles, or globs of ids such as "202611*"')
    .option('--all', 'all of them')
    .option('--older-than <age>', 'only those in which nothing was said for so long: 12h, 30d, 2w')
    .option('-n, --dry-run', 'only say what would be removed')
    .option('--ignore-missing', 'one that is not there is no failure')
    .option('-y, --yes', 'do not ask')
    .option('-f, --force', 'the same as --yes')
    .action(
      action(async (context, words: readonly string[], flags: object) => {
        const { removeSessions } = await import('../sessions/remove.js');
        return await removeSessions(context, words, flags);
      }),
    );
}
