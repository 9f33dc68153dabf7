import { failureJson, type Failure } from './failure.js';
import { cleanLine } from './format/clean.js';
import type { Io } from './io.js';
import { failureItem, failureLines } from './output/failure-text.js';
import { openLook, type LookSettings } from './output/look.js';

/** Tells a failure on stderr: as its one line of JSON, or in the lines for people. */
export async function tellFailure(
  io: Io,
  failure: Failure,
  json: boolean,
  settings: LookSettings,
): Promise<void> {
  const lines = json
    ? [JSON.stringify({ error: failureJson(failure) })]
    : failureLines(failure, await openLook(io, io.stderr, settings));
  io.stderr.write(`${lines.join('\n')}\n`);
}

/** Tells people of one model's failure among others on stderr: whose it is, and what to do right below. */
export async function tellFailureOf(
  io: Io,
  model: string,
  failure: Failure,
  settings: LookSettings,
): Promise<void> {
  const look = await openLook(io, io.stderr, settings);
  const lines = failureItem(look.styles.bad(look.symbols.cross), cleanLine(model), failure, look);
  io.stderr.write(`${lines.join('\n')}\n`);
}
