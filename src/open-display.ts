import type { Context } from './context.js';
import { openLook } from './output/look.js';
import { openPullDisplay, type PullDisplay, type PullDisplayOptions } from './output/pull-display.js';
import { chooseProgress } from './output/progress-kind.js';

/** Opens the display that the flags, the settings and the terminal ask for; `own` is what this work shows on it. */
export async function openDisplay(
  context: Context,
  own: Pick<PullDisplayOptions, 'model' | 'verb' | 'stallMs' | 'bell'> & {
    readonly host?: string | undefined;
  },
  quiet = context.flags.quiet === true,
): Promise<PullDisplay> {
  const { io, settings, progressMode } = context;
  const look = await openLook(io, io.stderr, settings);
  return await openPullDisplay(chooseProgress(settings.progress, progressMode, quiet), {
    stream: io.stderr,
    env: io.env,
    colorLevel: look.level,
    unicode: look.unicode,
    now: () => io.now(),
    signal: io.signal,
    ...own,
    host: own.host ?? context.client.host.display,
  });
}
