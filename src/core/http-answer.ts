import type { Readable } from 'node:stream';
import { OllamaError } from './errors.js';
import { readErrorBody, statusError } from './http-errors.js';
import { retryAfterMs } from './retry.js';
import type { TransportResponse } from './transport.js';
import type { HostAddress } from './url.js';

/** How long the body of an error may take once its head is there. */
const FAILURE_BODY_MS = 2_000;

/** The typed error of an answer that is none of those that were asked for. */
export async function readFailure(
  answer: TransportResponse,
  call: { readonly method: string; readonly path: string; readonly model?: string | undefined },
  host: HostAddress,
): Promise<OllamaError> {
  if (answer.status < 400) {
    answer.body.destroy();
    return redirected(answer, host);
  }
  // The status is known: a body that never ends must not hold it back.
  const timer = setTimeout(() => answer.body.destroy(), FAILURE_BODY_MS);
  const text = await readText(answer.body, 64 * 1024).catch(() => '');
  clearTimeout(timer);
  const body = readErrorBody(text, answer.headers['content-type'] ?? '');
  return statusError(answer.status, body, {
    host: host.url,
    model: call.model,
    what: `${call.method} ${call.path}`,
    retryAfterMs: retryAfterMs(answer.headers['retry-after'], Date.now()),
    server: serverOf(answer),
  });
}

/** What an answer calls the program that it is from. */
export function serverOf({ headers }: Pick<TransportResponse, 'headers'>): string | undefined {
  const { server } = headers;
  return typeof server === 'string' ? server : server?.[0];
}

/** A redirect is never followed: credentials go only where they were meant to. */
function redirected(answer: TransportResponse, host: HostAddress): OllamaError {
  const { location } = answer.headers;
  const to = location === undefined ? '' : ` to ${JSON.stringify(location.slice(0, 200))}`;
  return new OllamaError('protocol', `${host.url} redirects${to} (${answer.status}).`, {
    host: host.url,
    status: answer.status,
    reason: 'redirect',
    hint: 'Name that address as the host, if it is the server you mean.',
  });
}

/** The text of a body; of more than `longest` bytes the start, the rest is dropped. */
export async function readText(body: Readable, longest = 512 * 1024 * 1024): Promise<string> {
  return (await readStart(body, longest)).body.toString('utf8');
}

/** The first bytes of a body, at most `most`, and whether that is all of it; the rest is dropped, however long it would be. */
export async function readStart(body: Readable, most: number): Promise<{ body: Buffer; whole: boolean }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // By events: an iterator over the body takes longer to set up than a short answer takes to come.
  await new Promise<void>((resolve, reject) => {
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes <= most) return;
      resolve();
      body.destroy();
    });
    body.on('end', resolve);
    body.on('error', reject);
    // Where it has neither ended nor failed, it was given up.
    body.on('close', () =>
      reject(Object.assign(new Error('the answer was not read to its end'), { code: 'ECONNRESET' })),
    );
  });
  return { body: Buffer.concat(chunks).subarray(0, most), whole: bytes <= most };
}
