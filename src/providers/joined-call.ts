import { OllamaError } from '../core/errors.js';
import { isFields } from '../core/fields.js';
import type { ToolCall } from '../core/wire.js';

/** A call as it comes in pieces. */
export interface JoinedCall {
  id: string;
  name: string;
  arguments: string;
}

/**
 * The call whose pieces have all come; undefined where the answer was cut at its limit in the middle of it. Throws
 * `protocol` for arguments that are no JSON object: a function must not be called with others than were meant.
 */
export function finishCall(call: JoinedCall, wasCut: boolean): ToolCall | undefined {
  const given = readArguments(call.arguments);
  if (given !== undefined) {
    return { ...(call.id === '' ? {} : { id: call.id }), function: { name: call.name, arguments: given } };
  }
  if (wasCut) return undefined;
  const what = JSON.stringify(call.arguments.slice(0, 80));
  throw new OllamaError(
    'protocol',
    `The model called ${JSON.stringify(call.name)} with ${what}, no JSON object.`,
  );
}

function readArguments(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
