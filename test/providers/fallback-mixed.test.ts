import { describe, expect, test } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import { parseProviderBlock } from '../../src/providers/block.js';
import type { ProviderType } from '../../src/providers/provider.js';
import { createProviders } from '../../src/providers/set.js';
import type { Sandbox } from '../../src/sandbox/server.js';
import { askChain, MODEL, openServer } from './chain.js';
import { ROWS } from './fault-outcomes.js';

const TYPES: readonly ProviderType[] = ['openai', 'anthropic', 'ollama'];
const KEYS = ['key-of-first', 'key-of-second', 'key-of-third'] as const;
const NAMES = ['first', 'second', 'third'] as const;

/** Servers, the first of which meets the faults, as providers of these types, each with a key of its own. */
async function openChain(types: readonly ProviderType[], faults: readonly (readonly string[])[]) {
  const servers = await Promise.all(types.map(async (_, at) => await openServer(faults[at] ?? [])));
  const blocks = types.map((type, at) =>
    parseProviderBlock({
      name: NAMES[at],
      type,
      enabled: true,
      model: MODEL,
      base_url: `${servers[at]?.url ?? ''}${type === 'ollama' ? '' : '/v1'}`,
      api_key: KEYS[at],
    }),
  );
  const chain = createProviders(blocks, {
    client: new OllamaClient('http://127.0.0.1:1', { env: {} }),
    fallback: NAMES.slice(0, types.length),
    timeouts: { silence: SILENCE_MS },
    retry: { attempts: 1 },
  }).chain();
  return { servers, chain };
}

/** How often a server was asked for an answer, by whichever API. */
function asked({ requests }: Sandbox): number {
  return requests.filter(({ path }) => /\/(?:chat|chat\/completions|messages)$/.test(path)).length;
}

// What only slows an answer, and what the sandbox does to its own API alone, says nothing of the others.
const FALLING = ROWS.flatMap(([fault, outcome]) =>
  outcome === 'first' || fault.startsWith('killed') ? [] : [[fault, outcome] as const],
);
/** An answer of Anthropic's begins before its first word: cut there, the next one may still give it. */
const BEGUN_EARLY = ['cut@0', 'stall@0'];

/** How long the silence of a stream and a first token are waited for, in milliseconds. */
const SILENCE_MS = 1_200;
const FIRST_TOKEN_MS = 600;

describe.each(TYPES)('a first one of the type %s', (type) => {
  const others = TYPES.filter((other) => other !== type);

  test.each(FALLING)('that meets %s, as the second does: %s', async (fault, outcome) => {
    const { servers, chain } = await openChain([type, ...others], [[fault], [fault]]);
    const came = await askChain(chain, { firstTokenMs: FIRST_TOKEN_MS });
    // One that began stands still with what it said; the one after it is not asked.
    const falls = (type: ProviderType | undefined): boolean =>
      outcome === 'next' || (type === 'anthropic' && BEGUN_EARLY.includes(fault));
    const count = !falls(type) ? 1 : falls(others[0]) ? 3 : 2;
    expect(came.steps.map(({ name }) => name)).toEqual(NAMES.slice(1, count));
    expect(came.end.type).toBe(count === 3 ? 'done' : 'error');
    expect(servers.map(asked)).toEqual([0, 1, 2].map((at) => (at < count ? 1 : 0)));
    for (const [at, { reason }] of came.steps.entries()) {
      expect(reason).toMatch(new RegExp(`^${NAMES[at] ?? ''}\\b`));
    }
    expect(JSON.stringify(came.events)).not.toMatch(/key-of-/);
    expect(came.text.match(/\b1 2 3\b/g)?.length ?? 0).toBeLessThan(2);
  });
});
