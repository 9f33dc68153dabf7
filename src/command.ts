import type { Command } from 'commander';
import type { Context } from './context.js';
import type { Io } from './io.js';

/** What a command's action ends with: an exit code, or nothing for 0. */
export type Outcome = number | void;

/** Wraps the body of an action: the context is made when it runs. `settings` turns its flags into settings. */
export type Action = <Arguments extends unknown[]>(
  run: (context: Context, ...args: Arguments) => Promise<Outcome>,
  settings?: (...args: Arguments) => Readonly<Record<string, unknown>>,
) => (...args: Arguments) => Promise<void>;

/** Declares one command on the program. */
export type Register = (program: Command, action: Action, io: Io) => void;
