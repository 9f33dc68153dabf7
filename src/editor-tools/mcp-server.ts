import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  fromJsonSchema,
  inputRequired,
  McpServer,
  type CallToolResult,
  type ClientCapabilities,
  type InputRequiredResult,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { relay } from '../core/time-limit.js';
import { toFailure } from '../failure.js';
import { cleanLine } from '../format/clean.js';
import { VERSION } from '../version.js';
import { actingTools, type Allowances } from './acting-tools.js';
import { readingTools } from './reading-tools.js';
import { openStdio } from './stdio.js';
import type { Tool, ToolCall } from './tool.js';

/** Progress is told no oftener: an editor draws it. In milliseconds. */
const PROGRESS_MS = 250;
/** The name of the one question that a tool asks. */
const CONFIRM = 'confirm';

/**
 * Serves the tools over standard input and output until the input ends or the program is interrupted. Nothing but the
 * protocol goes to standard output, and nothing is read from a terminal. Resolves when it has ended.
 */
export async function serveMcp(context: Context, allowances: Allowances): Promise<void> {
  const { io, flags } = context;
  // The input is the protocol's: no question may be asked there.
  const silent: Context = { ...context, flags: { ...flags, input: false } };
  const tools = [...readingTools(silent), ...actingTools(silent, allowances)];
  const { transport, ended } = openStdio(io);
  const handle = serveStdio(() => openServer(silent, tools), {
    transport,
    onerror: (error) => {
      if (flags.debug === true) io.stderr.write(`debug: mcp: ${cleanLine(error.message)}\n`);
    },
  });
  await ended;
  await handle.close();
}

/** One server with these tools. */
function openServer(context: Context, tools: readonly Tool[]): McpServer {
  const server = new McpServer(
    { name: 'ollama-cli', version: VERSION },
    {
      instructions: `The Ollama server at ${context.client.host.url}: what it has, and what its models can do.`,
    },
  );
  for (const tool of tools) {
    const { name, title, description, input, output } = tool;
    server.registerTool(
      name,
      {
        title,
        description,
        inputSchema: fromJsonSchema<Record<string, unknown>>(input),
        outputSchema: fromJsonSchema(output),
        annotations: {
          readOnlyHint: tool.readOnly === true,
          destructiveHint: tool.destructive === true,
          openWorldHint: false,
        },
      },
      async (given, request) => await runTool(context, tool, given, request, server),
    );
  }
  return server;
}

async function runTool(
  { io, flags }: Context,
  tool: Tool,
  given: Readonly<Record<string, unknown>>,
  request: ServerContext,
  server: McpServer,
): Promise<CallToolResult | InputRequiredResult> {
  let question = '';
  const { signal, abort, release } = relay(io.signal);
  const { signal: taken } = request.mcpReq;
  const stop = (): void => abort(taken.reason);
  if (taken.aborted) stop();
  taken.addEventListener('abort', stop, { once: true });
  const call: ToolCall = {
    signal,
    progress: openProgress(request),
    confirm: (words) => {
      question = words;
      return readConfirmation(words, request, server);
    },
  };
  try {
    const answer = await tool.run(given, call);
    if (answer === undefined) return askFirst(question);
    const text = answer.text ?? JSON.stringify(answer.fields);
    return { content: [{ type: 'text', text }], structuredContent: { ...answer.fields } };
  } catch (error) {
    const { code, message, hint } = toFailure(error, { hostFlag: flags.host });
    const text = hint === '' ? `${code}: ${message}` : `${code}: ${message}\n${hint}`;
    return { content: [{ type: 'text', text }], isError: true };
  } finally {
    taken.removeEventListener('abort', stop);
    release();
  }
}

function askFirst(question: string): InputRequiredResult {
  const confirm = { type: 'boolean', title: 'Yes', description: question, default: false } as const;
  const requestedSchema = {
    type: 'object' as const,
    properties: { [CONFIRM]: confirm },
    required: [CONFIRM],
  };
  return inputRequired({
    inputRequests: { [CONFIRM]: inputRequired.elicit({ message: question, requestedSchema }) },
  });
}

function readConfirmation(question: string, { mcpReq }: ServerContext, server: McpServer): true | undefined {
  if (mcpReq.inputResponses?.[CONFIRM] !== undefined) {
    if (acceptedContent(mcpReq.inputResponses, CONFIRM)?.[CONFIRM] === true) return true;
    throw new OllamaError('declined', `Nothing was done: the answer was no. (${question})`);
  }
  if (canElicit(mcpReq, server)) return undefined;
  throw new OllamaError('declined', `This needs an answer, and this editor can't ask for it: ${question}`, {
    hint: 'Start ollama-cli mcp with --allow-pull or --allow-remove to allow it beforehand.',
  });
}

/** Whether a person can be asked by a form: of newer clients each request says so, of older ones the first. */
function canElicit({ envelope }: ServerContext['mcpReq'], server: McpServer): boolean {
  const ofRequest: Readonly<Record<string, unknown>> = { ...envelope };
  const capabilities = (ofRequest[CLIENT_CAPABILITIES_META_KEY] ?? server.server.getClientCapabilities()) as
    ClientCapabilities | undefined;
  const elicitation = capabilities?.elicitation;
  if (elicitation === undefined) return false;
  return elicitation.form !== undefined || elicitation.url === undefined;
}

function openProgress({ mcpReq }: ServerContext): ToolCall['progress'] {
  const progressToken = mcpReq._meta?.progressToken;
  let toldAt = -Infinity;
  let most = -1;
  return async (done, total, words) => {
    const now = performance.now();
    // It must rise with each notification, as the protocol has it.
    if (progressToken === undefined || done <= most || now - toldAt < PROGRESS_MS) return;
    toldAt = now;
    most = done;
    const params = {
      progressToken,
      progress: done,
      ...(total === undefined ? {} : { total }),
      ...(words === undefined ? {} : { message: words }),
    };
    await mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined);
  };
}
