import type { ToolDefinition } from '../core/wire.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';

/** A function as its server lists it. */
export interface ListedTool {
  readonly name: string;
  readonly description?: string | undefined;
  readonly inputSchema: unknown;
}

/** A function under the name by which a model calls it. */
export interface OfferedTool {
  readonly name: string;
  readonly server: string;
  readonly tool: ListedTool;
  readonly definition: ToolDefinition;
}

/** The most functions of one server, and the most bytes that describe one: they all go into the window each time. */
const MOST_TOOLS = 128;
const MOST_DEFINITION_BYTES = 64_000;
const MOST_NAME = 64;

/**
 * What the functions of several servers are called: as their servers have it, in letters that every template takes;
 * `server__name` where two servers have the same. `leftOut` says in clean words what is not offered.
 */
export function nameTools(
  servers: readonly { readonly server: string; readonly tools: readonly ListedTool[] }[],
): { readonly offered: readonly OfferedTool[]; readonly leftOut: readonly string[] } {
  const leftOut: string[] = [];
  const kept = servers.flatMap(({ server, tools }) => {
    if (tools.length > MOST_TOOLS) {
      leftOut.push(`${server} has ${tools.length} functions: only the first ${MOST_TOOLS} are offered.`);
    }
    return tools.slice(0, MOST_TOOLS).flatMap((tool) => {
      const bytes = Buffer.byteLength(JSON.stringify(tool));
      if (bytes <= MOST_DEFINITION_BYTES) return [{ server, tool, plain: plainName(tool.name) }];
      leftOut.push(
        `${cleanLine(tool.name).slice(0, MOST_NAME)} of ${server} is not offered: its description has ${formatBytes(bytes)}.`,
      );
      return [];
    });
  });
  const owners = new Map<string, Set<string>>();
  for (const { server, plain } of kept) owners.set(plain, (owners.get(plain) ?? new Set()).add(server));
  const taken = new Set<string>();
  const offered = kept.map(({ server, tool, plain }) => {
    const wanted = (owners.get(plain)?.size ?? 0) > 1 ? `${plainName(server)}__${plain}` : plain;
    let name = wanted;
    for (let count = 2; taken.has(name); count++) name = `${wanted}_${count}`;
    taken.add(name);
    return { name, server, tool, definition: define(name, tool) };
  });
  return { offered, leftOut };
}

function plainName(name: string): string {
  return name.replace(/[^\w.-]/g, '_').slice(0, MOST_NAME) || '_';
}

function define(name: string, { description, inputSchema }: ListedTool): ToolDefinition {
  return {
    type: 'function',
    function: { name, ...(description === undefined ? {} : { description }), parameters: inputSchema },
  };
}
