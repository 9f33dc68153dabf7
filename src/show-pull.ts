import type { Context } from './context.js';
import { boardOf } from './core/pull-board.js';
import type { OllamaPullEvent } from './core/pull-events.js';
import { DEFAULT_STALL_MS } from './core/pull-watch.js';
import { reducePull, startPull, type PullState } from './core/pull.js';
import { openDisplay } from './open-display.js';
import { runPull } from './output/run-pull.js';
import { manifestReader } from './pulls/look-up.js';

/**
 * Pulls one model and shows it as the flags, the settings and the terminal ask; resolves to how it ended. `signal` ends it,
 * by default the program's own.
 */
export async function showPull(
  context: Context,
  model: string,
  {
    quiet,
    signal = context.io.signal,
  }: { readonly quiet: boolean; readonly signal?: AbortSignal | undefined },
): Promise<PullState> {
  const { io, client } = context;
  const stallMs = DEFAULT_STALL_MS;
  const display = await openDisplay(context, { model, stallMs }, quiet);
  try {
    const readManifest = manifestReader(context, model, {});
    const state = await runPull(
      client,
      model,
      { signal, stallMs, now: () => io.now(), readManifest },
      (at, event) => display.show(boardOf(at), event),
    );
    await display.ended(boardOf(state), state);
    return state;
  } finally {
    await display.close();
  }
}

/** Shows a push or a create on the same display as a pull; resolves to how it ended. */
export async function showTransfer(
  context: Context,
  { verb, model }: { readonly verb: 'Pushing' | 'Creating'; readonly model: string },
  events: AsyncIterable<OllamaPullEvent>,
): Promise<PullState> {
  const { io } = context;
  const display = await openDisplay(context, { verb, model });
  try {
    let state = startPull(model, io.now());
    for await (const event of events) {
      state = reducePull(state, event, io.now());
      display.show(boardOf(state), event);
    }
    await display.ended(boardOf(state), state);
    return state;
  } finally {
    await display.close();
  }
}
