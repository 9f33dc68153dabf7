import type { Answerer } from '../chat/answering.js';
import type { Context } from '../context.js';
import { answerMessage, type AnswerState, type Conversation } from '../core/chat.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine, cleanText } from '../format/clean.js';
import { isTerminal } from '../output/mode.js';
import { writeText } from '../output/write.js';
import type { OneShot } from './one-shot.js';
import { findLimit, wasCut } from './one-shot-window.js';
import type { Outlet } from './outlet.js';

/** An answer that has ended, whole or not. */
export interface EndedAnswer {
  readonly conversation: Conversation;
  readonly answer: AnswerState;
  /** Who gave it, where several might have. */
  readonly answerer: Answerer | undefined;
  readonly offered: boolean;
  readonly outlet: Outlet;
}

/** Tells what there is to tell of an answer that has ended, checks it, and puts it where it is to be. Throws what it failed with. */
export async function finishAnswer(context: Context, shot: OneShot, ended: EndedAnswer): Promise<void> {
  const { io, flags } = context;
  const { check, file, block } = shot.preparations;
  const { answer, outlet } = ended;
  const quiet = flags.quiet === true || context.mode === 'json';
  const text = answer.content;
  /** Whoever wanted a part, or a file, gets to see the whole where that is all there is. */
  const keepWhole = async (): Promise<void> => {
    if (text === '') return;
    if (file === undefined) {
      if (block !== undefined && !quiet) io.stderr.write(`${cleanText(text).trimEnd()}\n`);
      return;
    }
    const name = await file.keepPart(text);
    io.stderr.write(`What came of the answer is in ${cleanLine(name)}.\n`);
  };
  if (answer.error) {
    const isShown = file === undefined && block === undefined && answer.tokens > 0;
    // What came is the person's; it must not be taken for the whole.
    if (isShown && answer.error.code !== 'interrupted' && !quiet)
      await outlet.note('The answer above is not complete.');
    await keepWhole();
    throw answer.error;
  }
  if (!quiet) for (const note of notesOn(ended)) await outlet.note(note);
  // The host in force knows nothing of another's window.
  const isHost = ended.answerer?.isHost !== false;
  const limit = isHost ? await findLimit(context, ended.conversation, answer) : undefined;
  const isCut = isHost && wasCut(ended.conversation, answer, limit);
  if (isCut && !quiet) {
    await outlet.note(
      'The server seems to have cut the beginning of what was sent: it read less than there was.',
    );
  }
  let extracted: string | undefined;
  try {
    check?.(text);
    if (block !== undefined) {
      const { extractCode } = await import('../chat/extract.js');
      extracted = extractCode(text, block);
    }
  } catch (error) {
    await keepWhole();
    throw error;
  }
  await file?.write(extracted ?? text);
  if (context.mode === 'json') {
    const thinking = shot.flags.hideThinking !== true;
    await shot.write(resultEvent(ended, { extracted, thinking, limit, isCut }));
  } else if (extracted !== undefined && file === undefined) {
    const shown = isTerminal(io.stdout, io.env) ? cleanText(extracted) : extracted;
    await writeText(io.stdout, shown, io.signal);
  }
}

function notesOn({ answer, offered }: EndedAnswer): string[] {
  return [
    ...(answer.toolCalls.length > 0 && !offered
      ? ['The model asked for a function, and none is offered here: --json shows the call.']
      : []),
    ...(answer.reason === 'length'
      ? ['The answer stopped at its length limit (num_predict, or the window).']
      : []),
  ];
}

function resultEvent(
  { answer, answerer }: EndedAnswer,
  told: {
    readonly extracted: string | undefined;
    readonly thinking: boolean;
    readonly limit: number | undefined;
    readonly isCut: boolean;
  },
): object {
  const { extracted, thinking, limit, isCut } = told;
  const { metrics, reason } = answer;
  if (metrics === undefined) throw new OllamaError('internal', 'An answer ended without its numbers.');
  return {
    type: 'result',
    message: answerMessage(thinking ? answer : { ...answer, thinking: '' }),
    ...(extracted === undefined ? {} : { extracted }),
    done_reason: reason,
    ...(answerer === undefined ? {} : { provider: answerer.name, model: answerer.model }),
    metrics,
    context: {
      used: Math.min(metrics.total_tokens, limit ?? Infinity),
      ...(limit === undefined ? {} : { limit }),
      ...(isCut ? { truncated: true } : {}),
    },
  };
}
