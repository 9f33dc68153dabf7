import type { Context } from './context.js';
import type { PullState } from './core/pull.js';
import { openLook } from './output/look.js';
import { openPullDisplay } from './output/pull-display.js';
import { chooseProgress } from './output/progress-kind.js';
import type { PullQueue } from './output/pull-words.js';
import { runPull } from './output/run-pull.js';

/** Pulls one model and shows it as the flags, the settings and the terminal ask; resolves to how it ended. */
export async function showPull(
  { io, client, settings, progressMode }: Context,
  model: string,
  options: { readonly quiet: boolean; readonly insecure?: boolean | undefined; readonly queue?: PullQueue },
): Promise<PullState> {
  const { quiet, insecure, queue } = options;
  const now = (): number => io.now();
  const look = await openLook(io, io.stderr, settings);
  const display = await openPullDisplay(chooseProgress(settings.progress, progressMode, quiet), {
    stream: io.stderr,
    env: io.env,
    host: client.host.display,
    model,
    colorLevel: look.level,
    unicode: look.unicode,
    now,
    queue: queue && queue.count > 1 ? queue : undefined,
  });
  try {
    const state = await runPull(client, model, { signal: io.signal, insecure, now }, (at, event) =>
      display.show(at, event),
    );
    await display.end(state);
    return state;
  } finally {
    await display.close();
  }
}
