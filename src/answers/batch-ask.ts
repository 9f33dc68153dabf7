import type { Context } from '../context.js';
import { answerMessage, type AnswerState, type Conversation } from '../core/chat.js';
import type { ErrorCode, OllamaError } from '../core/errors.js';
import { failureJson, toFailure, toOllamaError } from '../failure.js';
import { followAnswerer, isStep, type Answerer } from '../chat/answering.js';
import { openAhead } from '../opening/mend.js';
import { runTurn, type TurnClient } from '../tools/run-turn.js';
import type { TurnEvent } from '../tools/turn.js';
import { refusesThinking } from './answer.js';
import { questionKey, type BatchItem } from './batch-items.js';
import type { BatchLine } from './batch-output.js';
import { openPatience } from './patience.js';
import type { ChatFlags } from '../opening/chat-flags.js';
import { compileCheck, type CheckAnswer } from './check-schema.js';
import { noteUse } from '../chat/note-use.js';
import { beginConversation, type Opening } from '../opening/opening.js';

/** What ends a batch at once: the next prompt would fail the same way. */
const FATAL: readonly ErrorCode[] = ['unreachable', 'tls', 'unauthorized', 'interrupted', 'no_space'];

/** What a prompt came to: its line, or what ends the batch. */
export type Asked =
  | {
      readonly line: BatchLine;
      readonly error?: OllamaError;
      /** Those that were asked in place of another, one after the other. */
      readonly steps: readonly TurnEvent[];
    }
  | { readonly line?: undefined; readonly error: OllamaError };

/** Asks for the answers to the prompts of a batch, until `signal` is aborted. */
export function openAsker(
  opening: Opening,
  model: string,
  format: unknown,
  flags: ChatFlags,
  signal: AbortSignal,
) {
  const { context, answering } = opening;
  const base = beginConversation({ context, resumed: undefined }, model, format);
  // Whoever is absent is found out by the first answer: nothing is mended in the midst of many.
  const ahead = openAhead(() => Promise.resolve(false), answering);
  let shared: CheckAnswer | undefined;
  const unthinking = new Set<string>();

  function conversationOf(item: BatchItem): Conversation {
    const asked = item.prompt === undefined ? [] : [{ role: 'user', content: item.prompt }];
    const name = item.model ?? model;
    return {
      ...base,
      model: name,
      system: item.system ?? base.system,
      options: { ...base.options, ...item.options },
      format: item.format ?? base.format,
      messages: [...item.messages, ...asked],
      ...(unthinking.has(name) ? { think: undefined } : {}),
    };
  }

  const keyOf = (item: BatchItem): string => {
    const { model: name, system, options, messages, format: wanted } = conversationOf(item);
    return questionKey([name, system, options, base.think, messages, wanted, item.images]);
  };

  async function withImages(conversation: Conversation, { images }: BatchItem): Promise<Conversation> {
    if (images.length === 0) return conversation;
    const { io } = context;
    const { checkCapability, readAttachment } = await import('../attachments/attachments.js');
    const permit = async (): Promise<void> =>
      await ahead(async () => await checkCapability(context, conversation.model, 'vision', signal));
    const read: string[] = [];
    for (const image of images) {
      const attachment = await readAttachment(io, image, 'image', permit);
      if (attachment.kind === 'image') read.push(attachment.base64);
    }
    const before = conversation.messages.slice(0, -1);
    const last = conversation.messages.at(-1) ?? { role: 'user', content: '' };
    return { ...conversation, messages: [...before, { ...last, images: [...(last.images ?? []), ...read] }] };
  }

  async function answer(
    item: BatchItem,
    watch: (events: readonly TurnEvent[]) => void,
  ): Promise<AnswerState> {
    const conversation = await withImages(conversationOf(item), item);
    const client = answering?.client ?? context.client;
    const how = { client, signal, truncate: flags.truncate === true, watch };
    const state = await askPatiently(context, conversation, how);
    if (!state.error || !refusesThinking(state.error) || conversation.think === undefined) return state;
    unthinking.add(conversation.model);
    return await askPatiently(context, { ...conversation, think: undefined }, how);
  }

  /** The schemas of lines are objects of their own: only the one that all share is worth keeping. */
  function checkOf(wanted: unknown): CheckAnswer {
    return wanted === base.format ? (shared ??= compileCheck(wanted)) : compileCheck(wanted);
  }

  return {
    keyOf,
    async ask(item: BatchItem): Promise<Asked> {
      const { index, id } = item;
      const about = { index, ...(id === undefined ? {} : { id }), key: keyOf(item) };
      const following = answering === undefined ? undefined : followAnswerer(answering);
      following?.begin(item.model ?? model);
      const steps: TurnEvent[] = [];
      try {
        const state = await answer(item, (events) => {
          following?.take(events);
          steps.push(...events.filter(isStep));
        });
        if (state.error) throw state.error;
        const wanted = item.format ?? base.format;
        if (wanted !== undefined) checkOf(wanted)(state.content);
        const answerer = following?.now();
        if (answerer?.isHost !== false) await noteUse(context, answerer?.model ?? item.model ?? model, state);
        const { reason, metrics } = state;
        const told = tellAnswerer(answerer);
        return {
          line: { ...about, ...told, message: answerMessage(state), done_reason: reason, metrics },
          steps,
        };
      } catch (thrown) {
        const error = toOllamaError(thrown);
        if (FATAL.includes(error.code)) return { error };
        return {
          line: { ...about, error: failureJson(toFailure(error, { hostFlag: context.flags.host })) },
          error,
          steps,
        };
      }
    },
  };
}

function tellAnswerer(answerer: Answerer | undefined): object {
  return answerer === undefined ? {} : { provider: answerer.name, model: answerer.model };
}

interface How {
  readonly client: TurnClient;
  readonly watch: (events: readonly TurnEvent[]) => void;
  readonly signal: AbortSignal;
  readonly truncate: boolean;
}

/** A server that is busy is asked again. */
async function askPatiently(context: Context, conversation: Conversation, how: How): Promise<AnswerState> {
  const waitOut = openPatience(context, how.signal);
  for (;;) {
    const state = await runOne(context, conversation, how);
    if (state.error === undefined || state.tokens > 0 || !(await waitOut(state.error))) return state;
  }
}

async function runOne(
  { io }: Context,
  conversation: Conversation,
  { client, watch, ...how }: How,
): Promise<AnswerState> {
  const now = (): number => io.now();
  const turn = runTurn(client, conversation, { ...how, now });
  for (;;) {
    const step = await turn.next();
    if (step.done === true) return step.value.answer;
    watch(step.value);
  }
}
