import { isIP } from 'node:net';
import { OllamaError } from '../core/errors.js';
import { checkModelName, DEFAULT_REGISTRY, displayName } from '../core/model-name.js';

/** How long a name may be at most: all of its parts. */
export const LONGEST_NAME = 600;

/** A model's name in a body or a path. */
export const MODEL_NAME = {
  type: 'string',
  minLength: 1,
  maxLength: LONGEST_NAME,
  description: '[registry/][namespace/]model[:tag]',
} as const;

/**
 * The one form of a name that callers of a gateway may give in many. Throws `invalid_name`, also for what would have the
 * server ask an address of the caller's choice: a URL, an IP address or a name without a dot as registry.
 */
export function readModelName(text: string): string {
  const name = checkModelName(text);
  const refuse = (why: string): OllamaError =>
    new OllamaError('invalid_name', `${JSON.stringify(text)} is no model name here: ${why}.`, {
      model: text,
      hint: 'A name is [registry/][namespace/]model[:tag], its registry a public name.',
    });
  if (text.includes('://')) throw refuse('it is a URL');
  const host = name.host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
  if (name.host === DEFAULT_REGISTRY) return displayName(name);
  // The last label of a public name is no number: what ends in one is read as an address, however it is written.
  if (isIP(host) !== 0 || /(?:^|\.)(?:0x[0-9a-f]*|\d+)$/i.test(host) || host.includes(':')) {
    throw refuse('its registry is an address');
  }
  if (!host.includes('.') || host.endsWith('.localhost')) throw refuse('its registry is a name inside');
  return displayName(name);
}
