import { checkAllowed, checkProjectHost } from '../consent.js';
import type { Context } from '../context.js';
import { chatRequest, reduceChat, startAnswer, startConversation, withMessage } from '../core/chat.js';
import { OllamaError } from '../core/errors.js';
import { checkModelName, sameModel } from '../core/model-name.js';
import { reducePull, startPull } from '../core/pull.js';
import { pullTotals } from '../core/pull-totals.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine, cleanText } from '../format/clean.js';
import { openUnloading } from '../models/unload.js';
import { notInstalled } from '../models/words.js';
import { getDefaultModel } from './functions.js';
import { objectSchema, textOf, type Tool, type ToolAnswer, type ToolCall } from './tool.js';

/** What may be done without asking a person. */
export interface Allowances {
  readonly allowPull: boolean;
  readonly allowRemove: boolean;
}

type Given = Readonly<Record<string, unknown>>;

const TEXT = { type: 'string' } as const;
const COUNT = { type: 'integer', minimum: 0 } as const;
const MODEL = objectSchema({ model: { ...TEXT, description: 'The name, such as llama3.2:1b.' } }, ['model']);

/** The tools that change something, or cost something. */
export function actingTools(context: Context, allowances: Allowances): readonly Tool[] {
  return [
    {
      name: 'chat',
      title: 'Ask a model',
      description: 'One message to a model of the Ollama server, and its whole answer.',
      input: objectSchema(
        {
          message: { ...TEXT, description: 'What is asked.' },
          model: { ...TEXT, description: 'Who is asked; the default model without it.' },
          system_prompt: { ...TEXT, description: 'What the model is told beforehand.' },
        },
        ['message'],
      ),
      output: objectSchema(
        {
          model: TEXT,
          content: TEXT,
          thinking: TEXT,
          done_reason: TEXT,
          usage: objectSchema({ prompt_tokens: COUNT, completion_tokens: COUNT, total_tokens: COUNT }),
        },
        ['model', 'content', 'done_reason', 'usage'],
      ),
      run: async (given, call) => await chat(context, given, call),
    },
    {
      name: 'pull_model',
      title: 'Download a model',
      description:
        'Downloads a model to the Ollama server. A person is asked first, unless that was allowed.',
      input: MODEL,
      output: objectSchema({ success: { type: 'boolean' }, model: TEXT, message: TEXT, size: COUNT }, [
        'success',
        'model',
        'message',
      ]),
      run: async (given, call) => await pull(context, allowances.allowPull, given, call),
    },
    {
      name: 'remove_model',
      title: 'Remove a model',
      description:
        'Removes a model from the Ollama server. A person is asked first, unless that was allowed.',
      destructive: true,
      input: MODEL,
      output: objectSchema({ success: { type: 'boolean' }, model: TEXT, message: TEXT, size: COUNT }, [
        'success',
        'model',
        'message',
      ]),
      run: async (given, call) => await remove(context, allowances.allowRemove, given, call),
    },
  ];
}

async function chat(context: Context, given: Given, call: ToolCall): Promise<ToolAnswer> {
  const { io, client, settings } = context;
  const named = textOf(given, 'model') ?? (await getDefaultModel(client, settings.default_model)).model;
  if (named === null) {
    throw new OllamaError('model_not_found', 'No model is installed, and none was named.', {
      host: client.host.url,
      hint: 'Pull one, for example llama3.2:1b.',
    });
  }
  checkModelName(named);
  checkAllowed(context, named);
  await checkProjectHost(context, false);
  const conversation = withMessage(
    startConversation(named, {
      system: textOf(given, 'system_prompt') ?? settings.system,
      options: settings.options,
      keepAlive: settings.keep_alive,
    }),
    { role: 'user', content: textOf(given, 'message') ?? '' },
  );
  let state = startAnswer(io.now());
  for await (const events of client.chatBatches(chatRequest(conversation), { signal: call.signal })) {
    for (const event of events) state = reduceChat(state, event, io.now());
    await call.progress(state.tokens, undefined, state.phase === 'thinking' ? 'thinking' : 'answering');
  }
  if (state.error) throw state.error;
  const content = cleanText(state.content);
  const { prompt_tokens = 0, completion_tokens = 0, total_tokens = 0 } = state.metrics ?? {};
  return {
    fields: {
      model: named,
      content,
      ...(state.thinking === '' ? {} : { thinking: cleanText(state.thinking) }),
      done_reason: state.reason ?? 'stop',
      usage: { prompt_tokens, completion_tokens, total_tokens },
    },
    text: content,
  };
}

async function pull(
  context: Context,
  isAllowed: boolean,
  given: Given,
  call: ToolCall,
): Promise<ToolAnswer | undefined> {
  const { io, client } = context;
  const model = textOf(given, 'model') ?? '';
  checkModelName(model);
  checkAllowed(context, model);
  await checkProjectHost(context, false);
  const question = `Download ${cleanLine(model)} to ${client.host.display}?`;
  if (!isAllowed && call.confirm(question) === undefined) return undefined;
  let state = startPull(model, io.now());
  for await (const event of client.pullModelStream(model, { signal: call.signal })) {
    if (event.type === 'Error') throw event.error;
    state = reducePull(state, event, io.now());
    const { completed, total } = pullTotals(state, io.now());
    await call.progress(completed, total === 0 ? undefined : total, cleanLine(state.phase));
  }
  const installed = (await client.list({ signal: call.signal })).find(({ name }) => sameModel(name, model));
  return {
    fields: {
      success: true,
      model,
      message: `Model '${model}' pulled successfully`,
      ...(installed === undefined ? {} : { size: installed.size }),
    },
  };
}

async function remove(
  context: Context,
  isAllowed: boolean,
  given: Given,
  call: ToolCall,
): Promise<ToolAnswer | undefined> {
  const { client } = context;
  const model = textOf(given, 'model') ?? '';
  checkModelName(model);
  const installed = await client.list({ signal: call.signal, force: true });
  const found = installed.find(({ name }) => sameModel(name, model));
  if (!found) throw notInstalled(model, client.host.url);
  const question = `Remove ${cleanLine(found.name)} (${formatBytes(found.size)}) from ${client.host.display}?`;
  if (!isAllowed && call.confirm(question) === undefined) return undefined;
  const unload = await openUnloading(context);
  await unload(found.name);
  await client.delete(found.name, { signal: call.signal });
  return {
    fields: {
      success: true,
      model: found.name,
      message: `Model '${found.name}' removed`,
      size: found.size,
    },
  };
}
