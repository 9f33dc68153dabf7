import type { Context } from '../context.js';
import type { ChatMessage } from '../core/wire.js';
import type { Ahead } from '../opening/mend.js';

/** What a person asks, in its parts. */
export interface Prompt {
  readonly typed: string;
  readonly piped: string;
  readonly files: readonly string[];
  readonly images: readonly string[];
}

/** Whether anything was asked. */
export function isEmptyPrompt({ typed, piped, files, images }: Prompt): boolean {
  return typed.trim() === '' && piped.trim() === '' && files.length === 0 && images.length === 0;
}

/**
 * The message of a prompt: what was typed, a blank line, what was piped in, then each file below its name. Images are
 * read once the model has said that it can see them. Throws `usage` for a file that can't go with it, `not_allowed` for a
 * model that sees nothing.
 */
export async function composePrompt(
  context: Context,
  model: string,
  prompt: Prompt,
  ahead: Ahead,
): Promise<ChatMessage> {
  const { io } = context;
  const typed = prompt.typed.trim() === '' ? '' : prompt.typed;
  const piped = prompt.piped.trim() === '' ? '' : prompt.piped;
  if (prompt.files.length + prompt.images.length === 0 && !typed.includes('@'))
    return { role: 'user', content: [typed, piped].filter((part) => part !== '').join('\n\n') };
  const { checkCapability, composeMessage, readAttachment } = await import('../attachments/attachments.js');
  const permitImage = async (): Promise<void> =>
    await ahead(async () => await checkCapability(context, model, 'vision', io.signal));
  const attachments = [];
  for (const file of prompt.files) attachments.push(await readAttachment(io, file, 'file'));
  for (const image of prompt.images) attachments.push(await readAttachment(io, image, 'image', permitImage));
  const { message, notes } = await composeMessage(io, typed, attachments, { piped, permitImage });
  if (context.flags.quiet !== true && context.mode !== 'json')
    for (const note of notes) io.stderr.write(`${note}\n`);
  return message;
}
