import { execFileSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRecorder } from '../../src/sessions/recorder.js';
import { lastSession, listSessions, readSession, removeSession } from '../../src/sessions/store.js';
import { stateIo, user } from './entries.js';

type TestState = ReturnType<typeof stateIo>;

/** Keeps a conversation in which this was said. */
async function keep({ io }: Pick<TestState, 'io'>, text: string): Promise<string> {
  const recorder = openRecorder(io, { host: 'http://127.0.0.1:11434', model: 'gemma3:1b' });
  recorder.record({ type: 'message', message: user(text) });
  await recorder.flush();
  return recorder.id;
}

describe('the last conversation', () => {
  it('is the one in which something was said last, not the one that began last', async () => {
    const state = stateIo();
    const first = await keep(state, 'One');
    await keep(state, 'Two');
    const resumed = await readSession(state.io, first);
    const recorder = openRecorder(state.io, { host: '', model: 'm', resumed });
    recorder.record({ type: 'message', message: user('Three') });
    await recorder.flush();
    expect((await lastSession(state.io)).id).toBe(first);
    expect((await listSessions(state.io)).map(({ title }) => title)).toEqual(['One', 'Two']);
  });

  it('is told by what is written in the files, where they were copied', async () => {
    const now = Date.now() - 100_000;
    const state = stateIo(now);
    const older = await keep(state, 'One');
    const newer = await keep(state, 'Two');
    utimesSync(path.join(state.folder, `${newer}.jsonl`), Date.now() / 1000, Date.now() / 1000 - 10);
    utimesSync(path.join(state.folder, `${older}.jsonl`), Date.now() / 1000, Date.now() / 1000);
    expect((await lastSession(state.io)).id).toBe(newer);
  });

  it('is none in which nothing is left', async () => {
    const state = stateIo();
    await expect(lastSession(state.io)).rejects.toMatchObject({ code: 'session_not_found' });
    const first = await keep(state, 'One');
    writeFileSync(path.join(state.folder, 'damaged.jsonl'), 'noise');
    expect((await lastSession(state.io)).id).toBe(first);
    await removeSession(state.io, first);
    await expect(lastSession(state.io)).rejects.toMatchObject({ code: 'session_not_found' });
  });
});

describe('the kept conversations', () => {
  it('are files: a pipe of that name would be waited for without end', async () => {
    const state = stateIo();
    await keep(state, 'One');
    mkdirSync(path.join(state.folder, 'folder.jsonl'));
    if (process.platform !== 'win32') execFileSync('mkfifo', [path.join(state.folder, 'pipe.jsonl')]);
    expect((await listSessions(state.io)).map(({ title }) => title)).toEqual(['One']);
    await expect(readSession(state.io, 'pipe')).rejects.toMatchObject({ code: 'session_not_found' });
  });
});

describe('a word for a conversation', () => {
  it('is an id rather than a title, and of titles the whole one rather than a beginning', async () => {
    const state = stateIo();
    const one = await keep(state, 'Count');
    const two = await keep(state, 'Count to ten');
    const three = await keep(state, one);
    expect((await readSession(state.io, 'count')).id).toBe(one);
    expect((await readSession(state.io, 'COUNT TO')).id).toBe(two);
    // Any part will do, where no title begins with it.
    expect((await readSession(state.io, 'to TEN')).id).toBe(two);
    await expect(readSession(state.io, ' ')).rejects.toMatchObject({ code: 'session_not_found' });
    expect((await readSession(state.io, one)).id).toBe(one);
    expect((await readSession(state.io, three.slice(-4))).id).toBe(three);
  });

  it('that means several names them', async () => {
    const state = stateIo();
    const ids = [await keep(state, 'Hello'), await keep(state, 'Hello')];
    await expect(readSession(state.io, 'hello')).rejects.toMatchObject({
      code: 'session_not_found',
      message: '"hello" means 2 conversations.',
      hint: `Name one by its id: ${ids.sort().reverse().join(', ')}`,
    });
  });
});
