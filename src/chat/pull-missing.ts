import { askYesNo } from '../output/ask.js';
import { mayAsk } from '../consent.js';
import type { Context } from '../context.js';
import { cleanLine } from '../format/clean.js';
import { openLook } from '../output/look.js';
import { openPullDisplay } from '../output/pull-display.js';
import { chooseProgress } from '../output/progress-kind.js';
import { runPull } from '../output/run-pull.js';

/**
 * Pulls a model that a chat needs, as `auto_pull` says: `always` does, `never` doesn't, `ask` asks and is `never`
 * without a terminal. Resolves to whether the model is there now; throws what the pull failed with.
 */
export async function pullMissing(context: Context, model: string, yes = false): Promise<boolean> {
  const { io, client, settings } = context;
  const host = client.host.display;
  const wanted =
    settings.auto_pull === 'always' ||
    (settings.auto_pull === 'ask' && yes) ||
    (settings.auto_pull === 'ask' &&
      mayAsk(context) &&
      (await askYesNo(io, `"${cleanLine(model)}" is not installed on ${host}. Pull it?`)));
  if (!wanted) return false;
  const quiet = context.flags.quiet === true || context.mode === 'json';
  const look = await openLook(io, io.stderr, settings);
  const display = await openPullDisplay(chooseProgress(settings.progress, context.progressMode, quiet), {
    stream: io.stderr,
    stdin: io.stdin,
    env: io.env,
    platform: io.platform,
    host,
    model,
    colorLevel: look.level,
    unicode: look.unicode,
    now: () => io.now(),
    interrupt: () => io.interrupt(),
  });
  try {
    const state = await runPull(client, model, { signal: io.signal, now: () => io.now() }, (now, event) =>
      display.show(now, event),
    );
    await display.end(state);
    if (state.error) throw state.error;
    return true;
  } finally {
    await display.close();
  }
}
