import { OllamaError, type ErrorFacts } from './errors.js';
import { readErrorBody } from './http-errors.js';
import { isFields, text } from './fields.js';

/** What is known of a refused question to a registry. */
export interface RefusedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
  /** The registry's address. */
  readonly url: string;
}

/** The error for an answer that no registry gives. */
export function registryProtocol(url: string, what: string, facts: ErrorFacts = {}): OllamaError {
  return new OllamaError('protocol', `What answers at ${url} is no registry of models: ${what}.`, {
    host: url,
    hint: 'Look at the address: a proxy or another program may be in front of the registry.',
    ...facts,
  });
}

/** The registry's own words for a refusal: docker's list of errors, Ollama's `error`, or the text itself. */
function wordsOf({ body, headers }: RefusedAnswer): string {
  const told = body.toString('utf8');
  try {
    const value = JSON.parse(told) as unknown;
    const list: unknown = isFields(value) ? value['errors'] : undefined;
    const first: unknown = Array.isArray(list) ? list[0] : undefined;
    if (isFields(first)) return text(first, 'message').slice(0, 200);
  } catch {
    // Not JSON: read below.
  }
  const type = headers['content-type'];
  return readErrorBody(told, typeof type === 'string' ? type : '').text.slice(0, 200);
}

/** The typed error of a registry's answer of 300 or more. `what` is what was asked for, below the model's name. */
export function registryError(
  answer: RefusedAnswer,
  { model, what }: { readonly model?: string; readonly what: string },
): OllamaError {
  const { status, url } = answer;
  const facts = { host: url, model, status };
  const words = wordsOf(answer);
  const said = words === '' ? '' : `: ${words.replace(/\.$/, '')}`;
  if (status === 404) {
    if (model === undefined)
      return new OllamaError('server_error', `The registry ${url} has no ${what}.`, facts);
    const missing = what.startsWith('blobs/')
      ? `lacks a layer that the manifest of ${model} names`
      : what.startsWith('manifests/')
        ? `has no manifest of ${model}`
        : `has no manifests of ${model} at all`;
    return new OllamaError('model_not_found', `The registry ${url} ${missing}.`, facts);
  }
  if (status === 401 || status === 403) {
    const about = model === undefined ? what : model;
    return /^https:\/\/hf\.co\b/.test(url)
      ? new OllamaError(
          'unauthorized',
          `${about} is private or gated on Hugging Face, or is not there (${status}).`,
          {
            ...facts,
            hint: "Ask for access on its page there, and add the server's public key (id_ed25519.pub) to your Hugging Face account.",
          },
        )
      : new OllamaError('unauthorized', `The registry ${url} refuses ${about} (${status}${said}).`, {
          ...facts,
          hint: 'Only what a registry offers to everybody can be looked up from here; the server signs in with its own key.',
        });
  }
  if (status >= 500) {
    return new OllamaError('registry_unreachable', `The registry ${url} fails (${status}${said}).`, {
      ...facts,
      hint: 'Ask again in a few minutes.',
    });
  }
  if (status === 429) {
    return new OllamaError('server_error', `The registry ${url} gets too many requests (429).`, {
      ...facts,
      hint: 'Ask again in a few minutes.',
    });
  }
  return new OllamaError('server_error', `The registry ${url} refuses this (${status}${said}).`, facts);
}
