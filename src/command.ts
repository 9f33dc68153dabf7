import type { Command } from 'commander';
import type { Context } from './context.js';
import type { Io } from './io.js';

/** What a command's action ends with: an exit code, or nothing for 0. */
export type Outcome = number | void;

/** What has to be known of a command before its context is there. */
export interface ActionOptions<Arguments extends unknown[]> {
  /** The flags that are settings, the strongest source of each. */
  readonly settings?: (...args: Arguments) => Readonly<Record<string, unknown>>;
  /** False of what works without the host in force: then that its credentials can't be had is no reason to stop. */
  readonly needsClient?: (...args: Arguments) => boolean;
  /**
   * True where others can answer in place of the host in force: then a host whose credentials can't be had fails each
   * request with that, and the command goes on.
   */
  readonly hasOthers?: (settings: Context['settings'], ...args: Arguments) => boolean;
  /** Of a command that streams JSON: what its `start` and its `error` carry where nothing could begin. */
  readonly refused?: (...args: Arguments) => { readonly start: object; readonly error?: object };
}

/** Wraps the body of an action: the context is made when it runs. */
export type Action = <Arguments extends unknown[]>(
  run: (context: Context, ...args: Arguments) => Promise<Outcome>,
  options?: ActionOptions<Arguments>,
) => (...args: Arguments) => Promise<void>;

/** Declares one command on the program. */
export type Register = (program: Command, action: Action, io: Io) => void;

/** Gathers the values of an option that repeats. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
