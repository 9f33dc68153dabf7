import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { timeLimit } from '../core/time-limit.js';
import { cleanLine } from '../format/clean.js';
import { nextStepFor } from './next-step.js';

/** What starts does not wait longer for it. In milliseconds. */
const LIMIT_MS = 5_000;

/**
 * A look at the server when something that lives long starts: a warning on stderr where it is not well, with one next step,
 * and under `--debug` the names of its models. It may come later, so that nothing is thrown but `interrupted`.
 */
export async function lookAtServer({ io, client, flags }: Context): Promise<void> {
  const tooLate = (): OllamaError =>
    new OllamaError('timeout', `${client.host.url} says nothing for ${LIMIT_MS / 1000} s.`, {
      reason: 'silent',
    });
  const bound = timeLimit(io.signal, LIMIT_MS, tooLate);
  try {
    const { status, checks, error, models, version } = await client.health({ signal: bound.signal });
    if (status !== 'healthy') {
      const failed = checks.find((check) => check.status === 'fail');
      const step = error && nextStepFor(error, { platform: io.platform, host: client.host });
      const next = step ?? failed?.hint;
      const words = failed?.detail ?? `${client.host.display} is ${status}`;
      io.stderr.write(
        `warning: ${cleanLine(words)}${next === undefined ? '' : ` Next: ${cleanLine(next)}`}\n`,
      );
    }
    if (flags.debug === true && !error) {
      const names = models.length === 0 ? 'none' : models.map(({ name }) => name).join(', ');
      const told = version === undefined ? '' : ` (${version})`;
      io.stderr.write(`debug: models on ${client.host.display}${cleanLine(told)}: ${cleanLine(names)}\n`);
    }
  } catch (thrown) {
    if (isOllamaError(thrown) && thrown.code === 'interrupted') throw thrown;
    io.stderr.write(`warning: ${cleanLine(thrown instanceof Error ? thrown.message : String(thrown))}\n`);
  } finally {
    bound.stop();
  }
}
