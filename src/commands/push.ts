import type { Context } from '../context.js';
import { OllamaError, type ErrorCode } from '../core/errors.js';
import { checkModelName, DEFAULT_REGISTRY, displayName, type ModelName } from '../core/model-name.js';
import type { Outcome, Register } from '../command.js';
import { checkProjectHost } from '../consent.js';
import { writeText } from '../output/write.js';

interface PushFlags {
  readonly insecure?: boolean;
  readonly yes?: boolean;
}

/** Declares `push`. */
export const register: Register = (program, action) => {
  program
    .command('push')
    .helpGroup('Models:')
    .summary('upload a model to its registry')
    .description('Has the server upload a model to the registry that its name says, by default ollama.com.')
    .argument('<model>', 'a name with a namespace, such as you/model')
    .option('--insecure', 'have the server send over plain HTTP')
    .option('-y, --yes', 'do not ask')
    .action(
      action(push, {
        refused: (model) => ({ start: { models: [model] }, error: { succeeded: [], failed: [] } }),
      }),
    );
};

async function push(context: Context, model: string, flags: PushFlags): Promise<Outcome> {
  const { io, client } = context;
  const { tellTransfer } = await import('../tell-transfer.js');
  const url = pageOf(model);
  await tellTransfer(context, {
    verb: 'Pushing',
    model,
    prepare: async () => {
      checkTarget(model);
      await checkProjectHost(context, flags.yes === true);
      const { transferEvents } = await import('../core/status-stream.js');
      const lines = client.push(model, { signal: io.signal, insecure: flags.insecure === true });
      const again = flags.insecure === true ? `--insecure ${model}` : model;
      return transferEvents(lines, (error) => explain(error, model, again));
    },
    ...(url === undefined ? {} : { result: { url } }),
  });
  if (url !== undefined && context.mode !== 'json' && context.flags.quiet !== true) {
    await writeText(io.stdout, `${url}\n`, io.signal);
  }
}

/** Nobody but Ollama itself owns the names without a namespace. */
function checkTarget(model: string): ModelName {
  const name = checkModelName(model);
  if (name.host !== DEFAULT_REGISTRY || name.namespace !== 'library') return name;
  throw new OllamaError('invalid_name', `"${model}" has no namespace to push it to.`, {
    model,
    hint: `Give it one that is yours: ollama-cli cp ${model} YOU/${model}, and push that.`,
  });
}

/** The page of a model that is pushed to ollama.com; undefined for any other registry. Source: cmd/cmd.go, PushHandler. */
function pageOf(model: string): string | undefined {
  try {
    const name = checkTarget(model);
    return name.host === DEFAULT_REGISTRY
      ? `https://ollama.com/${displayName(name).replace(/:latest$/, '')}`
      : undefined;
  } catch {
    // No name to push to: said when it is pushed.
    return undefined;
  }
}

/** The transfer did not get to its end, and may the next time. */
const UNFINISHED: readonly ErrorCode[] = ['registry_unreachable', 'stream_cut', 'stalled', 'digest_mismatch'];

/** What the server's words mean for a push: they are those of a pull, and name files. */
function explain(error: OllamaError, model: string, again: string): OllamaError {
  const { code, message, host, status, cause } = error;
  const facts = { model, host, status, cause };
  if (code === 'model_not_found') {
    return new OllamaError(code, `"${model}" is not installed.`, { ...facts, status: 404 });
  }
  // With a status it is the server itself that refuses.
  if (code === 'unauthorized' && status === undefined) {
    return new OllamaError(code, `${model} may not be pushed by this server: ${message}`, {
      ...facts,
      hint: 'Its namespace has to be one of yours.',
    });
  }
  if (!UNFINISHED.includes(code)) return error;
  const insecure = /HTTP response to HTTPS client/.test(message);
  return new OllamaError(code, message, {
    ...facts,
    hint: insecure
      ? `That registry speaks plain HTTP: ollama-cli push --insecure ${model}`
      : `What has arrived is kept: ollama-cli push ${again}`,
  });
}
