import type { Context } from './context.js';
import { matchGlob } from './config/glob.js';
import { isTrusted, trust } from './config/trust.js';
import { OllamaError } from './core/errors.js';
import { displayName, parseModelName } from './core/model-name.js';
import { isLoopback } from './core/url.js';
import { cleanLine } from './format/clean.js';
import { askYesNo, canAsk } from './output/ask.js';

/** True where the person can be asked: a terminal on both sides, and nothing that forbids it. */
export function mayAsk({ io, mode, flags }: Context): boolean {
  return mode !== 'json' && flags.input !== false && canAsk(io);
}

/** Asks; throws `declined` where there is nobody to ask, naming the flag that answers. */
export async function askOrDecline(context: Context, question: string, flag = '--yes'): Promise<boolean> {
  if (mayAsk(context)) return await askYesNo(context.io, question);
  throw new OllamaError('declined', `This needs an answer, and nobody can be asked here: ${question}`, {
    hint: `Answer it beforehand with ${flag}.`,
  });
}

/** Throws `not_allowed` for a model that `allowed_models` does not name, in its full or its short form. */
export function checkAllowed({ settings, client }: Context, model: string): void {
  const globs = settings.allowed_models;
  if (globs === undefined) return;
  const name = parseModelName(model);
  const forms = [model, ...(name ? [displayName(name)] : [])];
  if (globs.some((glob) => forms.some((form) => matchGlob(glob, form)))) return;
  throw new OllamaError('not_allowed', `"${model}" is not among the allowed models: ${globs.join(', ')}.`, {
    model,
    host: client.host.url,
    hint: 'allowed_models in the configuration names those that may be used.',
  });
}

/**
 * The first chat or pull with a host that a project's file chose asks, and remembers the answer: a checkout must not
 * send what is typed to a stranger. Throws `declined`.
 */
export async function checkProjectHost(context: Context, yes: boolean): Promise<void> {
  const { projectHost } = context.config;
  const { host } = context.client;
  if (!projectHost || isLoopback(host.hostname) || (await isTrusted(context.io, projectHost))) return;
  const question = `${cleanLine(projectHost.file)} sends this to ${host.url}. Go on?`;
  if (!yes && !(await askOrDecline(context, question))) {
    throw new OllamaError('declined', `Nothing was sent to ${host.url}.`, { host: host.url });
  }
  try {
    await trust(context.io, projectHost);
  } catch (error) {
    // The answer holds for this time all the same.
    const why = cleanLine(error instanceof Error ? error.message : String(error));
    context.io.stderr.write(`warning: this answer could not be kept: ${why}\n`);
  }
}
