import { PassThrough, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { writeText } from '../../src/output/write.js';

/** Whether a promise is settled once everything that could run has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  return settled;
}

function listenersOf(stream: Writable): number {
  return ['drain', 'close', 'error'].reduce((sum, event) => sum + stream.listenerCount(event), 0);
}

describe('writeText', () => {
  it('waits for a slow reader, and leaves no listener behind', async () => {
    const stream = new PassThrough({ highWaterMark: 4 });
    const before = listenersOf(stream);
    const written = writeText(stream, 'hello');
    expect(await isSettled(written)).toBe(false);
    expect(String(stream.read())).toBe('hello');
    await written;
    expect(listenersOf(stream)).toBe(before);
  });

  it('does not wait where there is room', async () => {
    const stream = new PassThrough();
    expect(await isSettled(writeText(stream, 'hello'))).toBe(true);
    expect(String(stream.read())).toBe('hello');
  });

  it('stops waiting when the reader goes away', async () => {
    const stream = new PassThrough({ highWaterMark: 4 });
    const written = writeText(stream, 'hello');
    stream.destroy();
    await expect(written).resolves.toBeUndefined();
  });

  it('stops waiting when writing fails', async () => {
    const stream = new Writable({
      highWaterMark: 1,
      autoDestroy: false,
      emitClose: false,
      write: (_chunk, _encoding, done) => setImmediate(done, new Error('EPIPE')),
    });
    await expect(writeText(stream, 'hello')).resolves.toBeUndefined();
  });

  it('stops waiting at the signal, and after it writes without waiting', async () => {
    const stream = new PassThrough({ highWaterMark: 4 });
    const controller = new AbortController();
    const written = writeText(stream, 'hello', controller.signal);
    expect(await isSettled(written)).toBe(false);
    controller.abort();
    await written;
    await writeText(stream, ' world', controller.signal);
    expect(String(stream.read())).toBe('hello world');
  });

  it('says nothing of a stream that was destroyed or has ended', async () => {
    const destroyed = new PassThrough();
    destroyed.destroy();
    await expect(writeText(destroyed, 'x')).resolves.toBeUndefined();
    const ended = new PassThrough();
    ended.end();
    await expect(writeText(ended, 'x')).resolves.toBeUndefined();
    expect(ended.read()).toBeNull();
  });
});
