import { reduceChat, startAnswer, type AnswerState, type Conversation } from '../core/chat.js';
import { countPrompt, countUsed, estimateConversation, loadedWindow } from '../core/window.js';
import { findLastBlock } from '../format/open-fence.js';
import { runTurn, type TurnOutcome } from '../tools/run-turn.js';
import type { TurnEvent } from '../tools/turn.js';
import { asksHost } from './answering.js';
import { startWork } from './going.js';
import { noteUse } from './note-use.js';
import { openTurnRecord, type TurnRecord } from './record-turn.js';
import { countAnswer } from './stats.js';
import { isAtHost, tell, warn, watchRecorder, windowOf, type Talk } from './talk.js';
import { describeRefusal, readRefusal } from './turn-failure.js';
import { openWaiting } from './waiting.js';
import { describeAnswer } from './wording.js';

/** How a turn ended. */
export interface TurnEnd {
  readonly answer: AnswerState;
  /** Whether something of it is in the conversation now. */
  readonly isKept: boolean;
}

/**
 * Has the model answer the conversation as it stands, and keeps what comes of it, whole or not. Where its last message is
 * the model's own, the model goes on with it. Never rejects for what a server does.
 */
export async function takeTurn(talk: Talk, signal: AbortSignal): Promise<TurnEnd> {
  const { stage, context } = talk;
  const record = openTurnRecord(talk);
  const last = talk.conversation.messages.at(-1);
  stage.begin(last?.role === 'assistant' ? findLastBlock(last.content) : '');
  const { outcome, sent } = await streamTurn(talk, record, signal);
  const { answer } = outcome;
  const isKept = record.finish(outcome);
  const sentTokens = estimateConversation(sent);
  const isHost = isAtHost(talk);
  if (!isHost) talk.loadedWindow = undefined;
  const facts = describeAnswer(answer, windowOf(talk), sentTokens);
  stage.end(answer, talk.showsNumbers ? facts : facts.filter((fact) => fact.warn || fact.rank === 0));
  talk.lastEnd = answer.phase === 'done' && answer.reason !== 'length' ? 'whole' : 'cut';
  const used = answer.metrics && countUsed(answer.metrics, sentTokens, windowOf(talk));
  talk.tally = countAnswer(talk.tally, answer, context.io.now(), used);
  if (isHost) {
    const model = talk.following?.now().model ?? sent.model;
    talk.noted = talk.noted.then(() => noteUse(context, model, answer));
    tellTruncation(talk, sent, answer);
  } else talk.lastCount = undefined;
  void watchRecorder(talk);
  context.io.stayLean?.();
  return { answer, isKept };
}

/** Asks, and asks again without what the model refuses; that is told once a model. */
async function streamTurn(
  talk: Talk,
  record: TurnRecord,
  signal: AbortSignal,
): Promise<{ readonly outcome: TurnOutcome; readonly sent: Conversation }> {
  for (;;) {
    const sent = withoutRefused(talk);
    const attempt = await streamOnce(talk, sent, record, signal);
    if (attempt.refusal === undefined) return { outcome: attempt.outcome, sent };
    const { model } = talk.conversation;
    talk.refused.add(`${model} ${attempt.refusal}`);
    tell(talk, describeRefusal(model, attempt.refusal));
  }
}

function isRefused({ refused, conversation }: Talk, what: 'thinking' | 'tools'): boolean {
  return refused.has(`${conversation.model} ${what}`);
}

function withoutRefused(talk: Talk): Conversation {
  const { conversation } = talk;
  return {
    ...conversation,
    ...(isRefused(talk, 'thinking') ? { think: undefined } : {}),
    ...(isRefused(talk, 'tools') ? { tools: [] } : {}),
  };
}

interface Attempt {
  readonly outcome: TurnOutcome;
  /** What the model refuses, if that alone is why it did not answer. */
  readonly refusal: 'thinking' | 'tools' | undefined;
}

