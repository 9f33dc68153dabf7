import type { Context } from '../context.js';
import { answerMessage, reduceChat, startAnswer, type AnswerState, type ChatRequest } from '../core/chat.js';
import { createCleaner } from '../format/clean.js';
import { formatMs } from '../format/duration.js';
import { openLook } from '../output/look.js';
import { writeText } from '../output/write.js';
import { openWaiting } from '../output/waiting.js';

/** Writes one event as a line of JSON. */
type WriteEvent = (event: object) => Promise<void>;

/**
 * Streams one answer: text on stdout, thinking on stderr; with `--json` its events. Throws what the answer failed with;
 * what came before stays written. `onMissing` may fetch a missing model and say that it is worth asking again.
 */
export async function answerOnce(
  context: Context,
  request: ChatRequest,
  options: { readonly write: WriteEvent; readonly onMissing: () => Promise<boolean> },
): Promise<void> {
  const attempt = async (): Promise<AnswerState> => {
    const state =
      context.mode === 'json'
        ? await streamJson(context, request, options.write)
        : await streamText(context, request);
    await noteUse(context, request.model, state);
    return state;
  };
  const state = await attempt();
  if (state.error?.code === 'model_not_found' && state.tokens === 0 && (await options.onMissing())) {
    const again = await attempt();
    if (again.error) throw again.error;
    return;
  }
  if (state.error) throw state.error;
}

/** Keeps that a model was used, once something came of it. Never rejects. */
export async function noteUse(
  { io, client, settings }: Context,
  model: string,
  { tokens, phase, metrics }: AnswerState,
): Promise<void> {
  if (tokens === 0 && phase !== 'done') return;
  const { recordUse } = await import('../models/usage.js');
  const tokensPerSecond = metrics?.tokens_per_second;
  await recordUse(io, settings, { host: client.host.url, model, at: io.now(), tokensPerSecond });
}

async function streamJson(
  { io, client, settings }: Context,
  request: ChatRequest,
  write: WriteEvent,
): Promise<AnswerState> {
  let state = startAnswer(io.now());
  for await (const events of client.chatBatches(request, { signal: io.signal })) {
    for (const event of events) {
      state = reduceChat(state, event, io.now());
      if (event.type === 'thinking' || event.type === 'token') {
        await write({ type: event.type, text: event.text });
      } else if (event.type === 'tool_call') {
        const { name, arguments: given } = event.call.function;
        await write({ type: 'tool_call', name, arguments: given });
      }
    }
  }
  if (state.metrics) {
    const limit = settings.options['num_ctx'];
    await write({
      type: 'result',
      message: answerMessage(state),
      done_reason: state.reason,
      metrics: state.metrics,
      context: { used: state.metrics.total_tokens, ...(typeof limit === 'number' ? { limit } : {}) },
    });
  }
  return state;
}

async function streamText(context: Context, request: ChatRequest): Promise<AnswerState> {
  const { io, client, settings, flags } = context;
  const onTerminal = io.stdout.isTTY === true;
  const quiet = flags.quiet === true;
  const look = await openLook(io, io.stderr, settings);
  const waiting = openWaiting(io, quiet || context.progressMode !== 'tty' ? undefined : request.model, look);
  // A file gets the answer byte for byte; a terminal gets no control characters of a model.
  const cleanAnswer = onTerminal ? createCleaner() : (text: string) => text;
  const cleanThinking = createCleaner();
  let state = startAnswer(io.now());
  let thinkingShown = false;
  let lineOpen = false;
  try {
    for await (const events of client.chatBatches(request, { signal: io.signal })) {
      let answer = '';
      let thinking = '';
      for (const event of events) {
        state = reduceChat(state, event, io.now());
        if (event.type === 'token') answer += event.text;
        if (event.type === 'thinking') thinking += event.text;
      }
      waiting.end();
      if (thinking !== '' && !quiet) {
        thinkingShown = true;
        await writeText(io.stderr, look.styles.dim(cleanThinking(thinking)), io.signal);
      }
      if (answer !== '' && thinkingShown) {
        thinkingShown = false;
        const took = (state.thinkingUntil ?? io.now()) - (state.thinkingSince ?? io.now());
        await writeText(io.stderr, `\n${look.styles.dim(`thought for ${formatMs(took)}`)}\n\n`, io.signal);
      }
      if (answer !== '') {
        const text = cleanAnswer(answer);
        lineOpen = text === '' ? lineOpen : !text.endsWith('\n');
        await writeText(io.stdout, text, io.signal);
      }
    }
  } finally {
    waiting.end();
    if (onTerminal && lineOpen) await writeText(io.stdout, '\n');
    // No answer came after the thinking: what is said next stands on a line of its own.
    if (thinkingShown) await writeText(io.stderr, '\n');
  }
  if (state.toolCalls.length > 0 && !quiet) {
    io.stderr.write('The model asked for a function, and none is offered here: --json shows the call.\n');
  }
  if (state.reason === 'length' && !quiet) {
    io.stderr.write('The answer stopped at its length limit (num_predict, or the window).\n');
  }
  if (state.error && state.tokens > 0 && state.error.code !== 'interrupted' && !quiet) {
    // What came is the person's; it must not be taken for the whole.
    io.stderr.write('The answer above is not complete.\n');
  }
  return state;
}
