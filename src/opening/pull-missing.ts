import { askYesNo } from '../output/ask.js';
import { checkAllowed, mayAsk } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { showPull } from '../show-pull.js';

/**
 * Pulls a model that a chat needs, as `auto_pull` says: `always` does, `ask` asks and doesn't without a terminal. Resolves
 * to whether the model is there now. Throws `model_not_found` that names the setting where that is `never`, `not_allowed`
 * for a model that may not be used, and what the pull failed with.
 */
export async function pullMissing(
  context: Context,
  model: string,
  yes = false,
  signal?: AbortSignal,
): Promise<boolean> {
  const { io, client, settings } = context;
  checkAllowed(context, model);
  if (settings.auto_pull === 'never') {
    throw new OllamaError('model_not_found', `"${cleanLine(model)}" is not installed.`, {
      host: client.host.url,
      model,
      hint: 'Nothing is pulled by itself: auto_pull is "never" in the configuration',
    });
  }
  const wanted =
    settings.auto_pull === 'always' ||
    yes ||
    (mayAsk(context) &&
      (await askYesNo(io, `"${cleanLine(model)}" is not installed on ${client.host.display}. Pull it?`)));
  if (!wanted) return false;
  const quiet = context.flags.quiet === true || context.mode === 'json';
  const { error } = await showPull(context, model, { quiet, signal });
  if (error) throw error;
  return true;
}
