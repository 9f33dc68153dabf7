import type { Context } from '../context.js';
import type { ChatMessage } from '../core/wire.js';
import { formatAge } from '../format/age.js';
import { cleanLine, cleanText } from '../format/clean.js';
import { readFields, renderFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import type { Styles } from '../output/styles.js';
import { writeLines, writeText } from '../output/write.js';
import { answererOf, costWords, imageWords, sessionDocument, SESSION_FIELDS, speakerOf } from './export.js';
import type { Session } from './fold.js';
import { readSession } from './store.js';

type Style = Pick<Styles, 'dim' | 'bold'>;

/** Shows one conversation: as it was said, or with `--json` as a document. Throws `session_not_found` and `usage`. */
export async function tellSession(context: Context, word: string): Promise<void> {
  const { io, mode, settings } = context;
  const fields = readFields(context.flags);
  const session = await readSession(io, word);
  const whole = sessionDocument(session);
  const picked = fields && pickFields(whole, undefined, fields, SESSION_FIELDS);
  if (mode === 'json') return await writeJson(io, picked ?? whole);
  if (picked) return await writeLines(io.stdout, renderFields(picked), io.signal);
  const { openLook } = await import('../output/look.js');
  const look = await openLook(io, io.stdout, settings);
  const facts = [session.model, session.host, formatAge(session.updatedAt, io.now()), session.id];
  const text = renderTranscript(session, facts, look.isTerminal ? cleanText : (said) => said, look.styles);
  await writeText(io.stdout, text, io.signal);
}

/** A message in paragraphs; `clean` is done to what others said. */
function renderMessage(
  message: ChatMessage,
  { model, cost, isStopped }: { readonly model: string; readonly cost: string; readonly isStopped: boolean },
  clean: (text: string) => string,
  { dim, bold }: Style,
): string[] {
  const { content, thinking = '', tool_calls: calls = [] } = message;
  const speaker = speakerOf(message, model);
  const images = imageWords(message);
  const notes = [
    ...(images === '' ? [] : [`(${images})`]),
    ...calls.map(
      ({ function: called }) =>
        `(calls ${cleanLine(called.name)} ${clean(JSON.stringify(called.arguments))})`,
    ),
    ...(cost === '' ? [] : [`(${cost})`]),
    ...(isStopped ? ['(stopped before its end)'] : []),
  ];
  return [
    ...(thinking === '' ? [] : [dim(`${speaker}, thinking:\n${clean(thinking).trimEnd()}`)]),
    [
      bold(`${speaker}:`),
      ...(content === '' ? [] : [clean(content).trimEnd()]),
      ...notes.map((note) => dim(note)),
    ].join('\n'),
  ];
}

/** The whole conversation as text: its title, what is known of it, then who said what. */
function renderTranscript(
  session: Session,
  facts: readonly string[],
  clean: (text: string) => string,
  style: Style,
): string {
  const { title, model, conversation, details } = session;
  const { system, messages } = conversation;
  const head = [
    ...(title === '' ? [] : [style.bold(title)]),
    style.dim(
      facts
        .filter((fact) => fact !== '')
        .map(cleanLine)
        .join(', '),
    ),
  ];
  const said: readonly ChatMessage[] =
    system === undefined ? messages : [{ role: 'system', content: system }, ...messages];
  const blocks = said.flatMap((message, index) => {
    const about = details[index - (said.length - messages.length)];
    const facts = {
      model: answererOf(about, model),
      cost: costWords(about),
      isStopped: about?.stopped === true,
    };
    return renderMessage(message, facts, clean, style);
  });
  return `${[head.join('\n'), ...blocks].join('\n\n')}\n`;
}
