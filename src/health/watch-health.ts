import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { sleep } from '../core/retry.js';
import { cleanLine } from '../format/clean.js';
import { SCHEMA_VERSION, writeJsonLine } from '../output/json.js';
import { writeText } from '../output/write.js';
import { examine, type Examination, type Verdict } from './examine.js';
import { tellVerdict } from './tell-verdict.js';
import { verdictJson } from './verdict-json.js';

/**
 * Looks again and again, `everyMs` apart, and tells what has changed: the first verdict whole, then a line with the time
 * for each change; as JSON a document for each. Ends by the signal alone, with `interrupted`.
 */
export async function watchHealth(
  context: Context,
  asked: Examination,
  everyMs: number,
  narrow: (document: object) => object,
): Promise<void> {
  const { io, client, mode, flags } = context;
  let before: Verdict | undefined;
  try {
    for (;;) {
      const verdict = await examine(context, asked);
      if (before === undefined || gist(before) !== gist(verdict)) {
        if (mode === 'json') {
          const document = { schema_version: SCHEMA_VERSION, ...verdictJson(context, verdict) };
          await writeJsonLine(io, { schema_version: SCHEMA_VERSION, ...narrow(document) });
        } else if (flags.quiet !== true) {
          if (before === undefined) await tellVerdict(context, verdict);
          else await writeText(io.stdout, `${changeLine(io.now(), before, verdict)}\n`, io.signal);
        }
      }
      before = verdict;
      await sleep(everyMs, io.signal);
    }
  } catch (error) {
    if (!io.signal.aborted) throw error;
    throw new OllamaError('interrupted', 'Interrupted.', { host: client.host.url, cause: error });
  }
}

/** What counts as a change: outcomes and what they are about, not how many milliseconds an answer took. */
function gist({ report }: Verdict): string {
  const checks = report.checks
    .filter(({ name }) => name !== 'system')
    .map(({ name, status, reason, detail }) => [name, status, reason, NUMBERS.has(name) ? '' : detail]);
  return JSON.stringify([report.status, checks]);
}

/** Checks whose words hold a measurement. */
const NUMBERS: ReadonlySet<string> = new Set(['server', 'probe', 'stream', 'disk']);

function changeLine(now: number, before: Verdict, { report }: Verdict): string {
  const old = new Set(before.report.checks.map(({ name, status, detail }) => `${name} ${status} ${detail}`));
  const changed = report.checks.filter(
    ({ name, status, detail }) => name !== 'system' && !old.has(`${name} ${status} ${detail}`),
  );
  const wrong = changed.filter(({ status }) => status === 'fail' || status === 'warn');
  const told = (wrong.length > 0 ? wrong : changed).map(
    ({ name, detail }) => `${name}: ${cleanLine(detail)}`,
  );
  return [new Date(now).toISOString(), report.status, told.join('; ')].join('\t');
}
