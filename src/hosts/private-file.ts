import { open } from 'node:fs/promises';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { whyUnreadable } from '../format/file-error.js';
import { shellWord } from '../next-step.js';

/** No file of headers is longer; what is there may not be one. In bytes. */
const LARGEST = 65_536;

/**
 * The text of a file that holds secrets; `key` is what named it. Throws `config` where it can't be read, is longer than
 * 64 kB, or can be read by others than its owner (not asked on Windows, where the mode says nothing).
 */
export async function readPrivateFile(file: string, key: string, platform: NodeJS.Platform): Promise<string> {
  const name = cleanLine(file);
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new OllamaError('config', `${key}: ${name} can't be read: ${cleanLine(whyUnreadable(cause))}.`, {
      cause,
    });
  });
  try {
    const found = await handle.stat();
    if (found.isDirectory()) throw new OllamaError('config', `${key}: ${name} is a folder.`);
    if (platform !== 'win32' && (found.mode & 0o077) !== 0) {
      throw new OllamaError('config', `${key}: ${name} can be read by others.`, {
        hint: `chmod 600 ${shellWord(name)}`,
      });
    }
    const bytes = Buffer.alloc(LARGEST + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, null);
      length += bytesRead;
      if (length > LARGEST) throw new OllamaError('config', `${key}: ${name} is larger than 64 kB.`);
      if (bytesRead === 0) return bytes.toString('utf8', 0, length);
    }
  } finally {
    await handle.close();
  }
}
