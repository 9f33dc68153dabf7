import type { OllamaClient } from '../core/client.js';
import { OllamaError, isOllamaError, type ErrorCode } from '../core/errors.js';
import { pullFailure, type OllamaPullEvent } from '../core/pull-events.js';
import { transferEvents } from '../core/status-stream.js';
import { interruption } from '../core/time-limit.js';
import type { CreateRequest } from '../core/wire.js';
import { hashFile } from './hash.js';
import type { CreatePlan, FileRole, PlannedFile } from './plan.js';
import { uploadBlob } from './upload.js';

/** A file whose digest is known, `sha256:` and 64 hex digits. */
export interface HashedFile extends PlannedFile {
  readonly digest: string;
}

/** Of a file of this many bytes it takes a while to read it, and is told how far it is. */
const LONG_BYTES = 16_000_000;

/**
 * Makes a model as planned: reads the files, sends what the server lacks, has it make the model. The events are those of
 * a pull, the files its layers. Never throws: `Success` or `Error` is the last event.
 */
export async function* createModel(
  client: OllamaClient,
  plan: CreatePlan,
  signal: AbortSignal | undefined,
): AsyncGenerator<OllamaPullEvent, void, undefined> {
  const { model } = plan.request;
  try {
    // Reading many gigabytes is for nothing where no server answers.
    if (plan.files.length > 0) await client.version({ signal });
    const files = yield* hashFiles(plan.files, signal);
    // The same bytes under two names are one blob.
    const blobs = new Map(files.map((file) => [file.digest, file]));
    for (const [digest, file] of blobs) {
      yield { type: 'Status', status: `copying ${file.name}` };
      yield* uploadBlob(client, file, digest, signal);
    }
    const request = withFiles(plan.request, files);
    yield* transferEvents(client.create(request, { signal }), (error) => explain(error, plan.request));
  } catch (error) {
    const known = signal?.aborted === true ? interruption(signal.reason, client.host) : error;
    yield pullFailure(
      isOllamaError(known) ? known : new OllamaError('internal', String(known), { model, cause: known }),
    );
  }
}

/** Reads the digests of all files, one after the other; yields what is said meanwhile. Throws `usage`. */
export async function* hashFiles(
  files: readonly PlannedFile[],
  signal: AbortSignal | undefined,
): AsyncGenerator<OllamaPullEvent, HashedFile[], undefined> {
  const hashed: HashedFile[] = [];
  for (const file of files) {
    yield { type: 'Status', status: `gathering ${file.name}` };
    const reading = hashFile(file, signal);
    let tenth = 0;
    let step = await reading.next();
    for (; step.done !== true; step = await reading.next()) {
      const now = Math.floor((step.value / file.size) * 10);
      // Each status is a line in a log.
      if (now > tenth && now < 10 && file.size >= LONG_BYTES)
        yield { type: 'Status', status: `gathering ${file.name}: ${now * 10}%` };
      tenth = Math.max(tenth, now);
    }
    hashed.push({ ...file, digest: step.value });
  }
  return hashed;
}

/** The request with its files: each role's by the name in the model. */
export function withFiles(request: CreateRequest, files: readonly HashedFile[]): CreateRequest {
  const roles: readonly FileRole[] = ['files', 'adapters', 'draft_files'];
  const fields = roles.flatMap((role) => {
    const own = files.filter((file) => file.role === role).map(({ name, digest }) => [name, digest] as const);
    return own.length === 0 ? [] : [[role, Object.fromEntries(own)] as const];
  });
  return { ...request, ...Object.fromEntries(fields) };
}

/** The transfer did not get to its end, and may the next time. */
const UNFINISHED: readonly ErrorCode[] = ['registry_unreachable', 'stream_cut', 'stalled', 'digest_mismatch'];

/** The server pulls a base that it lacks: what the registry says is about that one, not about the model to be made. */
function explain(error: OllamaError, { from }: CreateRequest): OllamaError {
  const { code, message, model, host, status, cause } = error;
  if (UNFINISHED.includes(code)) {
    const hint = 'Run the command again: what has arrived is kept.';
    return new OllamaError(code, message, { model, host, status, cause, hint });
  }
  const ofBase = code === 'model_not_found' || (code === 'unauthorized' && status === undefined);
  return ofBase && from !== undefined
    ? new OllamaError(code, message, { model: from, host, status, cause })
    : error;
}
