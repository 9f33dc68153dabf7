import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../config/atomic-write.js';
import { lastAnswer } from '../core/conversation.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine, cleanText } from '../format/clean.js';
import { checkCapability, describeAttachment, readAttachment } from '../attachments/attachments.js';
import { resolvePath } from '../attachments/named-file.js';
import { findCodeBlocks } from './extract.js';
import { tell, warn, type Talk } from './talk.js';
import { tellFailure } from './turn-failure.js';

/** `/file` and `/image`: reads a file that goes with the next message. */
export async function attach(
  talk: Talk,
  kind: 'file' | 'image',
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const { context, conversation } = talk;
  const permitImage = async (): Promise<void> => {
    await checkCapability(context, conversation.model, 'vision', signal);
  };
  const attachment = await readAttachment(context.io, name, kind, permitImage);
  const others = talk.attached.filter((one) => one.path !== attachment.path);
  talk.attached = [...others, attachment];
  tell(talk, `${describeAttachment(attachment)}: it goes with your next message.`);
}

/** `/file` and `/image` by themselves: what goes with the next message. */
export function listAttached(talk: Talk): void {
  if (talk.attached.length === 0)
    return tell(talk, 'Nothing is attached: /file PATH, /image PATH, or @PATH in a text.');
  tell(talk, talk.attached.map(describeAttachment).join('\n'));
}

/** `/file none`: nothing goes with the next message. */
export function detach(talk: Talk): void {
  const count = talk.attached.length;
  talk.attached = [];
  tell(talk, count === 0 ? 'Nothing was attached.' : 'Nothing is attached any more.');
}

/** `/copy`: puts the last answer, or one of its blocks of code, into the clipboard. */
export async function copyAnswer(talk: Talk, block: number | undefined): Promise<void> {
  const answer = lastAnswer(talk.conversation);
  if (answer === undefined) return tell(talk, 'There is no answer to copy yet.');
  const blocks = block === undefined ? [] : findCodeBlocks(answer.content);
  const found = block === undefined ? answer.content : blocks[block - 1]?.code;
  if (found === undefined) {
    const have =
      blocks.length === 0
        ? 'no block of code'
        : blocks.length === 1
          ? 'one block of code'
          : `${blocks.length} blocks of code`;
    return tell(talk, `The last answer has ${have}.`);
  }
  const { copyText } = await import('./clipboard.js');
  // What is pasted into a shell must be what was seen.
  const text = cleanText(found);
  const { terminal, program } = await copyText(talk.context.io, text, (bytes) => talk.stage.send(bytes));
  const size = formatBytes(Buffer.byteLength(text));
  if (program !== undefined) return tell(talk, `Copied (${size}), by ${program}.`);
  if (terminal)
    return tell(talk, `Sent to the terminal's clipboard (${size}); a terminal may be set not to take it.`);
  warn(
    talk,
    `Not copied (${size}): there is no clipboard here that takes so much. /export FILE writes it to a file.`,
  );
}

/** Writes a new file; false where there is one already. Throws the file system's errors. */
async function writeNew(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'what should be its folder is a file',
  EISDIR: 'it is a folder',
  EACCES: 'there is no permission to',
  EPERM: 'there is no permission to',
  EROFS: 'that disk can only be read',
  ENOSPC: 'the disk is full',
  ENAMETOOLONG: 'its name is too long',
};

/** Why a file can't be written, in words where there are any. */
function describeRefusal(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return ('code' in cause ? REFUSALS[String(cause.code)] : undefined) ?? cause.message;
}

/** `/export`: writes the conversation as Markdown or JSON; a file that is there is replaced only if the person wants it. */
export async function exportTalk(talk: Talk, name: string, signal: AbortSignal): Promise<void> {
  const { io } = talk.context;
  const extension = path.extname(name).toLowerCase();
  if (extension !== '.md' && extension !== '.json') {
    return tell(talk, 'The name says how it is written: /export FILE.md, or FILE.json.');
  }
  if (talk.conversation.messages.length === 0) return tell(talk, 'Nothing was said yet.');
  const { exportText } = await import('./export-text.js');
  const text = await exportText(talk, extension === '.md' ? 'md' : 'json');
  const file = resolvePath(io, name);
  try {
    if (!(await writeNew(file, text))) {
      const chosen = await talk.stage.choose(
        {
          title: `${cleanLine(name)} exists. Replace it?`,
          details: [],
          choices: [
            { key: 'no', label: 'no', letter: 'n' },
            { key: 'yes', label: 'replace it', letter: 'r' },
          ],
        },
        signal,
      );
      if (chosen !== 'yes') return tell(talk, 'Nothing was written.');
      await writeFileAtomic(file, text);
    }
    tell(talk, `Written to ${name} (${formatBytes(Buffer.byteLength(text))}).`);
  } catch (cause) {
    if (isOllamaError(cause)) throw cause;
    tellFailure(
      talk,
      new OllamaError('usage', `${name} can't be written: ${describeRefusal(cause)}.`, { cause }),
    );
  }
}
