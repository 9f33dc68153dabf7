import { homeDir } from '../config/paths.js';
import type { Context } from '../context.js';
import type { Conversation } from '../core/chat.js';
import { isOllamaError } from '../core/errors.js';
import { relay, type Relay } from '../core/time-limit.js';
import { formatCount } from '../format/count.js';
import type { Recorder } from '../sessions/entry.js';
import type { Session } from '../sessions/fold.js';
import { openApproval } from '../tools/approval.js';
import type { Toolbox } from '../tools/toolbox.js';
import { asksHost, followAnswerer, type Answering } from './answering.js';
import { readInput } from './commands.js';
import { openTruncationGuard } from './context-guard.js';
import { followIntent } from './follow.js';
import { describeGoing, hasClock } from './going.js';
import { recordBeginning } from './keep-talk.js';
import { showHeader } from './models.js';
import { showLastTurns } from './show-turns.js';
import type { Dialogue, Stage } from './stage.js';
import { EMPTY_TALLY } from './stats.js';
import { tell, watchRecorder, type Talk } from './talk.js';
import { learnWindow } from './turn.js';
import { tellFailure } from './turn-failure.js';

/** Why what is going on ends: the person wants it. */
const INTERRUPTED = 'interrupted';

/** What a dialogue is made of. */
export interface DialogueOptions {
  readonly conversation: Conversation;
  readonly stage: Stage;
  /** Keeps the conversation; without one it is not kept. */
  readonly recorder?: Recorder | undefined;
  readonly toolbox?: Toolbox | undefined;
  /** Who answers, where that is not the host in force alone. */
  readonly answering?: Answering | undefined;
  /** Globs of the functions that may be called without asking. */
  readonly allowedTools?: readonly string[] | undefined;
  /** The kept conversation that goes on. */
  readonly resumed?: Session | undefined;
  /** Whether the model starts loading while the person types. */
  readonly warmUp?: boolean | undefined;
  /** Lets the server cut the beginning of a conversation that outgrows the window. */
  readonly truncate?: boolean | undefined;
  /** Pulls a model, which the person has agreed to; resolves to whether it is there now. */
  pull(model: string): Promise<boolean>;
}

/** Makes the conversation with a model, one thing at a time. Nothing is shown or asked before `open`. */
export function startDialogue(context: Context, options: DialogueOptions): Dialogue {
  const { stage, toolbox, resumed, answering } = options;
  const { io } = context;
  const ending = relay(io.signal);
  let running: { readonly abort: (reason: unknown) => void; readonly done: Promise<void> } | undefined;
  let warming: (Relay & { readonly model: string; readonly done: Promise<void> }) | undefined;

  const talk: Talk = {
    context,
    stage,
    toolbox,
    approve:
      toolbox === undefined
        ? undefined
        : openApproval(toolbox, {
            allow: options.allowedTools,
            choose: async (question, signal) => await stage.choose(question, signal),
          }),
    answering,
    following: answering === undefined ? undefined : followAnswerer(answering),
    truncate: options.truncate ?? false,
    pull: (model) => options.pull(model),
    warmUp: () => {
      if (options.warmUp === false || !asksHost(answering)) return;
      const { model } = talk.conversation;
      // Nobody waits for another model any more, and there may not be memory for both.
      if (warming?.model !== model) warming?.abort(INTERRUPTED);
      const stop = relay(ending.signal);
      const done = Promise.all([warming?.done, warm(stop)]).then(() => undefined);
      warming = { ...stop, model, done };
    },
    isEnding: () => ending.signal.aborted,
    conversation: options.conversation,
    replaced: undefined,
    recorder: options.recorder,
    origins: new WeakMap(),
    attached: [],
    going: undefined,
    loadingSince: undefined,
    lastEnd: resumed?.stopped === true ? 'cut' : undefined,
    loadedWindow: undefined,
    lastCount: undefined,
    truncation: openTruncationGuard(),
    refused: new Set(),
    showsNumbers: true,
    tally: EMPTY_TALLY,
    noted: Promise.resolve(),
  };

  /** What is wrong is told at once; what is well is not worth a word. */
  async function warm({ signal, release }: Relay): Promise<void> {
    const { warmUp } = await import('./warm-up.js');
    talk.loadingSince = io.now();
    const error = await warmUp(context, talk.conversation, signal);
    const isStopped = signal.aborted;
    release();
    if (isStopped) return;
    talk.loadingSince = undefined;
    if (error === undefined && running === undefined) await learnWindow(talk);
    stage.changed();
    // Where others stand behind, a question is answered all the same.
    if (error === undefined || (answering !== undefined && answering.behind.length > 0)) return;
    // A question that is on its way meets the same, and tells it.
    if (running === undefined)
      tellFailure(talk, error, 'You can write all the same: what you ask stays, and /retry asks it again.');
  }

  async function perform(written: string, signal: AbortSignal): Promise<void> {
    try {
      await followIntent(talk, readInput(written), written, signal);
    } catch (error) {
      if (!isOllamaError(error)) throw error;
      if (error.code === 'interrupted') tell(talk, 'Stopped.');
      else tellFailure(talk, error);
    }
  }

  return {
    open() {
      showHeader(talk);
      recordBeginning(talk, resumed?.conversation);
      showLastTurns(talk);
      talk.warmUp();
    },
    async perform(written) {
      const stop = relay(ending.signal);
      const done = perform(written, stop.signal);
      running = { abort: stop.abort, done };
      try {
        await done;
      } finally {
        stop.release();
        running = undefined;
        talk.going = undefined;
        stage.changed();
      }
    },
    stop: () => running?.abort(INTERRUPTED),
    isBusy: () => running !== undefined,
    status() {
      const now = describeGoing(talk.going, io.now());
      if (now.length > 0) return now;
      if (talk.attached.length > 0) return [`${talk.attached.length} attached to the next message`];
      if (talk.loadingSince !== undefined) return ['the model is loading; you can write meanwhile'];
      // The first answer tells it with its numbers; until then it is known nowhere else on the screen.
      const window = talk.tally.answers === 0 ? talk.loadedWindow : undefined;
      return window === undefined ? [] : [`context ${formatCount(window)}`];
    },
    isWaiting: () => hasClock(talk.going, io.now()),
    async complete(text, cursor) {
      const { completeInput } = await import('./complete.js');
      return await completeInput(text, cursor, {
        models: async () => await context.client.fetchModels({ signal: ending.signal }).catch(() => []),
        cwd: io.cwd,
        home: homeDir(io.env, io.platform),
      });
    },
    conversation: () => talk.conversation,
    async close() {
      ending.abort(INTERRUPTED);
      await running?.done.catch(() => undefined);
      await warming?.done;
      await talk.noted;
      await watchRecorder(talk);
      ending.release();
    },
  };
}
