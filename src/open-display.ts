import type { Context } from './context.js';
import { openLook } from './output/look.js';
import { openPullDisplay, type PullDisplay, type PullDisplayOptions } from './output/pull-display.js';
import { chooseProgress } from './output/progress-kind.js';

/** Opens the display that the flags, the settings and the terminal ask for; `own` is what this work shows on it. */
export async function openDisplay(
  { io, client, settings, flags, progressMode }: Context,
  own: Pick<PullDisplayOptions, 'model' | 'verb' | 'stallMs' | 'bell'>,
  quiet = flags.quiet === true,
): Promise<PullDisplay> {
  const look = await openLook(io, io.stderr, settings);
  return await openPullDisplay(chooseProgress(settings.progress, progressMode, quiet), {
    stream: io.stderr,
    env: io.env,
    host: client.host.display,
    colorLevel: look.level,
    unicode: look.unicode,
    now: () => io.now(),
    signal: io.signal,
    ...own,
  });
}
