import type { JsonObject } from './exchange.js';

/** A value that fits a JSON schema, made of what the prompt offers; deep schemas end in null. */
export function valueOf(schema: unknown, prompt: string, depth = 0): unknown {
  if (typeof schema !== 'object' || schema === null || depth > 8) return null;
  const rules = schema as JsonObject;
  if ('const' in rules) return rules['const'];
  if (Array.isArray(rules['enum'])) return named(rules['enum'] as unknown[], prompt);
  const options = rules['anyOf'] ?? rules['oneOf'];
  if (Array.isArray(options)) return valueOf(options[0], prompt, depth + 1);
  const type: unknown = Array.isArray(rules['type']) ? rules['type'][0] : rules['type'];
  switch (type) {
    case 'object': {
      const properties = Object.entries((rules['properties'] ?? {}) as JsonObject);
      return Object.fromEntries(properties.map(([key, inner]) => [key, valueOf(inner, prompt, depth + 1)]));
    }
    case 'array': {
      const length = typeof rules['minItems'] === 'number' ? rules['minItems'] : 1;
      return Array.from({ length: Math.min(length, 16) }, () => valueOf(rules['items'], prompt, depth + 1));
    }
    case 'integer':
      return Math.trunc(numberIn(prompt));
    case 'number':
      return numberIn(prompt);
    case 'boolean':
      return true;
    case 'string':
      return nameIn(prompt);
    default:
      return null;
  }
}

// The option that the prompt names, or the first.
function named(options: readonly unknown[], prompt: string): unknown {
  const lower = prompt.toLowerCase();
  return (
    options.find((option) => typeof option === 'string' && lower.includes(option.toLowerCase())) ?? options[0]
  );
}

function numberIn(prompt: string): number {
  return Number(/-?\d+(?:\.\d+)?/.exec(prompt)?.[0] ?? 1);
}

// A quoted text, a capitalised word that is not the first, or the last word.
function nameIn(prompt: string): string {
  const quoted = /["“']([^"”']+)["”']/.exec(prompt)?.[1];
  const words = prompt.match(/[\p{L}\p{N}_-]+/gu) ?? [];
  return quoted ?? words.slice(1).find((word) => /^\p{Lu}/u.test(word)) ?? words.at(-1) ?? 'sandbox';
}
