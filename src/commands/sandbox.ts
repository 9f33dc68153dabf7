import { once } from 'node:events';
import type { Context } from '../context.js';
import { parseDuration, parseFlag, parseSize } from '../config/duration.js';
import { parseListen } from '../config/listen.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { collect, type Register } from '../command.js';
import type { SandboxOptions } from '../sandbox/server.js';

interface SandboxFlags {
  readonly listen: string;
  readonly models?: string;
  readonly scale?: string;
  readonly rate?: string;
  readonly tokenRate?: string;
  readonly load?: string;
  readonly fault?: readonly string[];
  readonly as?: string;
  readonly empty?: boolean;
}

/** Declares `sandbox`. */
export const register: Register = (program, action) => {
  program
    .command('sandbox')
    .helpGroup('Server:')
    .summary('an embedded Ollama-compatible server to try things out')
    .description(
      'Runs a server on this machine that speaks as Ollama does, with models at a hundredth of their size and answers that no model wrote. Prints its URL; Ctrl-C ends it.',
    )
    .option('--listen <[addr:]port>', 'where to listen, loopback only; port 0 for a free one', '127.0.0.1:0')
    .option('--models <dir>', 'keep its models in this folder; otherwise in memory')
    .option('--scale <factor>', 'size of the models: 1 for their real one', '0.01')
    .option('--rate <size>', 'bytes a second of a pull, or of a connection to its registry: 5MB')
    .option('--token-rate <number>', 'tokens a second of an answer')
    .option('--load <duration>', 'how long a model takes to load: 3s')
    .option('--fault <fault>', 'bring a failure at will; repeats; "--fault help" lists them', collect)
    .option('--as <version>', 'take on the ways of 0.24.0 or 0.5.13')
    .option('--empty', 'start with no model installed')
    .action(action(sandbox));
};

/** A folder that can't be used, or an address that is taken, is a mistake in the flags. */
function cannotStart(error: unknown, flags: SandboxFlags): unknown {
  if (!(error instanceof Error) || !('code' in error) || isOllamaError(error)) return error;
  const code = String(error.code);
  const taken =
    code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL' || (code === 'EACCES' && flags.models === undefined);
  const message = taken
    ? `--listen ${flags.listen}: ${code}.`
    : `--models ${flags.models ?? ''} can't be used: ${code}.`;
  return new OllamaError('usage', message, {
    cause: error,
    hint: taken ? 'Port 0 takes a free one.' : 'Name a folder that can be written.',
  });
}

function parseRate(text: string): number {
  try {
    return parseSize(text);
  } catch (cause) {
    throw new OllamaError('usage', `--rate takes bytes a second such as 5MB or 500kB, not "${text}".`, {
      cause,
    });
  }
}

function positive(text: string, flag: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new OllamaError('usage', `${flag} takes a number above 0, not "${text}".`);
}

async function sandbox({ io }: Context, flags: SandboxFlags): Promise<void> {
  const { startSandbox } = await import('../sandbox/server.js');
  const { FAULTS, parseFault } = await import('../sandbox/faults.js');
  if (flags.fault?.includes('help') === true) {
    const width = Math.max(...Object.keys(FAULTS).map((name) => name.length));
    const lines = Object.entries(FAULTS).map(
      ([name, { describe }]) => `${name.padEnd(width)}  ${describe}\n`,
    );
    io.stdout.write(lines.join(''));
    return;
  }
  if (flags.as !== undefined && flags.as !== '0.24.0' && flags.as !== '0.5.13') {
    throw new OllamaError('usage', `--as takes 0.24.0 or 0.5.13, not "${flags.as}".`);
  }
  const options: SandboxOptions = {
    listen: parseListen(flags.listen),
    scale: positive(flags.scale ?? '0.01', '--scale'),
    faults: (flags.fault ?? []).map(parseFault),
    ...(flags.models === undefined ? {} : { modelsDir: flags.models }),
    ...(flags.rate === undefined ? {} : { rate: parseRate(flags.rate) }),
    ...(flags.tokenRate === undefined ? {} : { tokensPerSecond: positive(flags.tokenRate, '--token-rate') }),
    ...(flags.load === undefined ? {} : { loadMs: parseFlag('--load', flags.load, parseDuration) }),
    ...(flags.as === undefined ? {} : { version: flags.as }),
    ...(flags.empty === true ? { installed: [] } : {}),
  };
  const server = await startSandbox(options).catch((error: unknown) => {
    throw cannotStart(error, flags);
  });
  try {
    // A script reads this one line and has the address.
    io.stdout.write(`${server.url}\n`);
    io.stderr.write(
      `A sandbox, not Ollama: its models are made up, and so is what they say.\nTry: ollama-cli -H ${server.url} list\nCtrl-C ends it.\n`,
    );
    if (!io.signal.aborted) await once(io.signal, 'abort');
  } finally {
    await server.close();
  }
}
