import type { Context } from '../context.js';
import type { Conversation, Think } from '../core/chat.js';
import { spliceMessages } from '../core/conversation.js';
import { estimateConversation, findWindow, type PromptCount } from '../core/window.js';
import type { ChatMessage, ModelOptions } from '../core/wire.js';
import { cleanText } from '../format/clean.js';
import type { Recorder } from '../sessions/entry.js';
import type { Approve, Toolbox } from '../tools/toolbox.js';
import type { Attachment } from '../attachments/attachments.js';
import type { Answering, Following } from './answering.js';
import type { TruncationGuard } from './context-guard.js';
import type { Going } from './going.js';
import { tellGiven, type Replaced } from './replace.js';
import type { Stage } from './stage.js';
import type { Tally } from './stats.js';

/** What a question was before its files were put into it. */
export interface Origin {
  readonly written: string;
  readonly attached: readonly Attachment[];
}

/** All that a dialogue knows; its commands are functions of it. */
export interface Talk {
  readonly context: Context;
  readonly stage: Stage;
  readonly toolbox: Toolbox | undefined;
  readonly approve: Approve | undefined;
  /** Who answers, where that is not the host in force alone, and who does. */
  readonly answering: Answering | undefined;
  readonly following: Following | undefined;
  /** Whether the server may cut the beginning of a conversation that outgrows the window. */
  readonly truncate: boolean;
  /** Pulls a model; resolves to whether it is there now. */
  pull(model: string): Promise<boolean>;
  /** Has the model load while the person types, where that is wanted. */
  warmUp(): void;
  /** Whether the conversation is being left. */
  isEnding(): boolean;

  /** Whoever changes it keeps the change with the recorder, as `changeMessages` and `changeSettings` do. */
  conversation: Conversation;
  /** What a question that is being asked takes the place of, once something of an answer is there. */
  replaced: Replaced | undefined;
  /** Undefined keeps nothing. */
  recorder: Recorder | undefined;
  readonly origins: WeakMap<ChatMessage, Origin>;
  /** For the next message. */
  attached: readonly Attachment[];
  going: Going | undefined;
  /** Since when the model is being loaded ahead of a question, in milliseconds since the epoch. */
  loadingSince: number | undefined;
  /** How the last answer ended: whole, or so that it can be gone on with; undefined where nothing is known of it. */
  lastEnd: 'whole' | 'cut' | undefined;
  /** The window of the loaded model in tokens, as the server says. */
  loadedWindow: number | undefined;
  /** The last request of this conversation, if it only grew since. */
  lastCount: PromptCount | undefined;
  truncation: TruncationGuard;
  /** What of a conversation a model has refused, as `model thinking`: said once, then left out. */
  readonly refused: Set<string>;
  showsNumbers: boolean;
  tally: Tally;
  /** The uses of models that are still being written down. */
  noted: Promise<void>;
}

/** The window of the conversation in tokens, as far as anything tells it. */
export function windowOf({ loadedWindow, conversation }: Talk): number | undefined {
  return findWindow({ loaded: loadedWindow, asked: conversation.options['num_ctx'] })?.limit;
}

/** Whether the host in force answered last, or is asked next: what its server tells is about this conversation. */
export function isAtHost({ following }: Talk): boolean {
  return following?.now().isHost !== false;
}

/** What a question was: of one that was kept, its files are no longer known, but for the images themselves. */
export function originOf({ origins }: Talk, question: ChatMessage): Origin {
  const { content, images = [] } = question;
  const known = origins.get(question);
  if (known !== undefined) return known;
  const attached = images.map((base64, index): Attachment => {
    const bytes = Buffer.byteLength(base64, 'base64');
    return { kind: 'image', name: `image ${index + 1}`, path: '', bytes, base64 };
  });
  return { written: content, attached };
}

/** Takes the conversation back to before one of its questions, which is put where the person writes, its files with it. */
export function takeBack(talk: Talk, start: number, toShorten = false): void {
  const { messages } = talk.conversation;
  const question = messages[start];
  if (question === undefined) return;
  const { written, attached } = originOf(talk, question);
  changeMessages(talk, start, messages.length - start);
  talk.attached = attached;
  talk.lastEnd = undefined;
  if (talk.stage.giveBack(written, toShorten)) tell(talk, tellGiven('The question'));
}

/** Shows a remark; it is cleaned here. */
export function tell(talk: Talk, text: string): void {
  talk.stage.show({ kind: 'note', text: cleanText(text) });
}

/** Shows a remark that should not be passed over; it is cleaned here. */
export function warn(talk: Talk, text: string): void {
  talk.stage.show({ kind: 'warning', text: cleanText(text) });
}

/** Replaces messages of the conversation, and keeps that. */
export function changeMessages(
  talk: Talk,
  start: number,
  deleteCount: number,
  insert: readonly ChatMessage[] = [],
): void {
  if (deleteCount === 0 && insert.length === 0) return;
  talk.conversation = spliceMessages(talk.conversation, start, deleteCount, insert);
  talk.recorder?.record({ type: 'splice', start, delete_count: deleteCount, insert });
  talk.lastCount = undefined;
  const { tally } = talk;
  // The server counts only what it answers.
  if (tally.used !== undefined)
    talk.tally = { ...tally, used: estimateConversation(talk.conversation), isEstimate: true };
}

/** What `changeSettings` changes; what is absent stays, `undefined` is none. */
export interface SettingsChange {
  readonly model?: string;
  readonly system?: string | undefined;
  readonly options?: ModelOptions;
  readonly think?: Think | undefined;
  readonly format?: unknown;
}

/** Changes what the conversation goes on with, and keeps that. */
export function changeSettings(talk: Talk, change: SettingsChange): void {
  const before = talk.conversation;
  const isOtherModel = change.model !== undefined;
  const isOtherWindow =
    change.options !== undefined && change.options['num_ctx'] !== before.options['num_ctx'];
  // It was the other's: what a server gives depends on its memory, so nothing is claimed until it says.
  if (isOtherModel || isOtherWindow) talk.loadedWindow = undefined;
  talk.conversation = { ...before, ...change };
  recordSettings(talk, change);
}

/** Keeps settings as they are now. */
export function recordSettings({ recorder }: Talk, settings: SettingsChange): void {
  const { model, options } = settings;
  const entry = {
    ...(model === undefined ? {} : { model }),
    ...('system' in settings ? { system: settings.system ?? null } : {}),
    ...(options === undefined ? {} : { options }),
    ...('think' in settings ? { think: settings.think ?? null } : {}),
  };
  if (Object.keys(entry).length > 0) recorder?.record({ type: 'settings', ...entry });
}

/** Has what could not be kept be told; the recorder says it once. */
export async function watchRecorder(talk: Talk): Promise<void> {
  const problem = await talk.recorder?.flush();
  if (problem === undefined) return;
  const why = problem instanceof Error ? problem.message : 'its file fails';
  warn(talk, `This conversation is not kept: ${why}`);
}
