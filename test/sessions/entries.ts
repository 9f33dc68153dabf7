import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { onTestFinished } from 'vitest';
import type { ChatMetrics } from '../../src/core/chat.js';
import type { ChatMessage } from '../../src/core/wire.js';
import type { SessionEntryBody } from '../../src/sessions/entry.js';
import { testIo } from '../support/io.js';

/** What an answer took, as a server tells it. */
export const METRICS: ChatMetrics = {
  prompt_tokens: 10,
  completion_tokens: 5,
  total_tokens: 15,
  tokens_per_second: 20,
  time_to_first_token_ms: 3,
  load_ms: 1,
  total_ms: 300,
};

/** A process with a state folder of this test's own. `now` begins at this time and moves a second each time it is asked. */
export function stateIo(now = Date.parse('2026-11-21T17:05:00Z')) {
  const home = mkdtempSync(path.join(tmpdir(), 'sessions-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  let time = now;
  const { io } = testIo({ env: { HOME: home }, now: () => (time += 1000) });
  return { io, home, folder: path.join(home, '.local/state/ollama-cli/sessions') };
}

export const user = (content: string): ChatMessage => ({ role: 'user', content });
export const answer = (content: string): ChatMessage => ({ role: 'assistant', content });

const text = fc.string({ unit: 'binary', maxLength: 30 });

/** Any message of a conversation. */
const anyMessage: fc.Arbitrary<ChatMessage> = fc.oneof(
  text.map(user),
  text.map(answer),
  fc.record({
    role: fc.constant('user'),
    content: text,
    images: fc.array(fc.base64String(), { minLength: 1 }),
  }),
  fc.record({ role: fc.constant('assistant'), content: text, thinking: text }),
  fc.record({ role: fc.constant('tool'), content: text, tool_name: text }),
  fc.record({
    role: fc.constant('assistant'),
    content: text,
    tool_calls: fc.array(
      fc.record({ function: fc.record({ name: text, arguments: fc.dictionary(fc.string(), fc.boolean()) }) }),
      { minLength: 1 },
    ),
  }),
);

/** One thing that is recorded: an entry, or more of an answer. */
export type Step =
  SessionEntryBody | { readonly type: 'delta'; readonly content: string; readonly thinking: string };

/** Anything that can be recorded. */
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: anyMessage.map((message): Step => ({ type: 'message', message })) },
  fc.record({ type: fc.constant('delta'), content: text, thinking: text }),
  fc.record({
    type: fc.constant('splice'),
    start: fc.nat(6),
    delete_count: fc.oneof(fc.nat(4), fc.constant(Infinity)),
    insert: fc.array(anyMessage, { maxLength: 2 }),
  }),
  fc.record(
    {
      type: fc.constant('settings'),
      model: text,
      system: fc.option(text),
      options: fc.record({ num_ctx: fc.nat(), stop: fc.array(text) }, { requiredKeys: [] }),
      think: fc.constantFrom(null, true, false, 'high' as const),
    },
    { requiredKeys: ['type'] },
  ),
  fc.record({ type: fc.constant('title'), title: text }),
);
