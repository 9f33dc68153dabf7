import type { JsonObject } from './exchange.js';
import { valueOf } from './schema.js';
import { hashNumber } from './text.js';

/** A call that the answer asks for. */
export interface ToolCall {
  readonly id: string;
  readonly function: { readonly index: number; readonly name: string; readonly arguments: JsonObject };
}

/** The call of the first offered tool that the prompt is about; none where it is about none. */
export function callTool(tools: unknown, prompt: string): readonly ToolCall[] {
  if (!Array.isArray(tools)) return [];
  const lower = prompt.toLowerCase();
  for (const tool of tools) {
    const { name, description, parameters } = functionOf(tool);
    const words = `${name} ${description}`.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? [];
    if (!words.some((word) => lower.includes(word))) continue;
    const args = valueOf(parameters, prompt);
    const id = `call_${hashNumber(`${name} ${prompt}`).toString(36).padStart(8, '0').slice(-8)}`;
    return [{ id, function: { index: 0, name, arguments: (args ?? {}) as JsonObject } }];
  }
  return [];
}

function functionOf(tool: unknown): { name: string; description: string; parameters: unknown } {
  const inner = (tool as { function?: JsonObject } | null)?.function ?? {};
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    name: text(inner['name']),
    description: text(inner['description']),
    parameters: inner['parameters'],
  };
}
