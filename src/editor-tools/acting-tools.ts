import { checkAllowed, checkProjectHost } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { checkModelName, sameModel } from '../core/model-name.js';
import { reducePull, startPull } from '../core/pull.js';
import { pullTotals } from '../core/pull-totals.js';
import { isLoopback } from '../core/url.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { openUnloading } from '../models/unload.js';
import { notInstalled } from '../models/words.js';
import { openLookUps } from '../pulls/look-up.js';
import { seeDisk } from '../pulls/see-room.js';
import { chatTool } from './chat-tool.js';
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
    chatTool(context),
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
  const doubt = await lookForRoom(context, model);
  const question = [
    `Download ${cleanLine(model)} to ${client.host.display}?`,
    ...(doubt ? [doubt.what] : []),
  ].join(' ');
  if (!isAllowed && call.confirm(question) === undefined) return undefined;
  if (isAllowed && doubt?.sure === true) {
    throw new OllamaError('no_space', doubt.what, {
      ...{ host: client.host.url, model },
      hint: 'Make room, or start ollama-cli mcp without --allow-pull: then a person is asked.',
    });
  }
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

/** What speaks against a pull to this machine's disk, and whether that is certain; undefined where nothing is known to. */
async function lookForRoom(
  context: Context,
  model: string,
): Promise<{ readonly what: string; readonly sure: boolean } | undefined> {
  if (!isLoopback(context.client.host.hostname)) return undefined;
  const lookUps = openLookUps(context, {});
  try {
    const disk = await seeDisk(context, [model], lookUps);
    if (disk === undefined || disk.missing <= disk.free) return undefined;
    const { missing, free, folder, sure } = disk;
    const what = `${formatBytes(missing)} are still to be fetched, and ${formatBytes(free)} are free in ${cleanLine(folder)}.`;
    return { what, sure };
  } finally {
    lookUps.close();
  }
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
