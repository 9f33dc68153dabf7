import { askYesNo } from '../output/ask.js';
import { mayAsk } from '../consent.js';
import type { Context } from '../context.js';
import { cleanLine } from '../format/clean.js';
import { showPull } from '../show-pull.js';

/**
 * Pulls a model that a chat needs, as `auto_pull` says: `always` does, `never` doesn't, `ask` asks and is `never`
 * without a terminal. Resolves to whether the model is there now; throws what the pull failed with.
 */
export async function pullMissing(context: Context, model: string, yes = false): Promise<boolean> {
  const { io, client, settings } = context;
  const wanted =
    settings.auto_pull === 'always' ||
    (settings.auto_pull === 'ask' && yes) ||
    (settings.auto_pull === 'ask' &&
      mayAsk(context) &&
      (await askYesNo(io, `"${cleanLine(model)}" is not installed on ${client.host.display}. Pull it?`)));
  if (!wanted) return false;
  const quiet = context.flags.quiet === true || context.mode === 'json';
  const { error } = await showPull(context, model, { quiet });
  if (error) throw error;
  return true;
}
