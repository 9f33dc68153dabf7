import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { listSessions, readSession } from '../../src/sessions/store.js';
import { stateIo } from './entries.js';

/** A program whose files may not grow beyond what `ulimit` says. */
const PROGRAM = `
  import { openRecorder } from './src/sessions/recorder.js';
  process.on('SIGXFSZ', () => undefined);
  const io = { env: process.env, platform: process.platform, now: Date.now };
  const recorder = openRecorder(io, { host: 'http://127.0.0.1:11434', model: 'gemma3:1b' });
  const say = async (content) => {
    recorder.record({ type: 'message', message: { role: 'user', content } });
    return (await recorder.flush())?.code ?? 'silent';
  };
  console.log(await say('One'), await say('x'.repeat(100_000)), await say('Three'));`;

test.skipIf(process.platform === 'win32')('what a full disk cuts leaves whole lines', async () => {
  const { io, home } = stateIo();
  const outfile = path.join(home, 'fill.mjs');
  await build({
    stdin: { contents: PROGRAM, resolveDir: path.resolve(import.meta.dirname, '../..'), loader: 'ts' },
    ...({ bundle: true, platform: 'node', format: 'esm', logLevel: 'error', outfile } as const),
  });
  // In blocks of 512 or 1024 bytes, by the shell.
  const script = `ulimit -f 20; exec "${process.execPath}" "${outfile}"`;
  const child = spawn('/bin/sh', ['-c', script], {
    env: { HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += String(chunk)));
  await once(child, 'close');
  expect(said).toBe('silent EFBIG silent\n');
  const [session] = await listSessions(io);
  expect((await readSession(io, session?.id ?? '')).conversation.messages).toEqual([
    { role: 'user', content: 'One' },
  ]);
  expect((await readSession(io, session?.id ?? '')).bytes).toBeLessThan(1000);
});
