import { chatRequest } from '../core/chat.js';
import type { Fields } from '../core/fields.js';
import type { ChatMessage, ToolCall } from '../core/wire.js';
import { cleanLine } from '../format/clean.js';
import { closeFence } from '../format/open-fence.js';
import { formatCost } from '../format/cost.js';
import type { MessageDetails, Session } from './fold.js';

/** The version of the document that a conversation is exported as. */
const SCHEMA_VERSION = 1;

/** The fields of the document, in their order. */
export const SESSION_FIELDS = [
  ...['id', 'title', 'host', 'model', 'created_at', 'updated_at', 'turns', 'tokens', 'stopped'],
  ...['options', 'think', 'messages'],
];

/** A conversation as JSON has it: `model`, `messages`, `options` and `think` are what `/api/chat` takes. */
export function sessionDocument(session: Session): Record<string, unknown> {
  const { id, title, host, model, createdAt, updatedAt, turns, tokens, stopped } = session;
  const { messages: said, options, think } = chatRequest(session.conversation);
  const offset = said.length - session.details.length;
  const messages = said.map((message, index) => ({
    ...message,
    ...answererFields(session.details[index - offset]),
  }));
  return {
    ...{ id, title, host, model, created_at: createdAt, updated_at: updatedAt, turns },
    ...(tokens === undefined ? {} : { tokens }),
    ...(stopped ? { stopped } : {}),
    ...(options === undefined ? {} : { options }),
    ...(think === undefined ? {} : { think }),
    messages,
  };
}

/** Who gave an answer where that was not the host that was asked first, and what it cost. */
function answererFields(about: MessageDetails | undefined): object {
  const { provider, model, metrics } = about ?? {};
  if (provider === undefined) return {};
  const { cost, currency } = costOf(metrics);
  return {
    provider,
    ...(model === undefined ? {} : { model }),
    ...(cost === undefined ? {} : { cost }),
    ...(cost === undefined || currency === undefined ? {} : { currency }),
  };
}

/** As a file has it, in which anything may stand. */
function costOf(metrics: MessageDetails['metrics']): { readonly cost?: number; readonly currency?: string } {
  const { cost, currency }: Fields = { ...metrics };
  return {
    ...(typeof cost === 'number' && Number.isFinite(cost) && cost >= 0 ? { cost } : {}),
    ...(typeof currency === 'string' ? { currency } : {}),
  };
}

/** The name under which an answer stands: its model's, and that of another than the host that was asked first. */
export function answererOf(about: MessageDetails | undefined, model: string): string {
  const { provider, model: own = model } = about ?? {};
  return provider === undefined ? own : `${own} (${provider})`;
}

/** What an answer cost, in words; empty where it is not known, and of one that cost nothing. */
export function costWords(about: MessageDetails | undefined): string {
  const { cost = 0, currency = '' } = costOf(about?.metrics);
  return cost === 0 ? '' : `cost ${formatCost(cost, currency)}`;
}

/** The document as a file's text. */
export function exportJson(session: Session): string {
  return `${JSON.stringify({ schema_version: SCHEMA_VERSION, ...sessionDocument(session) }, undefined, 2)}\n`;
}

/** A text as a code block, whatever backticks are in it. */
function fence(text: string, language: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
  const ticks = '`'.repeat(longest + 1);
  return `${ticks}${language}\n${text}${text.endsWith('\n') ? '' : '\n'}${ticks}`;
}

function writeCall({ function: called }: ToolCall): string {
  const text = JSON.stringify(called.arguments, undefined, 2);
  return `Calls \`${cleanLine(called.name).replaceAll('`', "'")}\`:\n\n${fence(text, 'json')}`;
}

/** Who says a message, as its heading. */
export function speakerOf({ role, tool_name: tool }: ChatMessage, model: string): string {
  switch (role) {
    case 'user':
      return 'You';
    case 'assistant':
      return cleanLine(model) || 'Model';
    case 'system':
      return 'System';
    case 'tool':
      return cleanLine(tool ?? '') || 'Tool';
    default:
      return cleanLine(role);
  }
}

/** `2 images`, in words; empty without any. */
export function imageWords({ images = [] }: ChatMessage): string {
  if (images.length === 0) return '';
  return images.length === 1 ? '1 image' : `${images.length} images`;
}

function writeMessage(message: ChatMessage, model: string, isStopped: boolean): string[] {
  const { role, content, thinking, tool_calls: calls = [] } = message;
  const images = imageWords(message);
  return [
    `## ${speakerOf(message, model)}`,
    ...(thinking === undefined
      ? []
      : [`<details>\n<summary>Thinking</summary>\n\n${closeFence(thinking.trim())}\n\n</details>`]),
    // What a function gave is no markup of this conversation.
    ...(content === '' ? [] : [role === 'tool' ? fence(content, '') : closeFence(content.trimEnd())]),
    ...(images === '' ? [] : [`*(${images})*`]),
    ...calls.map(writeCall),
    ...(isStopped ? ['*(stopped before its end)*'] : []),
  ];
}

/** The conversation as Markdown: a heading for each that speaks, what they said as it is. Titles and names are clean. */
export function exportMarkdown(session: Session): string {
  const { id, title, host, model, createdAt, conversation, details } = session;
  const facts = [model, host, createdAt, id].map(cleanLine).filter((fact) => fact !== '');
  const { system, messages } = conversation;
  const blocks = [
    `# ${title === '' ? 'Conversation' : title}`,
    facts.join(' · '),
    ...(system === undefined ? [] : ['## System', closeFence(system.trimEnd())]),
    ...messages.flatMap((message, index) => {
      const about = details[index];
      return writeMessage(message, answererOf(about, model), about?.stopped === true);
    }),
  ];
  return `${blocks.join('\n\n')}\n`;
}
