import type { ToolCall, ToolDefinition } from '../core/wire.js';
import type { ToolResult } from './turn.js';

/** The functions of the MCP servers that a conversation may use. */
export interface Toolbox {
  /** As they are offered to a model; names are unique, and clean. */
  readonly definitions: readonly ToolDefinition[];
  /** Which server has a function, and what it says the function does; undefined for one that is not here. */
  describe(name: string): { readonly server: string; readonly description: string } | undefined;
  /** Calls a function. Never rejects: what goes wrong, or takes too long, is a result with `isError`. */
  call(call: ToolCall, signal: AbortSignal): Promise<ToolResult>;
  /** Ends the servers that were started. */
  close(): Promise<void>;
}

/**
 * Whether a call may happen: asked of a person, or decided by `--allow-tool`. A refusal says why, for the model; with
 * `stops` the person wants no more of the turn, and the model is told with the next one.
 */
export type Approve = (
  call: ToolCall,
  signal: AbortSignal,
) => Promise<
  { readonly allowed: true } | { readonly allowed: false; readonly why: string; readonly stops?: true }
>;
