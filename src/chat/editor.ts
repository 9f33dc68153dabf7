import { spawn } from 'node:child_process';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import type { Io } from '../io.js';

type EditorIo = Pick<Io, 'env' | 'platform' | 'signal' | 'cwd' | 'lendInterrupt'>;

const VARIABLES = ['OLLAMA_EDITOR', 'VISUAL', 'EDITOR'];

/** The command line of the person's editor: `OLLAMA_EDITOR`, `VISUAL` or `EDITOR`, else what the system has. */
export function findEditor({ env, platform }: Pick<Io, 'env' | 'platform'>): string {
  for (const name of VARIABLES) {
    const value = env[name]?.trim();
    if (value !== undefined && value !== '') return value;
  }
  return platform === 'win32' ? 'notepad' : 'vi';
}

/** A command line in words: quotes hold words together, and outside Windows a backslash takes the next character as it is. */
export function splitCommandLine(line: string, platform: NodeJS.Platform): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    const next = line.charAt(at + 1);
    // Within double quotes a backslash is one, unless it is before what ends or escapes there, as in a shell.
    const escapes =
      platform !== 'win32' && char === '\\' && (quote === '' || (quote === '"' && /["\\]/.test(next)));
    if (escapes && next !== '') {
      word = (word ?? '') + next;
      at += 1;
    } else if (quote === '' ? char === '"' || (char === "'" && platform !== 'win32') : char === quote) {
      quote = quote === '' ? char : '';
      word ??= '';
    } else if (quote === '' && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/**
 * The program and its arguments; a value that is the whole path of a program, spaces and all, is one word. A bare name is
 * looked for in PATH alone, never in the working directory, which may be anybody's.
 */
async function readCommand(io: EditorIo): Promise<string[]> {
  const line = findEditor(io);
  const isPath =
    path.isAbsolute(line) &&
    (await access(line).then(
      () => true,
      () => false,
    ));
  return isPath ? [line] : splitCommandLine(line, io.platform);
}

/** Runs the editor on the file, with the terminal; resolves with whether it ended well. Throws `usage` if it can't start. */
async function runEditor(io: EditorIo, file: string): Promise<boolean> {
  const [command = 'vi', ...args] = await readCommand(io);
  // There most editors are scripts (code.cmd), which only a shell starts.
  const isShell = io.platform === 'win32';
  const quote = (word: string): string => (isShell ? `"${word}"` : word);
  return await new Promise((resolve, reject) => {
    const child = spawn(quote(command), [...args, file].map(quote), {
      stdio: 'inherit',
      cwd: io.cwd,
      env: { ...io.env },
      shell: isShell,
      signal: io.signal,
    });
    child.once('error', (cause) => {
      if (io.signal.aborted) resolve(false);
      else reject(describeStart(command, cause));
    });
    child.once('close', (code) => resolve(code === 0));
  });
}

function describeStart(command: string, cause: Error): OllamaError {
  const code = 'code' in cause ? cause.code : undefined;
  const why =
    code === 'ENOENT' ? 'there is no such program' : code === 'EACCES' ? 'it may not be run' : cause.message;
  return new OllamaError('usage', `The editor ${cleanLine(command)} can't be started: ${cleanLine(why)}.`, {
    hint: 'set OLLAMA_EDITOR, VISUAL or EDITOR to the editor that you use',
    cause,
  });
}

/** A file ends with a line end: what is appended to it is a line of its own. */
function endLine(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

/** Most editors end a file with a line end, which nobody has typed; some begin it with a mark. */
function readEdited(content: string, before: string): string {
  const text = content.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  return before.endsWith('\n') ? text : text.replace(/\n$/, '');
}

/**
 * Has the person edit a text in their editor, which gets the terminal, in a file that they alone can read and that is gone
 * afterwards. Resolves with the new text; undefined where nothing came of it: the text is as it was, or the editor failed.
 * Throws `usage` if it can't be started.
 */
export async function editText(io: EditorIo, text: string, suffix = '.md'): Promise<string | undefined> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ollama-cli-'));
  try {
    const file = path.join(folder, `message${suffix}`);
    await writeFile(file, endLine(text), { flag: 'wx', mode: 0o600 });
    const takeBack = io.lendInterrupt?.();
    try {
      if (!(await runEditor(io, file))) return undefined;
    } finally {
      takeBack?.();
    }
    // An editor that took the file away has left nothing.
    const content = await readFile(file, 'utf8').catch(() => undefined);
    if (content === undefined) return undefined;
    const edited = readEdited(content, text);
    // Line ends at the end alone are the editor's doing.
    const isSame = edited === text || (!text.endsWith('\n') && edited.replace(/\n+$/, '') === text);
    return isSame ? undefined : edited;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
