import { asksHost, firstModel, followAnswerer, type Answering } from '../chat/answering.js';
import { checkAllowed, checkProjectHost } from '../consent.js';
import type { Context } from '../context.js';
import { chatRequest, reduceChat, startAnswer, startConversation, withMessage } from '../core/chat.js';
import { isOllamaError, OllamaError } from '../core/errors.js';
import { checkModelName } from '../core/model-name.js';
import { cleanLine, cleanText } from '../format/clean.js';
import { openAnswering } from '../opening/answering.js';
import { chosenModel } from './chosen-model.js';
import { getDefaultModel } from './functions.js';
import { objectSchema, textOf, type Tool, type ToolAnswer, type ToolCall } from './tool.js';

type Given = Readonly<Record<string, unknown>>;
type Open = (provider: string | undefined) => Promise<Answering | undefined>;

const TEXT = { type: 'string' } as const;
const COUNT = { type: 'integer', minimum: 0 } as const;
/** Who answers where nobody else is configured: the host in force. */
const HOST = 'ollama';

/** The tool that asks a model: of the host in force, of a named provider, or of those of `fallback`. */
export function chatTool(context: Context): Tool {
  // One for all calls: who has failed of late is passed over.
  const kept = new Map<string | undefined, Promise<Answering | undefined>>();
  const open: Open = async (provider) => {
    const known = kept.get(provider) ?? openAnswering(context, provider === undefined ? {} : { provider });
    kept.set(provider, known);
    known.catch(() => kept.delete(provider));
    return await known;
  };
  return {
    name: 'chat',
    title: 'Ask a model',
    description:
      'One message to a model of the Ollama server or of a configured provider, and its whole answer.',
    input: objectSchema(
      {
        message: { ...TEXT, description: 'What is asked.' },
        model: { ...TEXT, description: 'Who is asked; the default model without it.' },
        system_prompt: { ...TEXT, description: 'What the model is told beforehand.' },
        provider: {
          ...TEXT,
          description: 'A configured provider; without it the server in use, or fallback.',
        },
      },
      ['message'],
    ),
    output: objectSchema(
      {
        model: TEXT,
        provider: TEXT,
        content: TEXT,
        thinking: TEXT,
        done_reason: TEXT,
        usage: objectSchema({ prompt_tokens: COUNT, completion_tokens: COUNT, total_tokens: COUNT }),
        fallback: { type: 'array', items: objectSchema({ name: TEXT, reason: TEXT }, ['name', 'reason']) },
      },
      ['model', 'provider', 'content', 'done_reason', 'usage'],
    ),
    run: async (given, call) => await chat(context, open, given, call),
  };
}

async function chat(context: Context, open: Open, given: Given, call: ToolCall): Promise<ToolAnswer> {
  const { io, client, settings } = context;
  const answering = await open(textOf(given, 'provider'));
  const model = textOf(given, 'model') ?? (await chooseModel(context, answering, call.signal));
  if (answering === undefined || answering.first.type === 'ollama') checkModelName(model);
  checkAllowed(context, answering === undefined ? model : firstModel(answering, model));
  await checkProjectHost(context, false);
  const conversation = withMessage(
    startConversation(model, {
      system: textOf(given, 'system_prompt') ?? settings.system,
      options: settings.options,
      keepAlive: settings.keep_alive,
    }),
    { role: 'user', content: textOf(given, 'message') ?? '' },
  );
  const following = answering && followAnswerer(answering);
  following?.begin(model);
  const steps: { readonly name: string; readonly reason: string }[] = [];
  let state = startAnswer(io.now());
  const { client: asked } = answering ?? { client };
  for await (const events of asked.chatBatches(chatRequest(conversation), { signal: call.signal })) {
    following?.take(events);
    for (const event of events) {
      if (event.type === 'provider') steps.push({ name: event.name, reason: cleanLine(event.reason) });
      state = reduceChat(state, event, io.now());
    }
    await call.progress(state.tokens, undefined, state.phase === 'thinking' ? 'thinking' : 'answering');
  }
  if (state.error) throw state.error;
  const content = cleanText(state.content);
  const { prompt_tokens = 0, completion_tokens = 0, total_tokens = 0 } = state.metrics ?? {};
  const { name: provider, model: answerer } = following?.now() ?? { name: HOST, model };
  return {
    fields: {
      model: answerer,
      provider,
      content,
      ...(state.thinking === '' ? {} : { thinking: cleanText(state.thinking) }),
      done_reason: state.reason ?? 'stop',
      usage: { prompt_tokens, completion_tokens, total_tokens },
      ...(steps.length === 0 ? {} : { fallback: steps }),
    },
    text: content,
  };
}

/** The model that is asked where none is named. What the host in force fails with is met again where others stand behind it. */
async function chooseModel(
  { client, settings }: Context,
  answering: Answering | undefined,
  signal: AbortSignal,
): Promise<string> {
  const isForeign = answering?.isNamed === true && answering.first.type !== 'ollama';
  const chosen = chosenModel(settings);
  if (!isForeign && chosen !== undefined) return chosen;
  if (answering !== undefined && (isForeign || !asksHost(answering))) return answering.first.model;
  try {
    const { model } = await getDefaultModel(client, undefined, { signal });
    if (model !== null) return model;
  } catch (error) {
    if (!isOllamaError(error) || answering?.passes(error) !== true) throw error;
  }
  if (answering !== undefined) return answering.first.model;
  throw new OllamaError('model_not_found', 'No model is installed, and none was named.', {
    host: client.host.url,
    hint: 'Pull one, for example llama3.2:1b.',
  });
}
