import { checkAllowed } from '../consent.js';
import type { Context } from '../context.js';
import type { Conversation } from '../core/chat.js';
import { dropOldest, findTurns } from '../core/conversation.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';
import { timeLimit } from '../core/time-limit.js';
import { estimateConversation, findTruncation, largestWindow, type PromptCount } from '../core/window.js';
import type { InstalledModel } from '../core/wire.js';
import { cleanLine } from '../format/clean.js';
import { formatCount } from '../format/count.js';
import { findDetails } from '../models/details.js';
import { fitModel } from '../models/fit.js';
import type { FitVerdict } from '../models/fit-verdict.js';
import type { Choice, Question, Stage } from './stage.js';

/** How a conversation that outgrew its window goes on. */
export type Way =
  /** Without its oldest turns; `turns` is how many went. */
  | { readonly type: 'drop'; readonly conversation: Conversation; readonly turns: number }
  | { readonly type: 'compact' }
  | { readonly type: 'num_ctx'; readonly value: number }
  /** With another model, and this `num_ctx`: a larger window has to be asked for there too. */
  | { readonly type: 'model'; readonly name: string; readonly value: number }
  | { readonly type: 'stop' };

/** What is known where a conversation does not fit. Windows and counts are in tokens; what is not known is absent. */
export interface OverflowFacts {
  /** The window in force. */
  readonly limit?: number | undefined;
  /** The longest window that the model was made for. */
  readonly largest?: number | undefined;
  /** Whether the model would fit the memory with the larger window. */
  readonly verdict?: FitVerdict | undefined;
  /** Installed models that were made for a longer window, the longest first. */
  readonly models: readonly { readonly name: string; readonly largest: number }[];
}

const LOOK_UP_MS = 3_000;
const MOST_MODELS = 3;
/** A window that no server goes below, where nothing is known of it. */
const SMALLEST_WINDOW = 4096;

/**
 * Asks the person how a conversation goes on whose last question did not fit the window, `limit` tokens as far as it is
 * known; its last turn is that question. `stop` where they turned away, undefined where there is nothing to choose. Throws
 * `interrupted` alone.
 */
export async function chooseWay(
  context: Context,
  conversation: Conversation,
  limit: number | undefined,
  stage: Pick<Stage, 'choose'>,
  signal: AbortSignal,
): Promise<Way | undefined> {
  const facts = await lookUpOverflow(context, conversation, limit, signal);
  const { question, ways } = describeOverflow(conversation, facts);
  if (ways.size === 1) return undefined;
  const chosen = await stage.choose(question, signal);
  return (chosen === undefined ? undefined : ways.get(chosen)) ?? { type: 'stop' };
}

/** The next window to ask for: a power of two with room for an answer, at most what the model was made for. */
export function nextWindow(
  needed: number,
  { limit, largest }: Pick<OverflowFacts, 'limit' | 'largest'>,
): number | undefined {
  const least = Math.max(needed * 1.25, (limit ?? SMALLEST_WINDOW) * 2);
  const size = Math.min(2 ** Math.ceil(Math.log2(least)), largest ?? Infinity);
  return size > (limit ?? 0) ? size : undefined;
}

/** The question that a conversation which does not fit raises, and what each answer to it means. Pure. */
export function describeOverflow(
  conversation: Conversation,
  facts: OverflowFacts,
): { readonly question: Question; readonly ways: ReadonlyMap<string, Way> } {
  const { limit, largest, verdict, models } = facts;
  const needed = estimateConversation(conversation);
  const options: (readonly [Choice, Way])[] = [];
  const offer = (key: string, letter: string, label: string, way: Way): void =>
    void options.push([{ key, letter, label }, way]);

  const shorter = dropOldest(conversation, { tokens: countExcess(needed, limit) });
  const turns = findTurns(conversation).length - findTurns(shorter).length;
  if (turns > 0) {
    const what = turns === 1 ? 'the oldest turn' : `the ${turns} oldest turns`;
    offer('drop', 'd', `drop ${what}`, { type: 'drop', conversation: shorter, turns });
    offer('compact', 's', 'summarise the older turns (/compact)', { type: 'compact' });
  }
  const value = nextWindow(needed, { limit, largest });
  if (value !== undefined) {
    const memory = verdict === undefined ? '' : MEMORY_WORDS[verdict];
    const label = `a larger window: num_ctx ${value}${memory}`;
    offer('num_ctx', 'w', label, { type: 'num_ctx', value });
  }
  models.slice(0, MOST_MODELS).forEach((model, index) => {
    const size = nextWindow(needed, { limit, largest: model.largest }) ?? model.largest;
    const label = `go on with ${cleanLine(model.name)}, made for up to ${formatCount(model.largest)}`;
    offer(`model-${index}`, String(index + 1), label, { type: 'model', name: model.name, value: size });
  });
  const isBegun = conversation.messages.at(-1)?.role !== 'user';
  offer('stop', 'x', isBegun ? 'stop; all stays as it is' : 'stop; the question is given back', {
    type: 'stop',
  });

  const window = limit === undefined ? 'its window' : `its window of ${formatCount(limit)}`;
  // The server has counted; the estimate may be far below that.
  const isTooLow = limit !== undefined && needed <= limit;
  const size = isTooLow ? 'it is more' : `about ${formatCount(needed)} tokens, more`;
  return {
    question: {
      title: `This conversation does not fit: ${size} than ${window} holds.`,
      details:
        largest === undefined
          ? []
          : [`${cleanLine(conversation.model)} was made for up to ${formatCount(largest)} tokens.`],
      choices: options.map(([choice]) => choice),
    },
    ways: new Map(options.map(([{ key }, way]) => [key, way])),
  };
}

