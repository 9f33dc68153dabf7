import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { hostile } from './sequences.js';

/** A kept conversation of which every text is hostile, in a state folder; `more` are entries right behind its first. */
export function keepHostileSession(state: string, more: readonly object[] = []): void {
  const place = path.join(state, 'ollama-cli/sessions');
  mkdirSync(place, { recursive: true });
  const at = '2026-01-01T00:00:00.000Z';
  const call = { function: { name: hostile('tool'), arguments: { [hostile('k')]: hostile('v') } } };
  const entries = [
    {
      type: 'session',
      schema_version: 1,
      id: '20260101-0000-aaaa',
      at,
      host: hostile('http://h'),
      model: hostile('m'),
    },
    ...more.map((entry) => ({ ...entry, at })),
    { type: 'message', at, message: { role: 'user', content: hostile('asked needle') } },
    {
      type: 'message',
      at,
      message: {
        role: 'assistant',
        content: hostile('said needle'),
        thinking: hostile('thought'),
        tool_calls: [call],
      },
      model: hostile('m'),
    },
    {
      type: 'message',
      at,
      message: { role: 'tool', tool_name: hostile('tool'), content: hostile('needle') },
    },
    { type: 'title', at, title: hostile('title') },
  ];
  const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  writeFileSync(path.join(place, '20260101-0000-aaaa.jsonl'), text);
}
