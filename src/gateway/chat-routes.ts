import type { FastifyReply } from 'fastify';
import type { ChatEvent } from '../core/chat.js';
import { OllamaError } from '../core/errors.js';
import { createCircuit, type Circuit } from '../providers/circuit.js';
import { OWN_HOST } from '../providers/block.js';
import { openFallback } from '../providers/fallback.js';
import { orderChain } from '../providers/order.js';
import type { Provider } from '../providers/provider.js';
import { gatherAnswer, type Gathered } from './chat-answer.js';
import { forGateway } from './chat-providers.js';
import { CHAT_BODY, readMessages, toRequest, type ChatBody } from './chat-request.js';
import { findDefaultModel } from './default-model.js';
import type { DeclareRoutes, GatewayDeps } from './deps.js';
import { errorBody, sendError, toHttpError } from './errors.js';
import {
  frameEvent,
  openEventStream,
  signalOfCaller,
  type EventStream,
  type StreamForm,
} from './event-stream.js';
import { CHAT_BODY_BYTES } from './limits.js';
import { readModelName } from './model-names.js';
import { findProvider } from './not-found.js';
import { readAccept } from './preferences.js';
import { errorResponses } from './schemas.js';

const TEXT = { type: 'string' } as const;
const COUNT = { type: 'integer' } as const;

const ANSWER = {
  type: 'object',
  required: ['message', 'response', 'provider', 'model', 'tokens_used', 'tokens_estimated'],
  properties: {
    message: {
      type: 'object',
      required: ['role', 'content'],
      properties: {
        role: TEXT,
        content: TEXT,
        thinking: TEXT,
        tool_calls: { type: 'array', items: { type: 'object', additionalProperties: true } },
      },
    },
    response: { ...TEXT, description: "The answer's text, the same as message.content." },
    provider: { ...TEXT, description: 'Who answered.' },
    model: TEXT,
    done_reason: TEXT,
    usage: {
      type: 'object',
      description: 'Absent where the provider does not tell it.',
      required: ['prompt_tokens', 'completion_tokens', 'total_tokens'],
      properties: { prompt_tokens: COUNT, completion_tokens: COUNT, total_tokens: COUNT },
    },
    tokens_used: { ...COUNT, description: "usage.total_tokens; else 1.3 times the answer's words." },
    tokens_estimated: { type: 'boolean' },
    cost: { type: 'number', description: 'Where it is configured; in `currency`.' },
    currency: TEXT,
    fallback: {
      type: 'array',
      description:
        'Those that were asked in place of one that could not answer. `name` is asked now; `reason` names whom it is about, those before it, and why they could not.',
      items: { type: 'object', required: ['name', 'reason'], properties: { name: TEXT, reason: TEXT } },
    },
  },
} as const;

/** How long one that keeps failing is passed over where the embedding program does not say, in milliseconds. */
const CIRCUIT_MS = 30_000;

