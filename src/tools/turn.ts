import type { ChatEvent } from '../core/chat.js';
import type { ToolCall } from '../core/wire.js';

/** What a function gave back; `text` is what the model is told. */
export interface ToolResult {
  readonly text: string;
  readonly isError: boolean;
  readonly ms: number;
}

/**
 * What happens during a turn: an answer, the functions that it calls, and the answer that follows. Each answer ends with
 * `done` or `error`; the turn ends with the last of them.
 */
export type TurnEvent =
  | ChatEvent
  /** A function was called, or was not: then `result` says why, as an error. */
  | { readonly type: 'tool_result'; readonly call: ToolCall; readonly result: ToolResult };
