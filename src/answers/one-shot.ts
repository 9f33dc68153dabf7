import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Context } from '../context.js';
import { withMessage, type Conversation } from '../core/chat.js';
import type { Session } from '../sessions/fold.js';
import type { ApprovalQuestion } from '../tools/approval.js';
import type { Toolbox } from '../tools/toolbox.js';
import { answerOnce, type Turn } from './answer.js';
import { readCount, type ChatFlags } from '../opening/chat-flags.js';
import type { CheckAnswer } from './check-schema.js';
import { composePrompt, type Prompt } from './compose-prompt.js';
import { followAnswerer, type Answering } from '../chat/answering.js';
import { openAhead, openMend } from '../opening/mend.js';
import { openTools } from '../opening/open-tools.js';
import { noteUse } from '../chat/note-use.js';
import { finishAnswer } from './one-shot-end.js';
import type { Outlet } from './outlet.js';
import type { OutputFile } from './output-file.js';

/** One question, and what is to be done with its answer. */
export interface OneShot {
  readonly prompt: Prompt;
  /** What came before the question. */
  readonly conversation: Conversation;
  readonly flags: ChatFlags;
  readonly preparations: Preparations;
  /** The kept conversation that goes on. */
  readonly resumed: Session | undefined;
  /** The id under which it is kept; undefined chooses one, `false` keeps nothing. */
  readonly session: string | undefined | false;
  /** Who answers, where that is not the host in force alone. */
  readonly answering: Answering | undefined;
  /** Writes one event of `--json`. */
  readonly write: (event: object) => Promise<void>;
}

/** What is to be done with an answer once it is whole. */
export interface Preparations {
  readonly check: CheckAnswer | undefined;
  readonly file: OutputFile | undefined;
  /** Which code block of it is wanted, from 1; undefined is all of it. */
  readonly block: number | undefined;
}

/** Looks at what an answer is to become, before anything is asked. Throws `usage` that names the flag or the file. */
export async function prepare({ io }: Context, flags: ChatFlags, format: unknown): Promise<Preparations> {
  const check = format === undefined ? undefined : (await import('./check-schema.js')).compileCheck(format);
  const file =
    flags.output === undefined
      ? undefined
      : await (await import('./output-file.js')).openOutputFile(io, flags.output);
  const block = flags.extract === undefined ? undefined : readCount(flags.extract, '--extract', 9999);
  return { check, file, block };
}

/** Asks one question and tells its answer as the flags want it. Throws what it failed with; what came stays written. */
export async function answerPrompt(context: Context, shot: OneShot): Promise<void> {
  const { flags, answering } = shot;
  const { model } = shot.conversation;
  const mend = openMend(context, model, flags);
  const ahead = openAhead(mend, answering);
  const message = await composePrompt(context, model, shot.prompt, ahead);
  const conversation = withMessage(shot.conversation, message);
  const toolbox = await openTools(context, model, flags.mcp ?? [], ahead);
  try {
    const ask = await openAsk(context, shot, toolbox);
    const keeper = await openKeeper(context, shot, conversation);
    let opened: Promise<Outlet> | undefined;
    // What is loaded from here on is loaded while the server works.
    const open = (): Promise<Outlet> =>
      (opened ??= nextTurn().then(async () => {
        keeper?.prepare();
        return await openOutlet(context, shot);
      }));
    const watch = keeper?.watch;
    const following = answering === undefined ? undefined : followAnswerer(answering);
    const outcome = await answerOnce(context, conversation, { open, ask, mend, watch, following });
    const answerer = following?.now();
    // What another server did says nothing of the models of this one.
    const isHost = answerer?.isHost !== false;
    await Promise.all([
      keeper?.settle(outcome, answerer),
      isHost ? noteUse(context, answerer?.model ?? model, outcome.answer) : undefined,
    ]);
    await finishAnswer(context, shot, {
      conversation,
      answer: outcome.answer,
      answerer,
      offered: toolbox !== undefined,
      outlet: await open(),
    });
  } finally {
    await toolbox?.close();
  }
}

async function openOutlet(
  context: Context,
  { write, conversation, flags, preparations }: OneShot,
): Promise<Outlet> {
  const { io, mode } = context;
  if (mode === 'json') {
    const { openJsonOutlet } = await import('./json-outlet.js');
    return openJsonOutlet(write, {
      tell: (text) => void (context.flags.quiet === true || io.stderr.write(`${text}\n`)),
      thinking: flags.hideThinking !== true,
    });
  }
  const { openStdoutSink, SILENT } = await import('./sinks.js');
  const { openTextOutlet } = await import('./text-outlet.js');
  const isCollected = preparations.file !== undefined || preparations.block !== undefined;
  return await openTextOutlet(context, {
    model: conversation.model,
    sink: isCollected ? SILENT : await openStdoutSink(context),
    thinking: flags.hideThinking !== true,
  });
}

async function openKeeper(context: Context, { session, resumed }: OneShot, conversation: Conversation) {
  if (session === false) return undefined;
  const { openTurnKeeper } = await import('./keep-turn.js');
  return openTurnKeeper(context, {
    conversation,
    ...(session === undefined ? {} : { id: session }),
    ...(resumed === undefined ? {} : { resumed }),
  });
}

async function openAsk(
  context: Context,
  { flags, answering }: OneShot,
  toolbox: Toolbox | undefined,
): Promise<(conversation: Conversation) => Turn> {
  const { io, client } = context;
  const truncate = flags.truncate === true;
  const now = (): number => io.now();
  if (flags.raw === true || flags.suffix !== undefined) {
    const { runGenerate } = await import('./generate.js');
    const { raw = false, suffix } = flags;
    return (conversation) =>
      runGenerate(client, conversation, { raw, suffix, truncate, signal: io.signal, now });
  }
  const { runTurn } = await import('../tools/run-turn.js');
  const approve = toolbox === undefined ? undefined : await openApproving(context, flags, toolbox);
  return (conversation) =>
    runTurn(answering?.client ?? client, conversation, {
      toolbox,
      approve,
      truncate,
      signal: io.signal,
      now,
    });
}

/** What `--allow-tool` names is called; of the rest a person at the terminal is asked. */
async function openApproving(context: Context, flags: ChatFlags, toolbox: Toolbox) {
  const { openApproval } = await import('../tools/approval.js');
  const { mayAsk } = await import('../consent.js');
  const { askChoice } = await import('../output/ask.js');
  const choose = async ({ title, details, choices }: ApprovalQuestion) =>
    await askChoice(context.io, [title, ...details].join('\n'), choices);
  return openApproval(toolbox, {
    allow: flags.allowTool ?? [],
    ...(mayAsk(context) ? { choose } : {}),
  });
}