const MEMORY_WORDS: Readonly<Record<FitVerdict, string>> = {
  fits: ' (by the estimate it fits the memory)',
  partly: ' (by the estimate only partly in the GPU, so slower)',
  no: ' (by the estimate more than the memory holds)',
  unknown: '',
};

/** How many tokens should go, so that there is room for an answer; where the estimate sees no excess, a quarter of all. */
function countExcess(needed: number, limit: number | undefined): number {
  const excess = limit === undefined ? 0 : needed - limit * 0.75;
  return Math.max(excess, needed / 4);
}

/** What is known of the window, the memory and the other models. What can't be had in time is left out. */
async function lookUpOverflow(
  context: Context,
  conversation: Conversation,
  limit: number | undefined,
  signal: AbortSignal,
): Promise<OverflowFacts> {
  const { client } = context;
  const { model } = conversation;
  const bound = timeLimit(signal, LOOK_UP_MS, () => new OllamaError('timeout', 'The time is out.'));
  const within = { signal: bound.signal };
  const settle = async <Value>(asked: Promise<Value>): Promise<Value | undefined> => {
    try {
      return await asked;
    } catch (error) {
      if (signal.aborted || !isOllamaError(error)) throw error;
      return undefined;
    }
  };
  try {
    const [shown, installed = []] = await Promise.all([
      settle(client.show(model, within)),
      settle(client.list(within)),
    ]);
    const largest = shown === undefined ? undefined : largestWindow(shown);
    const value = nextWindow(estimateConversation(conversation), { limit, largest });
    const [report, models] = await Promise.all([
      // A model that is gone would be looked for in the registry.
      value === undefined || shown === undefined
        ? undefined
        : settle(fitModel(context, model, { context: value, ...within })),
      settle(findLarger(context, installed, model, Math.max(largest ?? 0, limit ?? 0))),
    ]);
    return { limit, largest, verdict: report?.verdict, models: models ?? [] };
  } finally {
    bound.stop();
  }
}

async function findLarger(
  context: Context,
  installed: readonly InstalledModel[],
  model: string,
  than: number,
): Promise<OverflowFacts['models']> {
  const others = installed.filter(
    // One that runs elsewhere would be told all that was meant for this server.
    ({ name, remote_host: elsewhere }) =>
      elsewhere === undefined && !sameModel(name, model) && isAllowed(context, name),
  );
  const details = await findDetails(context, others);
  return others
    .flatMap((other) => {
      const known = details.get(other.digest);
      const largest = other.context_length ?? other.details.context_length ?? known?.contextLength ?? 0;
      const can = other.capabilities ?? known?.capabilities ?? ['completion'];
      return largest > than && can.includes('completion') ? [{ name: other.name, largest }] : [];
    })
    .sort((a, b) => b.largest - a.largest);
}

function isAllowed(context: Context, model: string): boolean {
  try {
    checkAllowed(context, model);
    return true;
  } catch {
    return false;
  }
}

/** Watches for a server that cuts a conversation though it was asked not to: an old one does not know the question. */
export interface TruncationGuard {
  /**
   * The warning, if an answered request seems to have been cut: the first time, and when much more is missing than was
   * said. `before` is the last request, if the conversation only grew since; `limit` its window in tokens.
   */
  see(before: PromptCount | undefined, now: PromptCount, limit: number | undefined): string | undefined;
}

/** A guard that has said nothing yet: one for each conversation. */
export function openTruncationGuard(): TruncationGuard {
  let told: number | undefined;
  return {
    see(before, now, limit) {
      const truncation = findTruncation(before, now, limit);
      if (truncation === undefined) return undefined;
      const missing = Math.max(0, now.sent - now.counted);
      if (told !== undefined && missing < told * 2 + 256) return undefined;
      told = missing;
      const read = `it read ${formatCount(now.counted)} tokens`;
      const why = {
        full:
          limit === undefined
            ? `${read}, which is the size of a common window`
            : `${read}, as many as its window of ${formatCount(limit)} lets it`,
        fell: `${read}, ${formatCount(before?.counted ?? 0)} the time before, though more was sent`,
        less: `${read} of about ${formatCount(now.sent)}`,
      }[truncation];
      return `The server seems to have left out the beginning of this conversation: ${why}. /compact summarises it; /set parameter num_ctx asks for a larger window.`;
    },
  };
}
