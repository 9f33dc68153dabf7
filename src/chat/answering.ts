import type { ChatEvent } from '../core/chat.js';
import { isOllamaError, type OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import type { ProviderFacts } from '../providers/provider.js';
import type { TurnClient } from '../tools/run-turn.js';
import type { TurnEvent } from '../tools/turn.js';

/** Who answers, where that is not the host in force alone. */
export interface Answering {
  readonly client: TurnClient;
  /** Whoever is asked first. */
  readonly first: Pick<ProviderFacts, 'name' | 'type' | 'model'>;
  /** The names of those that are asked where that one fails, in their order. */
  readonly behind: readonly string[];
  /** The provider that is the host in force; undefined where that is not among them. */
  readonly hostName: string | undefined;
  /** Whether the person named the first: then a conversation's model is one of its own. */
  readonly isNamed: boolean;
  /** Whether others are asked where one failed with this. */
  passes(error: OllamaError): boolean;
  /** The names of the first one's models. Throws what it fails with. */
  models(signal: AbortSignal): Promise<readonly string[]>;
}

/** Who gives an answer. */
export interface Answerer {
  readonly name: string;
  readonly model: string;
  /** Whether it is the host in force: what its server tells of the model is about this answer. */
  readonly isHost: boolean;
}

/** Follows who answers, from turn to turn of one conversation. */
export interface Following {
  /** A turn with this model begins: whoever is first is asked again. */
  begin(model: string): void;
  /** What the person is to be told before these events are shown, clean; once for each change of who answers. */
  take(events: readonly TurnEvent[]): string | undefined;
  /** Who answers, as far as events tell. */
  now(): Answerer;
}

/** Whether the host in force is the first to be asked: what it says beforehand holds for the conversation. */
export function asksHost(answering: Answering | undefined): boolean {
  return answering === undefined || answering.first.name === answering.hostName;
}

/** The model that the first one is asked for. */
export function firstModel({ first, isNamed }: Answering, model: string): string {
  return isNamed || first.type === 'ollama' ? model : first.model;
}

/**
 * Asks the host in force for something ahead of a question. Where others stand behind it, what it fails with is met, and
 * told, with the question itself; where another is asked first, it is not asked.
 */
export async function askAhead(answering: Answering | undefined, work: () => Promise<void>): Promise<void> {
  if (answering === undefined) return await work();
  if (!asksHost(answering)) return;
  try {
    await work();
  } catch (error) {
    if (!isOllamaError(error) || answering.behind.length === 0 || !answering.passes(error)) throw error;
  }
}

const ANSWERS: readonly TurnEvent['type'][] = ['token', 'thinking', 'tool_call', 'done'];

/** Whether somebody answers with this, if only with an error of their own. */
function isAnswer(event: TurnEvent): boolean {
  if (event.type === 'error') return event.error.errors === undefined && event.error.code !== 'interrupted';
  return ANSWERS.includes(event.type);
}

/** Begins to follow who answers a conversation. */
export function followAnswerer(answering: Answering): Following {
  const { first, hostName, isNamed } = answering;
  const answererOf = (name: string, model: string): Answerer => ({ name, model, isHost: name === hostName });
  // A conversation's model is changed by the person: that it is another one needs no word.
  const keyOf = ({ name, model }: Answerer): string => (name === first.name ? '' : `${name} ${model}`);
  let current = answererOf(first.name, first.model);
  let reasons: string[] = [];
  let told = isNamed || asksHost(answering) ? '' : undefined;

  function describe(): string {
    const again = told !== undefined && reasons.length === 0 ? ' again,' : '';
    const why = reasons.length === 0 ? '' : ` (${reasons.join('; ')})`;
    return cleanLine(`${current.name} answers${again} with ${current.model}${why}.`);
  }

  return {
    begin(model) {
      current = answererOf(first.name, firstModel(answering, model));
      reasons = [];
    },
    take(events) {
      let text: string | undefined;
      for (const event of events) {
        if (event.type === 'provider') {
          current = answererOf(event.name, event.model);
          reasons.push(event.reason);
        } else if (isAnswer(event)) {
          if (keyOf(current) !== told) text = describe();
          told = keyOf(current);
          reasons = [];
        }
      }
      return text;
    },
    now: () => current,
  };
}

/** Whether an event is about who answers and not about an answer. */
export function isStep(event: TurnEvent | ChatEvent): boolean {
  return event.type === 'provider';
}
