import type { Context } from './context.js';
import { boardOf } from './core/pull-board.js';
import type { OllamaPullEvent } from './core/pull-events.js';
import { reducePull, startPull, type PullState } from './core/pull.js';
import { openLook } from './output/look.js';
import { openPullDisplay, type PullDisplay } from './output/pull-display.js';
import { chooseProgress } from './output/progress-kind.js';
import type { PullVerb } from './output/pull-words.js';
import { runPull } from './output/run-pull.js';
import { manifestReader } from './pulls/look-up.js';

interface ShowOptions {
  readonly quiet: boolean;
  /** After so long without a byte the server is asked again, 45,000 by default; 0 waits for ever. In milliseconds. */
  readonly stallMs?: number | undefined;
}

/** Pulls one model and shows it as the flags, the settings and the terminal ask; resolves to how it ended. */
export async function showPull(
  context: Context,
  model: string,
  { quiet, insecure, stallMs = STALL_MS }: ShowOptions & { readonly insecure?: boolean | undefined },
): Promise<PullState> {
  const { io, client } = context;
  const now = (): number => io.now();
  const display = await openDisplay(context, { verb: 'Pulling', model, quiet, stallMs });
  try {
    const readManifest = manifestReader(context, model, { insecure });
    const state = await runPull(
      client,
      model,
      { signal: io.signal, insecure, stallMs, now, readManifest },
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
  options: { readonly verb: 'Pushing' | 'Creating'; readonly model: string; readonly quiet: boolean },
  events: AsyncIterable<OllamaPullEvent>,
): Promise<PullState> {
  const { io } = context;
  const display = await openDisplay(context, options);
  try {
    let state = startPull(options.model, io.now());
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

/** The client's own default of how long nothing may come before it asks again. */
const STALL_MS = 45_000;

async function openDisplay(
  { io, client, settings, progressMode }: Context,
  { verb, model, quiet, stallMs }: ShowOptions & { readonly verb: PullVerb; readonly model: string },
): Promise<PullDisplay> {
  const look = await openLook(io, io.stderr, settings);
  return await openPullDisplay(chooseProgress(settings.progress, progressMode, quiet), {
    stream: io.stderr,
    env: io.env,
    host: client.host.display,
    model,
    colorLevel: look.level,
    unicode: look.unicode,
    now: () => io.now(),
    verb,
    stallMs,
    signal: io.signal,
  });
}
