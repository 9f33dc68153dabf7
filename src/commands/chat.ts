import { collect, type Outcome, type Register } from '../command.js';
import { checkAllowed, checkProjectHost } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import type { EventStream } from '../answers/outlet.js';
import { typedError } from '../answers/typed-error.js';
import { checkModelName, parseModelName } from '../core/model-name.js';
import { failureJson, toFailure } from '../failure.js';
import { CHAT_FLAGS, checkFlags, settingsOf, type ChatFlags } from '../opening/chat-flags.js';
import type { Opening } from '../opening/opening.js';
import type { Prompt } from '../answers/compose-prompt.js';
import { cleanLine } from '../format/clean.js';
import { openEventWriter, readFields } from '../output/fields.js';
import { SCHEMA_VERSION } from '../output/json.js';

/** Declares `chat`, also under the name that Ollama users type. */
export const register: Register = (program, action) => {
  const command = program
    .command('chat')
    .alias('run')
    .helpGroup('Talk:')
    .summary('talk with a model')
    .description(
      'Talks with a model. With a prompt, a file, or a pipe on stdin, one answer and out: the answer on stdout, thinking on stderr. ' +
        'What is sent, in this order: the prompt, a blank line, stdin, then each file under its name. @path in the prompt adds a file or an image.',
    )
    .argument('[model]', 'a model; default_model of the configuration where none is named')
    .argument('[prompt...]', 'the question');
  for (const [heading, rows] of CHAT_FLAGS) {
    command.optionsGroup(heading);
    for (const [flags, description, repeats] of rows) {
      if (repeats === undefined) command.option(flags, description);
      else command.option(flags, description, collect);
    }
  }
  command.action(
    action(chat, {
      settings: (_model, _prompt, flags: ChatFlags) => settingsOf(flags),
      hasOthers: ({ fallback }, _model, _prompt, flags) =>
        flags.provider !== undefined || (flags.fallback !== false && fallback.length > 0),
      refused: (model, _prompt, flags) => ({ start: { model: nameModel(model, flags) } }),
    }),
  );
};

/** What the events of an answer are told with, for `--fields`. */
const EVENT_FIELDS = [
  ...['host', 'model', 'provider', 'session', 'reason', 'text', 'name', 'arguments', 'content', 'is_error'],
  ...['message', 'extracted', 'done_reason', 'metrics', 'context'],
  ...['index', 'id', 'key', 'count', 'failed', 'skipped'],
];

async function chat(
  context: Context,
  named: string | undefined,
  words: readonly string[],
  flags: ChatFlags,
): Promise<Outcome> {
  checkFlags(flags);
  const json = context.mode === 'json';
  const write = openEventWriter(context.io, readFields(context.flags), EVENT_FIELDS);
  let begun = false;
  const begin = async (about: object): Promise<void> => {
    begun = true;
    const { url } = context.client.host;
    if (json) await write({ type: 'start', schema_version: SCHEMA_VERSION, host: url, ...about });
  };
  try {
    return await talkOrAnswer(context, named, words, flags, { begin, write });
  } catch (thrown) {
    const error = typedError(context, thrown);
    // A command line that is wrong begins no stream.
    if (json && (begun || error.code !== 'usage')) {
      if (!begun) await begin({ model: nameModel(named, flags) });
      const { lookUpFacts } = await import('../look-up-facts.js');
      const failure = toFailure(error, await lookUpFacts(error, context));
      await write({ type: 'error', error: failureJson(failure) });
    }
    throw error;
  }
}

/** The model that the command line names; empty where another word than the first says whom to ask. */
function nameModel(named: string | undefined, { model, ...flags }: ChatFlags): string {
  const elsewhere = (['auto', 'continue', 'resume', 'preset'] as const).some(
    (key) => flags[key] !== undefined,
  );
  return model ?? (elsewhere ? '' : (named ?? ''));
}

async function talkOrAnswer(
  context: Context,
  named: string | undefined,
  words: readonly string[],
  flags: ChatFlags,
  stream: EventStream,
): Promise<Outcome> {
  const piped = readPiped(context, flags);
  const { readOpening } = await import('../opening/opening.js');
  const { openAnswering } = await import('../opening/answering.js');
  const answering = await openAnswering(context, flags);
  const opening = await readOpening(context, named, words, flags, answering);
  if (flags.batch !== undefined) {
    const { answerBatch } = await import('../answers/batch.js');
    return await answerBatch(opening, flags.batch, flags, stream);
  }
  // Loaded while stdin is read.
  const { answerPrompt, prepare } = await import('../answers/one-shot.js');
  const { isEmptyPrompt } = await import('../answers/compose-prompt.js');
  const asked = {
    typed: opening.words.join(' '),
    piped: await piped,
    files: flags.file ?? [],
    images: flags.image ?? [],
  };
  const prompt = isEmptyPrompt(asked) ? undefined : asked;
  if (prompt === undefined) {
    await checkReading(context, named, opening);
    checkTalk(context, flags);
  }
  const format =
    flags.format === undefined
      ? undefined
      : await (await import('../answers/read-format.js')).readFormat(context.io, flags.format);
  if (prompt === undefined) {
    const { model } = await chooseModel(context, opening, prompt, flags, stream);
    const { openChat } = await import('../opening/open-chat.js');
    await openChat(opening, model, format, flags);
    return 0;
  }
  const preparations = await prepare(context, flags, format);
  const { model, session } = await chooseModel(context, opening, prompt, flags, stream);
  const { beginConversation } = await import('../opening/opening.js');
  await answerPrompt(opening.context, {
    ...{ prompt, flags, preparations, session, answering: opening.answering },
    resumed: opening.resumed,
    conversation: beginConversation(opening, model, format),
    write: stream.write,
  });
  return 0;
}

