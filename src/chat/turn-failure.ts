import { smallerWindow } from '../advise-memory.js';
import type { NextStep } from '../next-step.js';
import type { OllamaError } from '../core/errors.js';
import { isOutOfMemory } from '../core/http-errors.js';
import { toFailure } from '../failure.js';
import { cleanLine, cleanText } from '../format/clean.js';
import { formatCount } from '../format/count.js';
import { findSmaller } from '../models/smaller.js';
import type { Block } from './blocks.js';
import { putBack } from './replace.js';
import { windowOf, type Talk } from './talk.js';

/** What a model says that it can't do, where an error says that and nothing else. Source: wire.md's 400s of a chat. */
export function readRefusal({ status, message }: OllamaError): 'thinking' | 'tools' | undefined {
  if (status !== 400) return undefined;
  const [, what] = /does not support (thinking|tools)\b/.exec(message) ?? [];
  return what === 'thinking' || what === 'tools' ? what : undefined;
}

/** The sentence that tells a person that a model goes on without something. */
export function describeRefusal(model: string, what: 'thinking' | 'tools'): string {
  return what === 'thinking'
    ? `${model} does not think: it answers at once.`
    : `${model} can't call functions: it answers without them.`;
}

type Failed = Extract<Block, { kind: 'failure' }>;

/** Steps that only make sense on a command line: a conversation has its own words for them. */
const COMMAND_LINE = /^the same command|^ollama-cli (?:-H \S+ )?(?:chat|sandbox)\b|-H HOST:PORT/;

function isForChat({ command }: NextStep): boolean {
  return !COMMAND_LINE.test(command);
}

function describeStep({ label, command, note }: NextStep): string {
  return `${label}: ${command}${note === undefined ? '' : ` (${note})`}`;
}

/** What may be done about an error from within the conversation. */
async function adviseWithin(talk: Talk, error: OllamaError, signal: AbortSignal): Promise<string[]> {
  if (isOutOfMemory(error)) {
    const smaller = await findSmaller(talk.context, talk.conversation.model, signal);
    return [
      `a smaller window: /set parameter num_ctx ${smallerWindow(windowOf(talk))}`,
      `a smaller model: ${smaller.length === 0 ? '/model NAME, or a smaller quantization of this one' : smaller.map((name) => `/model ${name}`).join(', ')}`,
    ];
  }
  if (/think value/.test(error.message)) return ['thinking: /think on, or /think off'];
  const hasImages = talk.conversation.messages.some(({ images }) => (images ?? []).length > 0);
  if (error.code === 'server_error' && hasImages && /image|vision|multimodal|mmproj/i.test(error.message))
    return ['its image: /undo takes the question back, /model NAME goes on with a model that sees'];
  return [];
}

/**
 * Shows the failure of an answer, of which `kept` tokens had come, in words for the conversation: what happened, what is
 * left of it, and how to go on.
 */
export async function tellTurnFailure(
  talk: Talk,
  error: OllamaError,
  kept: number,
  signal: AbortSignal,
): Promise<void> {
  const { message, steps } = toFailure(error, { hostFlag: talk.context.flags.host });
  const isBegun = talk.conversation.messages.at(-1)?.role === 'assistant';
  const isOther = talk.replaced?.asked !== undefined;
  const back = putBack(talk);
  const next =
    back !== ''
      ? back + (isOther ? '' : ' /retry asks again.')
      : isBegun
        ? '/retry asks again, /continue goes on.'
        : 'Your question stays: /retry asks it again.';
  const within = await adviseWithin(talk, error, signal);
  // What to do about the memory is said in the conversation's own words; how to make room, as anywhere.
  const isSaid = ({ label }: NextStep): boolean =>
    label === 'next' || (isOutOfMemory(error) && label.startsWith('a smaller'));
  const asked = steps.filter((step) => !isSaid(step) && isForChat(step)).map(describeStep);
  const lines = [...within, ...asked, next];
  const tokens = `${formatCount(kept)} ${kept === 1 ? 'token' : 'tokens'}`;
  const said = kept > 0 ? `${message.replace(/[.\s]+$/, '')}; kept ${tokens}.` : message;
  showFailed(talk, said, lines);
}

/** Shows a failure of anything else than an answer; `after` says how things stand then. */
export function tellFailure(talk: Talk, error: OllamaError, after = ''): void {
  const { message, steps } = toFailure(error, { hostFlag: talk.context.flags.host });
  const lines = steps
    .filter(isForChat)
    .map((step) => (step.label === 'next' ? step.command : describeStep(step)));
  showFailed(talk, message, [...lines, after]);
}

function showFailed({ stage }: Talk, message: string, lines: readonly string[]): void {
  const hint = lines
    .filter((line) => line !== '')
    .map(cleanLine)
    .join('\n');
  const failed: Failed = {
    kind: 'failure',
    message: cleanText(message),
    hint: hint === '' ? undefined : hint,
  };
  stage.show(failed);
}