async function streamOnce(
  talk: Talk,
  sent: Conversation,
  record: TurnRecord,
  signal: AbortSignal,
): Promise<Attempt> {
  const { context, stage, answering, following } = talk;
  const { io } = context;
  const client = answering?.client ?? context.client;
  const promptTokens = estimateConversation(sent);
  const waiting = openWaiting(context, sent.model, {
    promptTokens,
    loadingSince: () => talk.loadingSince,
    looks: asksHost(answering),
  });
  let answer = startAnswer(io.now());
  let looking: Promise<void> | undefined;
  talk.going = { type: 'answer', answer, heardAt: io.now(), waiting };
  stage.changed();
  following?.begin(sent.model);
  const stream = runTurn(client, sent, {
    toolbox: isRefused(talk, 'tools') ? undefined : talk.toolbox,
    approve: talk.approve,
    signal,
    truncate: talk.truncate,
    now: () => io.now(),
  });
  try {
    for (;;) {
      const step = await stream.next();
      if (step.done === true) {
        await looking;
        return { outcome: step.value, refusal: undefined };
      }
      const refusal = findRefusal(talk, sent, answer, step.value);
      if (refusal !== undefined) {
        const end = await stream.next();
        if (end.done === true) return { outcome: end.value, refusal };
      }
      const told = following?.take(step.value);
      if (told !== undefined) tell(talk, told);
      answer = receive(talk, answer, step.value);
      record.take(step.value, answer);
      if (answer.tokens > 0 && isAtHost(talk)) looking ??= learnWindow(talk);
      talk.going = { type: 'answer', answer, heardAt: io.now(), waiting };
      if (answer.phase === 'done' && answer.toolCalls.length > 0 && talk.toolbox !== undefined) {
        talk.going = startWork('calling functions', io.now());
      }
      stage.receive(step.value);
      stage.changed();
    }
  } finally {
    waiting.stop();
    talk.going = undefined;
    stage.changed();
  }
}

/** What a model refuses, where it was asked for it and has said nothing else. */
function findRefusal(
  talk: Talk,
  sent: Conversation,
  answer: AnswerState,
  events: readonly TurnEvent[],
): 'thinking' | 'tools' | undefined {
  const last = events.at(-1);
  if (last?.type !== 'error' || answer.phase !== 'waiting' || events.length > 1) return undefined;
  const refusal = readRefusal(last.error);
  const asksFunctions = sent.tools.length > 0 || talk.toolbox !== undefined;
  if (refusal === 'thinking' && sent.think !== undefined) return refusal;
  return refusal === 'tools' && asksFunctions && !isRefused(talk, 'tools') ? refusal : undefined;
}

/** Folds what came; a turn with functions has several answers, one after the other. */
function receive(talk: Talk, before: AnswerState, events: readonly TurnEvent[]): AnswerState {
  const now = talk.context.io.now();
  let answer = before;
  for (const event of events) {
    if (event.type === 'tool_result') continue;
    if (answer.phase === 'done') {
      talk.tally = countAnswer(talk.tally, answer, now);
      answer = startAnswer(now);
    }
    answer = reduceChat(answer, event, now);
  }
  return answer;
}

const LOOK_MS = 500;

/** Asks for the window of the loaded model, which an answer shows to be loaded; it may be another than before. */
export async function learnWindow(talk: Talk): Promise<void> {
  const { client } = talk.context;
  const { model } = talk.conversation;
  const running = await client.running({ signal: AbortSignal.timeout(LOOK_MS) }).catch(() => []);
  talk.loadedWindow = loadedWindow(running, model) ?? talk.loadedWindow;
}

/** A server that cuts prompts in silence is found out by its counts. */
function tellTruncation(talk: Talk, sent: Conversation, { metrics }: AnswerState): void {
  // What was read for an answer after functions is more than what was sent at first.
  const isPlain = talk.conversation.messages.at(-2)?.role !== 'tool';
  if (metrics === undefined || talk.truncate || !isPlain) return;
  const count = countPrompt(sent, metrics);
  if (count === undefined) return;
  const warning = talk.truncation.see(talk.lastCount, count, windowOf(talk));
  talk.lastCount = count;
  if (warning !== undefined) warn(talk, warning);
}
