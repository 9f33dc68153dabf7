import { expect, onTestFinished } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.js';
import type { Sandbox, SandboxOptions } from '../../src/sandbox/server.js';
import type { Terminal, TerminalOptions } from '../support/terminal.js';
import { openProgram, SOON } from './program.js';

/** A model of the sandbox that is installed and does not think. */
export const MODEL = 'gemma3:1b';
/** In the line of numbers under an answer that is complete. */
const DONE = /tokens · /g;
/** How the chat ends when a person leaves it. */
export const LEFT = { exitCode: 0, signal: 0 };

/** Starts a server that answers at once, until the end of the test. */
export async function openSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ tokensPerSecond: Infinity, loadMs: 0, ...options });
  onTestFinished(() => sandbox.close());
  return sandbox;
}

interface ChatBody {
  readonly messages: { role: string; content: string }[];
}

/** The bodies of the chat requests so far, but for those that only load a model. */
export function chatBodies(sandbox: Sandbox): ChatBody[] {
  return sandbox.requests
    .filter((request) => request.path === '/api/chat')
    .map(({ body }) => body as ChatBody)
    .filter(({ messages }) => messages.length > 0);
}

/** The messages of each question so far. */
export function asked(sandbox: Sandbox): ChatBody['messages'][] {
  return chatBodies(sandbox).map(({ messages }) => messages);
}

/** Opens the chat, and waits until its composer is there. */
export async function openChat(
  url: string,
  options: TerminalOptions = {},
  args: readonly string[] = [MODEL],
): Promise<Terminal> {
  const terminal = openProgram(['chat', ...args], url, options);
  await terminal.waitFor(/│ ›/, SOON);
  return terminal;
}

/** Types a line, and Enter once it stands in the composer. */
export async function say(terminal: Terminal, text: string): Promise<void> {
  terminal.write(text);
  await terminal.waitFor(new RegExp(`│ › ${text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}`), SOON);
  terminal.write('\r');
}

/** Waits until so many answers are complete. */
export async function waitForAnswers(terminal: Terminal, count: number): Promise<void> {
  await expect.poll(() => terminal.scrollback().match(DONE)?.length ?? 0, { timeout: SOON }).toBe(count);
}
