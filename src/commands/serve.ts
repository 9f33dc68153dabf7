import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { cleanLine } from '../format/clean.js';
import { readFields, renderFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { writeLines } from '../output/write.js';

/** Declares `serve`. */
export const register: Register = (program, action) => {
  program
    .command('serve')
    .helpGroup('Server:')
    .summary('starts a local Ollama')
    .description(
      'Starts the installed "ollama serve" for the address in use, in the background, and waits until it answers. It goes on running: how to stop it is said. Where one answers already, nothing is started.',
    )
    // It starts one itself: the setting would have it found running.
    .action(action(serve, { settings: () => ({ auto_start_server: false }) }));
};

async function serve(context: Context): Promise<void> {
  const { io, client, mode, flags } = context;
  const { launchServer } = await import('../start-server.js');
  const { started, program, pid, log, stop } = await launchServer(context);
  const version = await readVersion(context);
  const document = {
    host: client.host.url,
    started,
    ...(pid === undefined ? {} : { pid }),
    ...(program === undefined ? {} : { program }),
    ...(version === undefined ? {} : { version }),
    log,
    stop,
  };
  const fields = readFields(flags);
  const picked = fields && pickFields(document, undefined, fields, ['pid', 'program', 'version']);
  if (mode === 'json') return await writeJson(io, picked ?? document);
  if (picked) return await writeLines(io.stdout, renderFields(picked), io.signal);
  if (flags.quiet === true) return;
  const where = `${client.host.display}${version === undefined ? '' : ` (${version})`}`;
  const first = started
    ? `Started ${program ?? 'ollama'} serve on ${where}, process ${pid ?? 'unknown'}; it goes on running.`
    : `A server runs already on ${where}; nothing was started.`;
  const last = started ? [`  its log    ${log}`] : [];
  await writeLines(io.stdout, [first, `  stop it    ${stop}`, ...last].map(cleanLine), io.signal);
}

/** What answers need not be willing to tell its version. */
async function readVersion({ io, client }: Context): Promise<string | undefined> {
  try {
    return await client.version({ signal: io.signal });
  } catch (error) {
    if (io.signal.aborted) throw error;
    return undefined;
  }
}
