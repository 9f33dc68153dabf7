import { failureJson, type Failure } from './failure.js';
import type { Io } from './io.js';
import { failureLines } from './output/failure-text.js';
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