/** Settles with whom to talk, tells it as the stream's start, and looks whether that is allowed. */
async function chooseModel(
  context: Context,
  opening: Opening,
  prompt: Prompt | undefined,
  flags: ChatFlags,
  { begin }: EventStream,
): Promise<{ readonly model: string; readonly session: string | undefined | false }> {
  const { io, mode } = context;
  const chosen = opening.model === undefined ? await chooseItself(opening, prompt, flags) : undefined;
  const model = chosen?.model ?? opening.model ?? '';
  const session = await nameSession(context, opening, flags);
  await begin({
    model,
    ...(typeof session === 'string' ? { session } : {}),
    ...(chosen ? { reason: chosen.why } : {}),
  });
  if (chosen && mode !== 'json' && context.flags.quiet !== true)
    io.stderr.write(`${cleanLine(chosen.model)}: ${chosen.why}\n`);
  // The names of others' models are their own affair.
  if (opening.answering === undefined || opening.answering.first.type === 'ollama') checkModelName(model);
  checkAllowed(context, model);
  await checkProjectHost(context, flags.yes === true);
  return { model, session };
}

async function chooseItself(
  { context, words, answering }: Opening,
  prompt: Prompt | undefined,
  flags: ChatFlags,
) {
  const { chooseModel: choose } = await import('../opening/auto.js');
  const { mentionsImage } = await import('../attachments/attachments.js');
  const typed = words.join(' ');
  try {
    return await choose(context, {
      images: (prompt?.images.length ?? 0) > 0 || (await mentionsImage(context.io, typed)),
      tools: flags.mcp !== undefined,
      text: [typed, ...(prompt?.files ?? []), prompt?.piped ?? ''].join('\n'),
    });
  } catch (error) {
    const { default_model: model = answering?.first.model } = context.settings;
    if (model === undefined || !isOllamaError(error) || answering?.passes(error) !== true) throw error;
    return { model, why: `the installed models are not known: ${cleanLine(error.message)}` };
  }
}

/** The id of the kept conversation, where a stream tells it; `false` where none may be kept. */
async function nameSession(
  { io, settings, mode }: Context,
  { resumed }: Opening,
  flags: ChatFlags,
): Promise<string | undefined | false> {
  // A completion of a raw text, or between two, is no conversation.
  if (flags.ephemeral === true || flags.raw === true || flags.suffix !== undefined) return false;
  if (mode !== 'json') return undefined;
  const { keepsSessions } = await import('../models/usage.js');
  if (!keepsSessions(io, settings)) return false;
  if (resumed) return resumed.id;
  const { makeId } = await import('../sessions/place.js');
  return makeId(io.now());
}

/** Throws `usage` where the only word was read as the model, and can't be one: it was meant as the prompt. */
async function checkReading(
  { mode, io }: Context,
  named: string | undefined,
  opening: Opening,
): Promise<void> {
  const { model, words, answering } = opening;
  if (named === undefined || model !== named || words.length > 0) return;
  const isForeign = answering !== undefined && answering.first.type !== 'ollama';
  const isTalk = mode !== 'json' && io.stdin.isTTY === true && io.stdout.isTTY === true;
  // Where a talk begins, a name with a slip in it is told as one.
  if (!/\s/.test(named) && (isTalk || isForeign || parseModelName(named) !== undefined)) return;
  const { shellWord } = await import('../next-step.js');
  const word = cleanLine(named);
  throw new OllamaError('usage', `"${word}" was read as the model, and there is no prompt.`, {
    hint: `ollama-cli chat MODEL ${shellWord(word)}; without MODEL once default_model is set`,
  });
}

/** Throws `usage` where there is neither a prompt nor a terminal to talk in. */
function checkTalk({ io, mode }: Context, flags: ChatFlags): void {
  if (mode === 'json')
    throw new OllamaError('usage', 'chat --json needs a prompt, as an argument or on stdin.');
  if (!(io.stdin.isTTY === true && io.stdout.isTTY === true)) {
    throw new OllamaError('usage', 'There is no prompt, and no terminal to talk in.', {
      hint: 'ollama-cli chat MODEL "PROMPT", or a prompt on stdin',
    });
  }
  const lone = (['raw', 'suffix', 'output', 'extract'] as const).find((key) => flags[key] !== undefined);
  if (lone !== undefined)
    throw new OllamaError('usage', `--${lone} needs a prompt, as an argument or on stdin.`);
}

/** What is piped in, read from now on; whoever awaits it hears of a failure. */
function readPiped({ io }: Context, flags: ChatFlags): Promise<string> {
  if (flags.stdin === false || flags.batch !== undefined) return Promise.resolve('');
  const piped = import('../output/stdin.js').then(async ({ readPipedPrompt }) => {
    const text = await readPipedPrompt(io);
    if (text.includes('\0'))
      throw new OllamaError('usage', 'What is piped in is no text.', {
        hint: 'An image goes by --image FILE.',
      });
    return text;
  });
  piped.catch(() => undefined);
  return piped;
}
