import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOSTILE_TEXT } from '../../src/sandbox/answer.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import {
  chatFaults,
  COUNTING,
  FAULT_MODEL,
  LONG_PROMPT,
  PNG,
  SEEING_MODEL,
  type ChatFault,
} from '../sandbox/chat-faults.js';
import { ESCAPES, lines, run, schemaErrors, TERMINAL, type Ran } from '../support/run.js';

let sandbox: Sandbox;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'chat-faults-'));
  writeFileSync(path.join(folder, 'dot.png'), PNG);
  sandbox = await startSandbox({
    installed: [FAULT_MODEL, SEEING_MODEL],
    tokensPerSecond: Infinity,
    loadMs: 0,
  });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await sandbox.close();
});

/** Asks once, meeting the fault each time. */
async function ask(
  { fault, needs, limit }: ChatFault,
  flags: readonly string[] = [],
  options: Parameters<typeof run>[2] = {},
): Promise<Ran> {
  sandbox.setFaults([]);
  sandbox.setFaults([parseFault(fault)]);
  const asked = {
    image: [SEEING_MODEL, COUNTING, '--image', 'dot.png'],
    'long prompt': [FAULT_MODEL, LONG_PROMPT, '--num-ctx', '256'],
    nothing: [FAULT_MODEL, COUNTING],
  }[needs ?? 'nothing'];
  const env = { OLLAMA_NOHISTORY: '1', ...options.env };
  return await run(
    ['chat', ...asked, ...(limit === undefined ? [] : ['--timeout', limit]), ...flags],
    sandbox.url,
    { ...options, env, cwd: folder },
  );
}

const WHOLE = / 1 2 3 [\d ]* 39 40$/;

function expectAnswer(text: string, { comes }: ChatFault): void {
  if (comes === 'nothing') expect(text).toBe('');
  else if (comes === 'all') expect(text).toMatch(WHOLE);
  else {
    expect(text).toMatch(/\S/);
    expect(text).not.toMatch(WHOLE);
  }
}

describe.each(chatFaults().map((row) => [row.fault, row] as const))('an answer that meets %s', (_, row) => {
  test('in a pipe ends with its code and says why; stdout has what came', async () => {
    const ran = await ask(row);
    expect(ran.code).toBe(row.exit);
    expectAnswer(ran.stdout, row);
    expect(ran.stderr).toMatch(row.words);
    expect(ran.stderr).not.toMatch(ESCAPES);
    if (row.code !== undefined) {
      expect(ran.stderr).toMatch(/^✗ /m);
      // Whoever reads both streams is not to take a part for the whole.
      expect(/The answer above is not complete\./.test(ran.stderr)).toBe(row.comes !== 'nothing');
    }
  });

  test('as JSON begins and ends its stream, with its code on both streams', async () => {
    const ran = await ask(row, ['--json']);
    expect(ran.code).toBe(row.exit);
    const events = lines(ran.stdout);
    for (const event of events) expect(schemaErrors('chat-event', event)).toBe('');
    expect(events[0]).toMatchObject({ type: 'start', schema_version: 1, model: expect.any(String) });
    const last = events.at(-1);
    expectAnswer(events.map((event) => (event['type'] === 'token' ? event['text'] : '')).join(''), row);
    if (row.code === undefined) {
      expect(last?.['type']).toBe('result');
      expect(lines(ran.stderr)).toEqual([]);
      return;
    }
    expect(events.filter(({ type }) => type === 'error' || type === 'result')).toHaveLength(1);
    expect(last).toMatchObject({ type: 'error', error: { code: row.code } });
    const { error } = last as { error: { message: string; hint: string } };
    expect(`${error.message} ${error.hint}`).toMatch(row.words);
    expect(error.hint).not.toBe('');
    // The same error on both streams.
    expect(lines(ran.stderr)).toEqual([{ error }]);
  });

  test('on a terminal shows it as in a pipe, with none of the server’s escape sequences', async () => {
    const ran = await ask(row, ['--color', 'never'], TERMINAL);
    expect(ran.code).toBe(row.exit);
    const ours = /\x1b\[(?:\d*[ABCDGJK]|\?25[hl]|\?2026[hl])|\r/g;
    const text = ran.stdout.replace(ours, '');
    expect(text).not.toMatch(ESCAPES);
    expect(ran.stderr.replace(ours, '')).not.toMatch(ESCAPES);
    for (const part of HOSTILE_TEXT.split(/[a-z]+/i)) {
      if (part.includes('\x1b')) expect(ran.stdout).not.toContain(part);
    }
    expect(ran.stderr.replace(/\s+/g, ' ')).toMatch(row.words);
    if (row.comes === 'nothing') expect(text.trim()).toBe('');
    else expect(text).toMatch(/\S/);
  });
});

test('there are numbers of an answer with every fault that leaves it whole', async () => {
  for (const row of chatFaults().filter(({ code }) => code === undefined)) {
    const last = lines((await ask(row, ['--json'])).stdout).at(-1);
    expect(last).toMatchObject({
      metrics: { prompt_tokens: expect.any(Number) },
      context: { used: expect.any(Number) },
    });
  }
});
