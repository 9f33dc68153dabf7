import type { Following } from '../chat/answering.js';
import type { Context } from '../context.js';
import { reduceChat, startAnswer, type Conversation } from '../core/chat.js';
import type { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import type { TurnOutcome } from '../tools/run-turn.js';
import type { TurnEvent } from '../tools/turn.js';
import type { Outlet } from './outlet.js';
import { openPatience } from './patience.js';

/** One turn, from the request to its last event. */
export type Turn = AsyncGenerator<readonly TurnEvent[], TurnOutcome, undefined>;

/** How an answer is asked for. */
export interface AnswerOptions {
  /** Opens the outlet, while the server is asked already; the same one each time. */
  readonly open: () => Promise<Outlet>;
  /** Asks for the answer to a conversation. */
  readonly ask: (conversation: Conversation) => Turn;
  /** Mends what a request failed with before anything came; resolves with whether it is worth asking again. */
  readonly mend: (error: OllamaError) => Promise<boolean>;
  /** Told of what comes, beside the outlet. */
  readonly watch?: ((events: readonly TurnEvent[]) => void) | undefined;
  /** Who answers, where several may. */
  readonly following?: Following | undefined;
}

/**
 * Asks for one answer and tells it as it comes. A model that can't think answers without, a busy server is asked again. Resolves with what came, also of
 * an answer that failed; throws only what the outlet or `mend` throws.
 */
export async function answerOnce(
  context: Context,
  first: Conversation,
  options: AnswerOptions,
): Promise<TurnOutcome> {
  let conversation = first;
  const mended = new Set<string>();
  const waitOut = openPatience(context, context.io.signal, async () => {
    if (context.progressMode !== 'tty') return;
    await (await options.open()).note(`${context.client.host.display} is busy; it is asked again.`);
  });
  for (;;) {
    options.following?.begin(conversation.model);
    const outcome = await follow(context, options.ask(conversation), options);
    const { error, tokens } = outcome.answer;
    if (error === undefined || tokens > 0 || outcome.messages.length > 0) return outcome;
    if (await waitOut(error)) continue;
    if (refusesThinking(error) && conversation.think !== undefined && conversation.think !== false) {
      await (
        await options.open()
      ).note(`${cleanLine(conversation.model)} does not think; it answers at once.`);
      conversation = { ...conversation, think: undefined };
    } else if (mended.has(error.code) || !(await options.mend(error))) {
      return outcome;
    }
    mended.add(error.code);
  }
}

/** Whether a server refused to have this model think. Source: the wording of Ollama's 400. */
export function refusesThinking(error: OllamaError): boolean {
  return error.status === 400 && /does not support thinking/.test(error.message);
}

async function follow(
  { io, mode }: Context,
  turn: Turn,
  { open, watch, following }: AnswerOptions,
): Promise<TurnOutcome> {
  let answer = startAnswer(io.now());
  let outcome: TurnOutcome | undefined;
  // The request goes out before anything else is loaded that its answer needs.
  let next = turn.next();
  let outlet: Outlet | undefined;
  try {
    outlet = await open();
    for (;;) {
      const step = await next;
      if (step.done === true) {
        outcome = step.value;
        return outcome;
      }
      const batch: TurnEvent[] = [];
      for (const event of step.value) {
        // The answer to what a function gave is another one; thoughts and words of it are told apart.
        if (answer.phase === 'done' && event.type !== 'tool_result') answer = startAnswer(io.now());
        if (event.type !== 'tool_result') answer = reduceChat(answer, event, io.now());
        batch.push(event);
      }
      watch?.(batch);
      const told = following?.take(batch);
      // Whoever reads events has it as one. That another answered, who may cost something, is no small talk.
      if (told !== undefined && mode !== 'json') await outlet.note(told, { evenQuiet: true });
      await outlet.take(batch, answer);
      next = turn.next();
    }
  } finally {
    await outlet?.end(outcome?.answer ?? answer);
    // Not awaited: a request that goes on would be waited for.
    turn.return({ messages: [], answer }).catch(() => undefined);
  }
}
