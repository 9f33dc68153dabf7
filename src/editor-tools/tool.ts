import type { JsonSchemaType } from '@modelcontextprotocol/server';

/** What a tool found out: as fields, and as the text for whoever reads no fields. */
export interface ToolAnswer {
  readonly fields: Readonly<Record<string, unknown>>;
  /** The fields as JSON where it is not said. */
  readonly text?: string;
}

/** One call of a tool. */
export interface ToolCall {
  /** Aborted when the caller takes the call back, or this program ends. */
  readonly signal: AbortSignal;
  /** Tells the caller how far it is, where it asked for that; seldom enough to be read. Never throws. */
  progress(done: number, total: number | undefined, words?: string): Promise<void>;
  /**
   * Has a person say yes to `question`. True where that is answered already, undefined where the caller has to ask first:
   * the tool is then called again. Throws `declined` where the person said no, or where nobody can be asked.
   */
  confirm(question: string): true | undefined;
}

/** A tool of the MCP, as data. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: JsonSchemaType;
  readonly output: JsonSchemaType;
  readonly readOnly?: true;
  readonly destructive?: true;
  /** Undefined where a person has to be asked first. `given` fits `input`. Throws `OllamaError`. */
  run(given: Readonly<Record<string, unknown>>, call: ToolCall): Promise<ToolAnswer | undefined>;
}

/** A schema of an object with these properties and no others. */
export function objectSchema(
  properties: Readonly<Record<string, JsonSchemaType>>,
  required: readonly string[] = [],
): JsonSchemaType {
  return {
    type: 'object',
    properties: { ...properties },
    required: [...required],
    additionalProperties: false,
  };
}

/** The text given as `name`, where there is one. */
export function textOf(given: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = given[name];
  return typeof value === 'string' ? value : undefined;
}
