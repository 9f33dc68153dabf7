import { isStep } from '../chat/answering.js';
import type { Context } from '../context.js';
import { startAnswer, type AnswerState } from '../core/chat.js';
import { cleanLine, createCleaner } from '../format/clean.js';
import { formatMs } from '../format/duration.js';
import { openLook, type Look } from '../output/look.js';
import type { Waiting } from '../output/waiting.js';
import { writeText } from '../output/write.js';
import type { TurnEvent } from '../tools/turn.js';
import type { Outlet, Sink } from './outlet.js';

/** How an answer is told as text. */
export interface TextOutletOptions {
  readonly model: string;
  readonly sink: Sink;
  /** Whether thoughts are told, on stderr. */
  readonly thinking: boolean;
}

/** Tells an answer for people and pipes: its text into the sink, thoughts, calls and notes on stderr. */
export async function openTextOutlet(
  context: Context,
  { model, sink, thinking: tellsThinking }: TextOutletOptions,
): Promise<Outlet> {
  const { io, settings, flags, progressMode } = context;
  const quiet = flags.quiet === true;
  let look: Look | undefined;
  /** Loaded when it is first needed: most answers into a pipe have nothing to say on stderr. */
  const dim = async (text: string): Promise<string> => {
    look ??= await openLook(io, io.stderr, settings);
    return look.styles.dim(text);
  };
  const openWait = await readyWaiting();
  let waiting = openWait();
  const cleanThinking = createCleaner();
  let thinkingOpen = false;

  /** Only a terminal that can move its cursor is told what is being waited for. */
  async function readyWaiting(): Promise<() => Waiting> {
    if (quiet || progressMode !== 'tty') return () => ({ end: () => undefined });
    const { openWaiting } = await import('../output/waiting.js');
    const { openWaiting: openLooking } = await import('../chat/waiting.js');
    const seen = await openLook(io, io.stderr, settings);
    return () => {
      const since = io.now();
      const answer = startAnswer(since);
      // The server is not asked what it is doing before there is something to say.
      let looking: ReturnType<typeof openLooking> | undefined;
      const line = openWaiting(io, seen, () => {
        looking ??= openLooking(context, model);
        return looking.words(answer, since, io.now()).join(', ');
      });
      return {
        end() {
          looking?.stop();
          line.end();
        },
      };
    };
  }

  const writeError = async (text: string): Promise<void> => await writeText(io.stderr, text, io.signal);
  const tell = async (text: string, how?: { readonly evenQuiet: true }): Promise<void> => {
    await breakOff();
    if (!quiet || how !== undefined) await writeError(`${await dim(text)}\n`);
  };
  /** Ends what is open on both streams. */
  async function breakOff(): Promise<void> {
    waiting.end();
    await sink.pause();
    // No answer came after the thinking: what is said next stands on a line of its own.
    if (thinkingOpen) await writeError('\n');
    thinkingOpen = false;
  }

  async function write(thoughts: string, words: string, answer: AnswerState): Promise<void> {
    if (thoughts !== '' && tellsThinking && !quiet) {
      if (!thinkingOpen) await sink.pause();
      thinkingOpen = true;
      await writeError(await dim(cleanThinking(thoughts)));
    }
    if (words === '') return;
    if (thinkingOpen) {
      thinkingOpen = false;
      const took = (answer.thinkingUntil ?? io.now()) - (answer.thinkingSince ?? io.now());
      await writeError(`\n${await dim(`thought for ${formatMs(took)}`)}\n\n`);
    }
    await sink.write(words);
  }

  return {
    async take(events, answer) {
      // Another one is asked: what is waited for is still to come.
      if (events.every(isStep)) return;
      let thoughts = '';
      let words = '';
      for (const event of events) {
        if (event.type === 'token') words += event.text;
        else if (event.type === 'thinking') thoughts += event.text;
        else if (event.type === 'tool_call' || event.type === 'tool_result') {
          await write(thoughts, words, answer);
          [thoughts, words] = ['', ''];
          await tell(await toolWords(event));
        }
      }
      waiting.end();
      await write(thoughts, words, answer);
      // What follows a result is waited for anew.
      if (events.at(-1)?.type === 'tool_result') waiting = openWait();
    },
    note: tell,
    end: async () => await breakOff(),
  };
}

/** A call, or what came of one, in a line. */
async function toolWords(event: Extract<TurnEvent, { type: 'tool_call' | 'tool_result' }>): Promise<string> {
  // Loaded here: few answers call anything.
  const { describeCall, describeOutcome } = await import('../tools/describe.js');
  if (event.type === 'tool_call') return `calls ${describeCall(event.call)}`;
  const { name } = event.call.function;
  return `${cleanLine(name)}${event.result.isError ? ' failed' : ''}: ${describeOutcome(event.result)}`;
}
