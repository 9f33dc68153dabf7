import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { systemCode } from '../core/http-errors.js';
import { decodeModelfile } from './decode-text.js';
import { listFolder } from './model-folder.js';

/** No Modelfile is longer: what is, is the wrong file. In bytes. */
const LONGEST = 16 * 1024 * 1024;
const DEFAULT_NAME = 'Modelfile';

/** A Modelfile's text, how its mistakes name it, and where its paths start. */
export interface ReadModelfile {
  readonly file: string;
  readonly text: string;
  readonly folder: string;
}

/**
 * Reads the Modelfile that was named, `-` for stdin; without a name ./Modelfile, or where there is none what the folder
 * itself holds, as Ollama does. Throws `usage` for one that can't be read.
 */
export async function readModelfile(
  named: string | undefined,
  { stdin, cwd, signal }: { readonly stdin: Readable; readonly cwd: string; readonly signal: AbortSignal },
): Promise<ReadModelfile> {
  if (named === '-') {
    return {
      file: 'stdin',
      text: decodeModelfile(await readAll(stdin, signal, 'stdin'), 'stdin'),
      folder: cwd,
    };
  }
  const file = named ?? DEFAULT_NAME;
  const place = path.resolve(cwd, file);
  const facts = await stat(place).catch(() => undefined);
  if (facts === undefined && named === undefined) return await readFolder(cwd);
  if (facts?.isDirectory() === true) {
    throw new OllamaError('usage', `${file} is a folder, not a Modelfile.`, {
      hint: `Name the file: --file ${path.join(file, DEFAULT_NAME)}`,
    });
  }
  const isStream = facts !== undefined && !facts.isFile();
  const bytes = await told(file, signal, async () =>
    isStream ? await readAll(createReadStream(place), signal, file) : await readStart(file, place),
  );
  // What the shell's <(…) and /dev/stdin name stands in no folder of its own.
  return { file, text: decodeModelfile(bytes, file), folder: isStream ? cwd : path.dirname(place) };
}

/** A folder that is a model needs no Modelfile. */
async function readFolder(folder: string): Promise<ReadModelfile> {
  const listed = await listFolder(folder, 'model');
  if ('names' in listed) return { file: folder, text: 'FROM .\n', folder };
  const why = listed.empty ? '' : ` And ${listed.problem}`;
  throw new OllamaError('usage', `There is no Modelfile in ${folder}.${why}`, {
    hint: 'Name one: --file FILE. Its least is one line, such as: FROM llama3.2:1b',
  });
}

async function readStart(file: string, place: string): Promise<Buffer> {
  const handle = await open(place, 'r');
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.min(size, LONGEST + 1));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    // Weights are told for what they are by their first bytes.
    return size > LONGEST && bytes[0] !== 0x47 ? tooLong(file) : bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** The bytes that reading gave, or the `usage` error for a file that can't be read. */
async function told(file: string, signal: AbortSignal, read: () => Promise<Buffer>): Promise<Buffer> {
  try {
    return await read();
  } catch (error) {
    signal.throwIfAborted();
    if (isOllamaError(error)) throw error;
    const why =
      systemCode(error) === 'ENOENT' ? 'there is no such file' : (systemCode(error) ?? String(error));
    throw new OllamaError('usage', `The Modelfile ${file} can't be read: ${why}.`, { cause: error });
  }
}

async function readAll(stream: Readable, signal: AbortSignal, file: string): Promise<Buffer> {
  const stop = (): void => void stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer | string>) {
      const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      chunks.push(piece);
      bytes += piece.length;
      if (bytes > LONGEST) tooLong(file);
    }
    signal.throwIfAborted();
    return Buffer.concat(chunks);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function tooLong(file: string): never {
  throw new OllamaError(
    'usage',
    `${file} is too long for a Modelfile: more than ${LONGEST / 1024 / 1024} MiB.`,
  );
}
