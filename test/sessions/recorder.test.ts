import {
  appendFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startConversation, withMessage, type Conversation } from '../../src/core/chat.js';
import { spliceMessages } from '../../src/core/conversation.js';
import { foldSession } from '../../src/sessions/fold.js';
import { parseEntries } from '../../src/sessions/parse.js';
import { makeId } from '../../src/sessions/place.js';
import { keepsSessions } from '../../src/models/usage.js';
import { openRecorder, type RecorderStart } from '../../src/sessions/recorder.js';
import { readSession } from '../../src/sessions/store.js';
import { answer, anyStep, METRICS, stateIo, user, type Step } from './entries.js';

const START: RecorderStart = { host: 'http://127.0.0.1:11434', model: 'gemma3:1b' };

/** What a program has in memory after the same step. */
function apply(conversation: Conversation, step: Step): Conversation {
  switch (step.type) {
    case 'message':
      return withMessage(conversation, step.message);
    case 'splice':
      return spliceMessages(conversation, step.start, step.delete_count, step.insert);
    case 'settings':
      return {
        ...conversation,
        ...(step.model === undefined ? {} : { model: step.model }),
        ...(step.options === undefined ? {} : { options: step.options }),
        ...(step.system === undefined ? {} : { system: step.system ?? undefined }),
        ...(step.think === undefined ? {} : { think: step.think ?? undefined }),
      };
    default:
      return conversation;
  }
}

function write(recorder: ReturnType<typeof openRecorder>, step: Step): void {
  if (step.type === 'delta') recorder.delta(step.content, step.thinking);
  else recorder.record(step);
}

const lineCount = (file: string): number => readFileSync(file, 'utf8').split('\n').length - 1;

