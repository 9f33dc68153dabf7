import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { openTerminal } from '../support/terminal.js';
import type { Terminal, TerminalOptions } from '../support/terminal.js';

/** The built program. */
export const BIN = path.resolve(import.meta.dirname, '../../bin/ollama-cli.js');

/** How long a screen may take on a machine that is busy with other things. In milliseconds. */
export const SOON = 20_000;

function open(options: TerminalOptions, host: string): Terminal {
  const terminal = openTerminal({ ...options, env: { OLLAMA_HOST: host, ...options.env } });
  onTestFinished(async () => {
    await terminal.close();
  });
  return terminal;
}

/** Opens the program in a pseudo-terminal, with the server at `host`, until the end of the test. */
export function openProgram(args: readonly string[], host: string, options: TerminalOptions = {}): Terminal {
  return open({ ...options, args: [BIN, ...args] }, host);
}

/** Opens a shell in a pseudo-terminal that runs the script; `$CLI` in it is the program. */
export function openShell(script: string, host: string, options: TerminalOptions = {}): Terminal {
  return open({ ...options, command: '/bin/sh', args: ['-c', withProgram(script)] }, host);
}

function withProgram(script: string): string {
  return script.replaceAll('$CLI', `"${process.execPath}" "${BIN}"`);
}

/** A folder of this test's own, which is removed at its end. */
export function openFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'ollama-cli-e2e-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a program did whose output went into pipes. */
export interface Ran {
  /** Absent where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** On top of a bare environment with nothing of the tests' own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a folder of its own, which is HOME too. */
  readonly cwd?: string;
  readonly stdin?: string;
  /** Default: the Node that runs the tests, on the program. */
  readonly command?: readonly [string, ...string[]];
}

/** Runs one command line with pipes for all streams, and the server at `host`. */
export async function runProgram(
  args: readonly string[],
  host: string | undefined,
  options: RunOptions = {},
): Promise<Ran> {
  const [command, ...before] = options.command ?? [process.execPath, BIN];
  const home = mkdtempSync(path.join(tmpdir(), 'ollama-cli-e2e-'));
  const child = spawn(command, [...before, ...args], {
    cwd: options.cwd ?? home,
    // One that hangs must not outlive the tests.
    timeout: 120_000,
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      ...(host === undefined ? {} : { OLLAMA_HOST: host }),
      ...options.env,
    },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += String(chunk)));
  // A program that reads nothing may be gone before this is written.
  child.stdin.on('error', () => undefined).end(options.stdin ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  rmSync(home, { recursive: true, force: true });
  return { code, stdout, stderr };
}

/** Runs a script in a shell with pipes for all streams; `$CLI` in it is the program. */
export async function runShell(script: string, host: string): Promise<Ran> {
  return await runProgram([withProgram(script)], host, { command: ['/bin/sh', '-c'] });
}
