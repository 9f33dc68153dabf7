import { answerMessage, chatRequest, withMessage } from '../../core/chat.js';
import type { AnswerState, ChatEvent, ChatRequest, Conversation } from '../../core/chat.js';
import { listHelp } from '../../chat/commands.js';
import type { Intent } from '../../chat/commands.js';
import { applySetting } from '../../chat/settings.js';
import type { Block } from './blocks.js';
import { checkModel, listModels, tellFailure } from './models.js';
import type { Explain, ModelClient, Permit } from './models.js';
import { finishTurn, receiveEvents, settleTurn, startTurn } from './turn.js';
import type { Turn } from './turn.js';
import { describeChat, describeWaiting, isSilent } from './wording.js';

/** What the chat asks of a server; `OllamaClient` is one. */
export interface ChatClient extends ModelClient {
  /** The last event is `done` or `error`; never throws. */
  chatBatches(request: ChatRequest, options?: { signal?: AbortSignal }): AsyncIterable<readonly ChatEvent[]>;
}

/** What a dialogue is made of, and who hears of it. */
export interface DialogueOptions {
  readonly client: ChatClient;
  readonly conversation: Conversation;
  /** As shown: `127.0.0.1:11434`. */
  readonly host: string;
  /** The model's window in tokens. */
  readonly contextLength?: number | undefined;
  readonly explain: Explain;
  /** Asked before `/model` changes the model. */
  readonly permit?: Permit | undefined;
  /** Told how each answer ended. */
  readonly onAnswer?: ((model: string, answer: AnswerState) => void) | undefined;
  now(): number;
  /** Cells of a row of an answer, as the terminal is now. */
  textWidth(): number;
  show(block: Block | undefined): void;
  /** Puts a text that got no answer back where it was written. */
  giveBack(text: string): void;
  /** There is more of an answer to draw. */
  changed(): void;
  leave(): void;
}

/** The conversation with a model: one thing at a time. */
export interface Dialogue {
  /** Does what was asked for in the text `written`. Rejects only if something unforeseen happened. */
  perform(intent: Intent, written: string): Promise<void>;
  /** Ends what is going on; what has come stays. */
  stop(): void;
  isBusy(): boolean;
  /** Whether the status has a clock in it. */
  isWaiting(): boolean;
  /** Whether an answer that has begun has fallen silent. */
  isSilent(): boolean;
  conversation(): Conversation;
  /** Shows what is final of the answer on its way, and returns what is not. */
  settle(): Turn | undefined;
  /** What is going on, in parts of a line; empty if nothing is. */
  status(): readonly string[];
}

/** Starts the dialogue by showing the header. */
export function startDialogue(options: DialogueOptions): Dialogue {
  const { client, explain, show, now } = options;
  let { conversation, contextLength } = options;
  let turn: Turn | undefined;
  let running: AbortController | undefined;
  let answeredBy: string | undefined;

  const showAll = (blocks: readonly Block[]): void => blocks.forEach(show);
  const showHeader = (): void =>
    show({ kind: 'header', parts: describeChat(conversation.model, options.host, findWindow()) });

  /** The window in tokens: what the person set, or else the model's. */
  function findWindow(): number | undefined {
    const asked = conversation.options['num_ctx'];
    return typeof asked === 'number' && asked > 0 ? asked : contextLength;
  }

  function hasFallenSilent(): boolean {
    return turn !== undefined && isSilent(turn.answer, turn.heardAt, now());
  }

  async function ask(text: string, written: string, signal: AbortSignal): Promise<void> {
    const before = conversation;
    conversation = withMessage(conversation, { role: 'user', content: text });
    turn = startTurn(now());
    for await (const events of client.chatBatches(chatRequest(conversation), { signal })) {
      turn = receiveEvents(turn, events, now());
      options.changed();
    }
    const { answer } = turn;
    showAll(finishTurn(turn, options.textWidth(), findWindow()));
    turn = undefined;
    options.onAnswer?.(conversation.model, answer);
    if (answer.phase === 'done') answeredBy = conversation.model;
    // What came is kept whatever happened then; a question that got nothing is taken back.
    const isKept = answer.phase === 'done' || answer.content.trim() !== '';
    conversation = isKept ? withMessage(conversation, answerMessage(answer)) : before;
    if (!isKept) options.giveBack(written);
    if (answer.error !== undefined) show(tellFailure(answer.error, explain));
  }

  async function switchModel(name: string, signal: AbortSignal): Promise<void> {
    const refusal = await checkModel(options, name, conversation.model, signal);
    if (refusal !== undefined) {
      show(refusal);
      return;
    }
    // It was the other model's. What a server gives this one depends on its memory, so nothing is claimed.
    contextLength = undefined;
    conversation = { ...conversation, model: name };
    showHeader();
  }

  async function follow(intent: Intent, written: string, signal: AbortSignal): Promise<void> {
    switch (intent.type) {
      case 'message':
        return await ask(intent.text, written, signal);
      case 'help':
        return show({ kind: 'help', groups: listHelp() });
      case 'clear':
      case 'set-system':
      case 'set-parameter': {
        const applied = applySetting(conversation, intent);
        conversation = applied.conversation;
        return show({ kind: 'note', text: applied.told });
      }
      case 'list-models':
        return show(await listModels(client, conversation.model, explain, signal));
      case 'switch-model':
        return await switchModel(intent.name, signal);
      case 'leave':
        return options.leave();
      case 'reject':
        // Not given back: what is typed next would be written behind it, and be another text. Up brings it back.
        return show({ kind: 'failure', message: intent.message, hint: undefined });
    }
  }

  showHeader();
  return {
    async perform(intent, written) {
      running = new AbortController();
      try {
        await follow(intent, written, running.signal);
      } finally {
        running = undefined;
        turn = undefined;
      }
    },
    stop: () => running?.abort(),
    isBusy: () => running !== undefined,
    isWaiting: () =>
      turn?.answer.phase === 'waiting' || turn?.answer.phase === 'thinking' || hasFallenSilent(),
    isSilent: hasFallenSilent,
    conversation: () => conversation,
    settle() {
      if (turn === undefined) return undefined;
      const settled = settleTurn(turn, options.textWidth());
      turn = settled.turn;
      showAll(settled.blocks);
      return turn;
    },
    status: () =>
      turn === undefined
        ? []
        : describeWaiting(turn.answer, answeredBy !== conversation.model, turn.heardAt, now()),
  };
}
