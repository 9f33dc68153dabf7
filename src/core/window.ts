import type { ChatMetrics, Conversation } from './chat.js';
import { sameModel } from './model-name.js';
import type { ChatMessage, RunningModel, ShowResponse } from './wire.js';

/**
 * The window that a conversation has, in tokens. `loaded`: the model is in memory with it; `asked`: the request's
 * `num_ctx`. What a model was made for at most is neither.
 */
export interface ContextWindow {
  readonly limit: number;
  readonly source: 'loaded' | 'asked';
}

/** What is known of a window; all in tokens, from the functions below. */
export interface WindowFacts {
  readonly loaded?: number | undefined;
  readonly asked?: unknown;
}

/** The window in force, as far as anything tells it: Ollama's default depends on its memory and is not guessed. */
export function findWindow({ loaded, asked }: WindowFacts): ContextWindow | undefined {
  if (isSize(loaded)) return { limit: loaded, source: 'loaded' };
  return isSize(asked) ? { limit: asked, source: 'asked' } : undefined;
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

/** The window that a loaded model has; undefined where it is not loaded, or the server is too old to tell. */
export function loadedWindow(running: readonly RunningModel[], model: string): number | undefined {
  const found = running.find(({ name }) => sameModel(name, model));
  return isSize(found?.context_length) ? found.context_length : undefined;
}

/** The longest window that a model was made for; not the one that it has. */
export function largestWindow({
  model_info: info,
  details,
}: Pick<ShowResponse, 'model_info' | 'details'>): number | undefined {
  const architecture = info?.['general.architecture'];
  const length = typeof architecture === 'string' ? info?.[`${architecture}.context_length`] : undefined;
  const largest = length ?? details.context_length;
  return isSize(largest) ? largest : undefined;
}

/**
 * The tokens of the window that an answer left in use: what was read for it, and what was written. Never more than the
 * window holds: its last token is counted though never read, and a window that is shifted on lets the first ones go.
 */
export function usedTokens({ prompt_tokens, completion_tokens }: ChatMetrics, limit = Infinity): number {
  return Math.min(prompt_tokens + completion_tokens, limit);
}

/** What an answer left in use of a window, in tokens. */
export interface UsedWindow {
  readonly tokens: number;
  readonly isEstimate: boolean;
}

/** Of less, the estimate tells nothing. */
const LEAST_MISSING = 64;

/**
 * The tokens of the window that an answer left in use; `sent` is about what was sent, by `estimateConversation`. A server
 * that counts only what it had not read before tells far too few: then it goes by the estimate, unless that would not fit.
 */
export function countUsed(metrics: ChatMetrics, sent: number, limit: number | undefined): UsedWindow {
  const estimate = sent + metrics.completion_tokens;
  const missing = sent - metrics.prompt_tokens;
  const isTooFew =
    missing > Math.max(metrics.prompt_tokens, LEAST_MISSING) && estimate <= (limit ?? Infinity);
  return isTooFew
    ? { tokens: estimate, isEstimate: true }
    : { tokens: usedTokens(metrics, limit), isEstimate: false };
}

const NEARLY_FULL = 0.8;

/** Whether so much of a window is used that it is time to say so. */
export function isNearlyFull(used: number, limit: number | undefined): boolean {
  return limit !== undefined && used >= limit * NEARLY_FULL;
}

/** What a template puts around a message, and an image at the least. */
const MESSAGE_TOKENS = 4;
const IMAGE_TOKENS = 256;

/** About how many tokens a text has: four letters of English, less of what is written beyond ASCII. */
export function estimateTokens(text: string): number {
  const beyond = text.replace(/[ -~\s]+/g, '').length;
  return Math.ceil((text.length - beyond) / 4 + beyond * 0.75);
}

/** About how many tokens messages have; their thinking is not counted, which most templates leave out. */
export function estimateMessages(messages: readonly ChatMessage[]): number {
  return messages.reduce((sum, { content, images, tool_calls: calls }) => {
    const more = calls === undefined ? '' : JSON.stringify(calls);
    return sum + MESSAGE_TOKENS + estimateTokens(content + more) + (images?.length ?? 0) * IMAGE_TOKENS;
  }, 0);
}

/** About how many tokens a conversation has as it is sent, with its system prompt and what it offers of functions. */
export function estimateConversation({
  system = '',
  messages,
  tools,
}: Pick<Conversation, 'system' | 'messages' | 'tools'>): number {
  const offered = tools.length === 0 ? '' : JSON.stringify(tools);
  return estimateTokens(system + offered) + estimateMessages(messages);
}

/** A request that was answered: what the server counted of its prompt, and about how much there was. In tokens. */
export interface PromptCount {
  readonly counted: number;
  /** By `estimateConversation`. */
  readonly sent: number;
  /** About how much of what was sent was a model's thinking, which a template may leave out. */
  readonly thought: number;
}

/** Counts a request whose answer has ended; undefined where the server counted nothing. */
export function countPrompt(conversation: Conversation, metrics: ChatMetrics): PromptCount | undefined {
  if (metrics.prompt_tokens <= 0) return undefined;
  const thinking = conversation.messages.map((message) => message.thinking ?? '').join('');
  return {
    counted: metrics.prompt_tokens,
    sent: estimateConversation(conversation),
    thought: estimateTokens(thinking),
  };
}

/** How far the estimate may be off before it says anything by itself. */
const MUCH_MORE = 1.5;
/** What some servers set where nobody asks for a window. */
const COMMON_WINDOWS: readonly number[] = [2048, 4096, 8192, 16_384, 32_768];

/** In which way a prompt seems to have been cut. */
export type Truncation = 'fell' | 'full' | 'less';

/**
 * Whether a server seems to have cut a prompt in silence. `full`: the count stands at the window's size, or at the half
 * that some keep of one that is too long; `fell`: fewer tokens were read than the time before, though more was sent;
 * `less`: there was far too much for the window, and yet an answer. A server that counts only what it had not read
 * before lets the count fall without having cut: such a fall is passed over, unless there was too much for the window.
 * `before` is the same conversation's last request, if it only grew.
 */
export function findTruncation(
  before: PromptCount | undefined,
  now: PromptCount,
  limit: number | undefined,
): Truncation | undefined {
  if (isAtWindow(now, limit)) return 'full';
  if (limit !== undefined && now.sent > limit * MUCH_MORE) return 'less';
  const grown = before === undefined ? 0 : now.sent - before.sent;
  if (before === undefined || grown <= 0) return undefined;
  // No prompt that is longer has the very same length, unless it was cut to it.
  if (now.counted === before.counted && limit === undefined && grown >= 16) return 'full';
  if (now.counted >= before.counted - now.thought) return undefined;
  const isTooMuch = limit !== undefined && before.counted + grown > limit;
  const isWhatIsNew = now.counted <= grown * MUCH_MORE + 2 * MESSAGE_TOKENS;
  return isTooMuch || !isWhatIsNew ? 'fell' : undefined;
}

function isAtWindow({ counted, sent }: PromptCount, limit: number | undefined): boolean {
  if (limit === undefined) return COMMON_WINDOWS.includes(counted) && sent > counted;
  if (counted >= limit) return true;
  return Math.abs(counted - (Math.floor(limit / 2) + 2)) <= 1 && sent > limit;
}