/** Chats with a provider, or with the first of several that answers. */
export const chatRoutes: DeclareRoutes = (app, deps) => {
  const circuit = deps.circuit ?? createCircuit({ waitMs: CIRCUIT_MS, now: deps.now });
  app.post<{ Body: ChatBody }>(
    '/api/chat',
    {
      bodyLimit: CHAT_BODY_BYTES,
      schema: {
        operationId: 'chat',
        tags: ['chat'],
        summary: 'One answer, whole or in pieces',
        body: CHAT_BODY,
        response: {
          200: {
            description: 'The answer; or its events as they come, the last a `result` or an `error`.',
            content: {
              'application/json': { schema: ANSWER },
              'text/event-stream': { schema: TEXT },
              'application/x-ndjson': { schema: TEXT },
            },
          },
          ...errorResponses(404, 413, 415, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const chain = chooseChain(deps, body, reply);
      if (chain === undefined) return reply;
      const accept = readAccept(request.headers.accept);
      const form = accept === 'json' && body.stream === true ? 'sse' : accept;
      const question = await ask(deps, chain, body, circuit, signalOfCaller(reply));
      return form === 'json' || body.stream === false
        ? await answerWhole(reply, question)
        : await answerInPieces(reply, form, question);
    },
  );
};

/** Who is asked, the first one first; undefined where the caller has been answered already. */
function chooseChain(
  deps: GatewayDeps,
  { provider: name }: ChatBody,
  reply: FastifyReply,
): readonly Provider[] | undefined {
  const { providers } = deps;
  if (name === undefined) return orderChain(providers.get(OWN_HOST), providers.chain(), undefined);
  const provider = findProvider(providers, name, reply);
  return provider && [provider];
}

/** An answer that comes. */
interface Question {
  /** Asks; `onToken` as of `ProviderCall`. */
  batches(onToken?: (text: string) => boolean): AsyncGenerator<readonly ChatEvent[], void, undefined>;
  readonly answer: Gathered;
}

/** Asks. Throws `usage` without a question, `invalid_name` and `not_allowed` for the model, and what finding one fails with. */
async function ask(
  deps: GatewayDeps,
  providers: readonly Provider[],
  body: ChatBody,
  circuit: Circuit,
  signal: AbortSignal,
): Promise<Question> {
  const messages = readMessages(body);
  const chain = providers.map((provider) => forGateway(deps, provider));
  const [first] = chain;
  if (!first) throw new OllamaError('config', 'No provider is configured that could answer.');
  const { info } = first;
  const found = { hasOthers: chain.length > 1, circuit, signal };
  const model = body.model ?? (await findDefaultModel(first, found));
  // Others may call their models as they like.
  if (info.type === 'ollama') readModelName(model);
  deps.checkAllowed(model);
  const request = toRequest(model, messages);
  const asked =
    chain.length === 1
      ? first
      : openFallback(chain, {
          firstTokenMs: deps.firstTokenMs,
          circuit,
          checkAllowed: (name) => deps.checkAllowed(name),
          ...(body.model === undefined ? {} : { named: info.name }),
        });
  return {
    batches: (onToken) => asked.chatBatches(request, { signal, onToken }),
    answer: gatherAnswer(info.name, model, { isNamed: body.model !== undefined }),
  };
}

async function answerWhole(reply: FastifyReply, { batches, answer }: Question): Promise<FastifyReply> {
  for await (const events of batches()) for (const event of events) answer.take(event);
  if (answer.error !== undefined) {
    sendError(reply, answer.error);
    return reply;
  }
  return await reply.send(answer.describe());
}

/** Until so long has gone by, in milliseconds, a failure has a status of its own; longer silence no proxy puts up with. */
const HOLD_MS = 15_000;

/** Begins when something of the answer is there, or has not come for a while. */
async function answerInPieces(
  reply: FastifyReply,
  form: StreamForm,
  { batches, answer }: Question,
): Promise<FastifyReply> {
  const { provider, model } = answer;
  let held = frameEvent(form, { type: 'start', schema_version: 1, provider, model });
  let stream: EventStream | undefined;
  const begin = (): Promise<void> | undefined => {
    clearTimeout(timer);
    stream = openEventStream(reply, form);
    return stream.write(held);
  };
  const timer = setTimeout(() => void begin(), HOLD_MS);
  let full: Promise<void> | undefined;
  // Straight from the server's answer to the caller's, while the caller keeps up.
  const onToken = (text: string): boolean => {
    if (stream === undefined || !answer.hasBegun || full !== undefined) return false;
    answer.take({ type: 'token', text });
    full = stream.writeToken(text);
    return true;
  };
  for await (const events of batches(onToken)) {
    await full;
    full = undefined;
    let frames = '';
    for (const event of events) {
      answer.take(event);
      frames += tell(form, event);
    }
    if (stream === undefined) held += frames;
    // Not one more turn a token where the caller keeps up.
    full = stream === undefined ? (answer.hasBegun ? begin() : undefined) : stream.write(frames);
    if (full) await full;
    full = undefined;
  }
  clearTimeout(timer);
  if (stream === undefined) {
    sendError(reply, answer.error);
    return reply;
  }
  const last =
    answer.error === undefined ? { type: 'result', ...answer.describe() } : describeError(answer.error);
  await full;
  await stream.write(frameEvent(form, last));
  stream.end();
  return reply;
}

function tell(form: StreamForm, event: ChatEvent): string {
  switch (event.type) {
    case 'token':
    case 'thinking':
    case 'provider':
      return frameEvent(form, event);
    case 'tool_call': {
      const { id, function: called } = event.call;
      const { name, arguments: given } = called;
      return frameEvent(form, {
        type: 'tool_call',
        ...(id === undefined ? {} : { id }),
        name,
        arguments: given,
      });
    }
    case 'done':
    case 'error':
      return '';
  }
}

function describeError(error: OllamaError): object {
  const told = toHttpError(error);
  return { type: 'error', status: told.status, ...errorBody(told) };
}
