import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { readSession } from '../../src/sessions/store.js';
import { stateIo } from './entries.js';

/** A program that keeps the parts of an answer as they come, and says after each how many there were. */
const PROGRAM = `
  import { writeSync } from 'node:fs';
  import { openRecorder } from './src/sessions/recorder.js';
  const io = { env: process.env, platform: process.platform, now: Date.now };
  const recorder = openRecorder(io, { host: 'http://127.0.0.1:11434', model: 'gemma3:1b' });
  recorder.record({ type: 'message', message: { role: 'user', content: 'Count.' } });
  writeSync(1, recorder.id + '\\n');
  let count = 0;
  setInterval(() => {
    recorder.delta(count + ' ', '');
    writeSync(1, ++count + '\\n');
  }, 10);`;

/** What may be lost, in milliseconds. */
const LOSS = 1000;

test.each([30, 700, 1500, 2300])(
  'a program killed %i ms into an answer loses at most its last second',
  async (ms) => {
    const { io, home } = stateIo();
    const outfile = path.join(home, 'count.mjs');
    await build({
      stdin: { contents: PROGRAM, resolveDir: path.resolve(import.meta.dirname, '../..'), loader: 'ts' },
      ...({ bundle: true, platform: 'node', format: 'esm', logLevel: 'error', outfile } as const),
    });
    const child = spawn(process.execPath, [outfile], {
      env: { HOME: home },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const heard: { readonly line: string; readonly at: number }[] = [];
    let killedAt = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
      heard.push({ line, at: performance.now() });
      const begun = heard[1]?.at;
      if (killedAt > 0 || begun === undefined || performance.now() - begun < ms) return;
      killedAt = performance.now();
      child.kill('SIGKILL');
    });
    const [, signal] = (await once(child, 'close')) as [number | null, string | null];
    expect(signal).toBe('SIGKILL');
    const [id, ...counts] = heard;
    const due = Number(counts.findLast(({ at }) => at < killedAt - LOSS)?.line ?? 0);
    const session = await readSession(io, id?.line ?? '');
    const [question, kept] = session.conversation.messages;
    expect(question?.content).toBe('Count.');
    const words = (kept?.content ?? '').split(' ').slice(0, -1);
    // In order, without a gap, and all that is older than a second.
    expect(words).toEqual(words.map((_, index) => String(index)));
    expect(words.length).toBeGreaterThanOrEqual(due);
    if (ms > LOSS) expect(due).toBeGreaterThan(0);
    expect(session.stopped).toBe(words.length > 0);
  },
);
