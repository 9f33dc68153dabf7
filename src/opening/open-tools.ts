import type { Context } from '../context.js';
import type { TellToolbox } from '../tools/open-toolbox.js';
import type { Toolbox } from '../tools/toolbox.js';
import type { Ahead } from './mend.js';

/**
 * Connects to the servers that were asked for, once the model has said that it can call functions; undefined where none
 * was. Throws as `checkCapability` and `openToolbox` do; with `tell`, a server that fails is told and the others are used.
 */
export async function openTools(
  context: Context,
  model: string,
  names: readonly string[],
  ahead: Ahead,
  tell?: TellToolbox,
): Promise<Toolbox | undefined> {
  if (names.length === 0) return undefined;
  const { checkCapability } = await import('../models/capability.js');
  await ahead(async () => await checkCapability(context, model, 'tools', context.io.signal));
  const { openToolbox } = await import('../tools/open-toolbox.js');
  return await openToolbox(context, names, { tell });
}