describe('a recorder', () => {
  it('keeps whatever happens, so that reading it gives the conversation that was in memory', async () => {
    const { io } = stateIo();
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 15 }), fc.nat(15), async (steps, flushAt) => {
        const recorder = openRecorder(io, START);
        let memory = startConversation(START.model);
        // A message comes last, as in every turn: what is held of it before is superseded.
        const all: Step[] = [...steps, { type: 'message', message: answer('end') }];
        for (const [index, step] of all.entries()) {
          write(recorder, step);
          memory = apply(memory, step);
          if (index === flushAt) await recorder.flush();
        }
        expect(await recorder.flush()).toBeUndefined();
        const session = await readSession(io, recorder.id);
        // By JSON, as it would be sent: it knows no half pairs, and no -0.
        expect(JSON.stringify(session.conversation)).toBe(JSON.stringify(memory));
        expect(session.details.length).toBe(memory.messages.length);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves, cut at any byte, what its whole lines tell', async () => {
    const { io, folder } = stateIo();
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 6 }), async (steps) => {
        const recorder = openRecorder(io, START);
        recorder.record({ type: 'message', message: user('begin') });
        for (const step of steps) {
          write(recorder, step);
          await recorder.flush();
        }
        const content = readFileSync(path.join(folder, `${recorder.id}.jsonl`));
        const entries = parseEntries(content);
        const states = entries.map((_, count) => foldSession('x', entries.slice(0, count + 1)).conversation);
        states.unshift(foldSession('x', []).conversation);
        for (let cut = 0; cut <= content.length; cut++) {
          const part = content.subarray(0, cut);
          const whole = part.toString('latin1').split('\n').length - 1;
          // A last line may be whole but for its end.
          expect([states[whole], states[whole + 1]]).toContainEqual(
            foldSession('x', parseEntries(part)).conversation,
          );
        }
      }),
      { numRuns: 15 },
    );
  });

  it('makes a file with the first message and not before, for its owner alone', async () => {
    const { io, folder } = stateIo();
    const recorder = openRecorder(io, START);
    recorder.record({ type: 'settings', system: 'Be brief.' });
    recorder.record({ type: 'title', title: 'mine' });
    await recorder.flush();
    expect(existsSync(folder)).toBe(false);
    recorder.record({ type: 'message', message: user('Hello') });
    await recorder.flush();
    expect(readdirSync(folder)).toEqual([`${recorder.id}.jsonl`]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(folder, `${recorder.id}.jsonl`)).mode & 0o777).toBe(0o600);
    const session = await readSession(io, recorder.id);
    expect(session).toMatchObject({ ...START, title: 'mine', turns: 1 });
    expect(session.conversation.system).toBe('Be brief.');
  });

  it('writes the parts of an answer while it comes, and gathers them', async () => {
    const { io, folder } = stateIo();
    const recorder = openRecorder(io, START);
    recorder.record({ type: 'message', message: user('Hello') });
    for (let part = 0; part < 100; part++) recorder.delta('a', part === 0 ? 'hm' : '');
    const file = path.join(folder, `${recorder.id}.jsonl`);
    await expect
      .poll(async () => (await readSession(io, recorder.id)).details.length, { timeout: 5000 })
      .toBe(2);
    expect(lineCount(file)).toBe(3);
    const session = await readSession(io, recorder.id);
    expect(session.conversation.messages[1]).toEqual({
      ...answer('a'.repeat(100)),
      thinking: 'hm',
    });
    expect(session.stopped).toBe(true);
    recorder.delta('more', '');
    recorder.record({ type: 'message', message: answer('whole'), metrics: METRICS });
    await recorder.flush();
    // What was held when the whole message came is in it.
    expect(readFileSync(file, 'utf8')).not.toContain('more');
    const whole = await readSession(io, recorder.id);
    expect(whole).toMatchObject({ stopped: false, tokens: 15, turns: 1 });
    expect(whole.conversation.messages[1]).toEqual(answer('whole'));
  });

  it('goes on in the same file, behind a torn line and half an answer', async () => {
    const { io, folder } = stateIo();
    const first = openRecorder(io, START);
    first.record({ type: 'message', message: user('Hello') });
    first.delta('Half an ans', '');
    await first.flush();
    const file = path.join(folder, `${first.id}.jsonl`);
    appendFileSync(file, '{"type":"delta","content":"wer');
    const resumed = await readSession(io, first.id);
    const second = openRecorder(io, { ...START, model: 'qwen3:8b', resumed });
    expect(second.id).toBe(first.id);
    second.record({ type: 'message', message: user('Go on') });
    second.record({ type: 'message', message: answer('wer.'), model: 'qwen3:8b' });
    await second.flush();
    const session = await readSession(io, first.id);
    expect(session.conversation.messages).toEqual([
      user('Hello'),
      answer('Half an ans'),
      user('Go on'),
      answer('wer.'),
    ]);
    expect(session.details.map(({ stopped }) => stopped)).toEqual([false, true, false, false]);
    expect(session).toMatchObject({ model: 'qwen3:8b', title: 'Hello', turns: 2 });
    expect(readdirSync(folder).length).toBe(1);
  });

  it('writes nothing to a conversation that was only looked at', async () => {
    const { io, folder } = stateIo();
    const first = openRecorder(io, START);
    first.record({ type: 'message', message: user('Hello') });
    await first.flush();
    const file = path.join(folder, `${first.id}.jsonl`);
    const before = readFileSync(file, 'utf8');
    const second = openRecorder(io, { ...START, resumed: await readSession(io, first.id) });
    second.record({ type: 'settings', think: true });
    await second.flush();
    expect(readFileSync(file, 'utf8')).toBe(before);
    second.record({ type: 'splice', start: 0, delete_count: Infinity, insert: [] });
    await second.flush();
    expect((await readSession(io, first.id)).conversation).toMatchObject({ messages: [], think: true });
  });

  it.each([
    ['another program goes on with it too', (file: string) => appendFileSync(file, '{"type":"delta"}\n')],
    ['somebody removed it', (file: string) => rmSync(file)],
    ['somebody cut it', (file: string) => truncateSync(file, 10)],
  ])('keeps the whole conversation under another id where %s, and tells', async (_, disturb) => {
    const { io, folder } = stateIo();
    const told: string[] = [];
    const recorder = openRecorder(io, { ...START, onCopy: (id) => told.push(id) });
    recorder.record({ type: 'settings', system: 'Be brief.', options: { seed: 1 } });
    recorder.record({ type: 'message', message: user('One') });
    recorder.record({ type: 'message', message: answer('1'), metrics: METRICS, model: 'gemma3:1b' });
    await recorder.flush();
    const { id } = recorder;
    disturb(path.join(folder, `${id}.jsonl`));
    const disturbed = existsSync(path.join(folder, `${id}.jsonl`))
      ? readFileSync(path.join(folder, `${id}.jsonl`), 'utf8')
      : undefined;
    recorder.record({ type: 'title', title: 'numbers' });
    recorder.record({ type: 'message', message: user('Two') });
    recorder.record({ type: 'message', message: answer('2'), stopped: true });
    expect(await recorder.flush()).toBeUndefined();
    expect(recorder.id).not.toBe(id);
    expect(told).toEqual([recorder.id]);
    const copy = await readSession(io, recorder.id);
    expect(copy).toMatchObject({ ...START, title: 'numbers', turns: 2, tokens: 15, stopped: true });
    expect(copy.conversation).toMatchObject({
      system: 'Be brief.',
      options: { seed: 1 },
      messages: [user('One'), answer('1'), user('Two'), answer('2')],
    });
    // What the other program has is left to it.
    if (disturbed !== undefined)
      expect(readFileSync(path.join(folder, `${id}.jsonl`), 'utf8')).toBe(disturbed);
    recorder.record({ type: 'message', message: user('Three') });
    await recorder.flush();
    expect((await readSession(io, recorder.id)).turns).toBe(3);
    expect(told.length).toBe(1);
  });

  it('keeps in a copy what had come of an answer', async () => {
    const { io, folder } = stateIo();
    const recorder = openRecorder(io, START);
    recorder.record({ type: 'message', message: user('Why?') });
    recorder.delta('Be', '');
    await recorder.flush();
    appendFileSync(path.join(folder, `${recorder.id}.jsonl`), '\n');
    recorder.delta('cause', '');
    await recorder.flush();
    const copy = await readSession(io, recorder.id);
    expect(copy.conversation.messages).toEqual([user('Why?'), answer('Because')]);
    recorder.record({ type: 'message', message: answer('Because.') });
    await recorder.flush();
    expect((await readSession(io, recorder.id)).conversation.messages[1]).toEqual(answer('Because.'));
  });

  it('tells why nothing can be written where a file stands in the way, and goes on later', async () => {
    const { io, home, folder } = stateIo();
    appendFileSync(path.join(home, '.local'), '');
    const recorder = openRecorder(io, START);
    recorder.record({ type: 'message', message: user('One') });
    expect(await recorder.flush()).toMatchObject({ code: 'ENOTDIR' });
    recorder.record({ type: 'message', message: answer('1') });
    expect(await recorder.flush()).toBeUndefined();
    rmSync(path.join(home, '.local'));
    recorder.record({ type: 'message', message: user('Two') });
    await recorder.flush();
    expect(readdirSync(folder)).toEqual([`${recorder.id}.jsonl`]);
    expect((await readSession(io, recorder.id)).conversation.messages).toEqual([
      user('One'),
      answer('1'),
      user('Two'),
    ]);
  });
});

describe('an id', () => {
  it('sorts as the times do, and can be typed', () => {
    const early = makeId(Date.parse('2026-01-02T03:04:59Z'));
    expect(early).toMatch(/^20260102-0304-[a-z2-9]{4}$/);
    expect(early < makeId(Date.parse('2026-01-02T03:05:00Z'))).toBe(true);
  });
});

describe('whether conversations are kept', () => {
  it.each([
    [{ history: true, sessions: true }, {}, true],
    [{ history: true, sessions: false }, {}, false],
    [{ history: false, sessions: true }, {}, false],
    [{ history: true, sessions: true }, { OLLAMA_NOHISTORY: '1' }, false],
  ])('%j with %j: %s', (settings, env, expected) => {
    expect(keepsSessions({ env }, settings)).toBe(expected);
  });
});
