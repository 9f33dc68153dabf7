import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SessionEntry } from '../../src/sessions/entry.js';
import { foldSession } from '../../src/sessions/fold.js';
import { parseEntries, parseEntry } from '../../src/sessions/parse.js';
import { makeTitle } from '../../src/sessions/title.js';
import { ESCAPES } from '../support/run.js';
import { answer, METRICS, user } from './entries.js';

const AT = '2026-11-21T17:05:00.000Z';
const LATER = '2026-11-22T17:05:00.000Z';
const say = (content: string, at = AT): SessionEntry => ({ type: 'message', at, message: user(content) });
const clear: SessionEntry = { type: 'splice', at: AT, start: 0, delete_count: 9, insert: [] };
const titled = (title: string): SessionEntry => ({ type: 'title', at: AT, title });

describe('a kept conversation', () => {
  it.each<[string, SessionEntry[], string]>([
    ['nothing', [], ''],
    ['its first question', [say('Why?'), say('And?')], 'Why?'],
    ['the first question with words', [say(' \n'), say('And?')], 'And?'],
    ['the one it was given', [say('Why?'), titled('mine'), say('And?')], 'mine'],
    ['the one it was given last', [titled('mine'), say('Why?'), titled('yours')], 'yours'],
    ['the question after all was taken back', [say('Why?'), clear, say('And?')], 'And?'],
    ['the old question while none came since', [say('Why?'), clear], 'Why?'],
    [
      'the given one, also when all was taken back',
      [titled('mine'), say('Why?'), clear, say('And?')],
      'mine',
    ],
    [
      'the first question, also when it is summed up',
      [say('Why?'), { ...clear, insert: [{ role: 'system', content: 'Sum' }] }, say('And?')],
      'Why?',
    ],
  ])('is called by %s', (_, entries, title) => {
    expect(foldSession('x', entries).title).toBe(title);
  });

  it('knows when it began, when it went on, with which model and where', () => {
    const session = foldSession(
      'x',
      [
        { type: 'session', schema_version: 1, id: 'y', at: AT, host: 'http://one', model: 'a' },
        say('Why?', AT),
        { type: 'session', schema_version: 1, id: 'y', at: LATER, host: 'http://two', model: 'b' },
        { type: 'message', at: LATER, message: answer('So.'), model: 'b', metrics: METRICS },
      ],
      7,
    );
    expect(session).toMatchObject({
      ...{ id: 'x', createdAt: AT, updatedAt: LATER, host: 'http://two', model: 'b' },
      ...{ turns: 1, tokens: 15, stopped: false, bytes: 7 },
    });
    expect(session.conversation.model).toBe('b');
    expect(session.details[1]).toEqual({ at: LATER, model: 'b', metrics: METRICS, stopped: false });
  });

  it('takes no tokens once all was taken back', () => {
    const said: SessionEntry = { type: 'message', at: AT, message: answer('So.'), metrics: METRICS };
    expect(foldSession('x', [say('Why?'), said]).tokens).toBe(15);
    expect(foldSession('x', [say('Why?'), said, { ...clear, start: 1 }]).tokens).toBe(15);
    expect(foldSession('x', [say('Why?'), said, clear]).tokens).toBeUndefined();
  });

  it('puts the parts of an answer that went on behind what was there', () => {
    const session = foldSession('x', [
      say('Why?'),
      { type: 'message', at: AT, message: { ...answer('Be'), thinking: 'Hm' }, stopped: true },
      { type: 'delta', content: 'cau' },
      { type: 'delta', content: 'se', thinking: '.' },
    ]);
    expect(session.conversation.messages).toEqual([user('Why?'), { ...answer('Because'), thinking: 'Hm.' }]);
    expect(session.stopped).toBe(true);
  });

  it('lets an answer follow what a function gave', () => {
    const tool = { role: 'tool', content: '12:00', tool_name: 'clock' };
    const session = foldSession('x', [
      say('When?'),
      { type: 'message', at: AT, message: tool },
      { type: 'delta', content: 'At noon' },
    ]);
    expect(session.conversation.messages).toEqual([user('When?'), tool, answer('At noon')]);
  });
});

describe('a line of a file', () => {
  it.each([
    '',
    'null',
    '[]',
    '{"type":"message"',
    '{"type":"message","at":"2026-11-21T17:05:00Z"}',
    '{"type":"message","at":"2026-11-21T17:05:00Z","message":{"role":"user"}}',
    '{"type":"message","at":"soon","message":{"role":"user","content":"x"}}',
    '{"type":"message","message":{"role":"user","content":"x"}}',
    '{"type":"splice","at":"2026-11-21T17:05:00Z","start":-1,"delete_count":1,"insert":[]}',
    '{"type":"splice","at":"2026-11-21T17:05:00Z","start":0,"delete_count":1,"insert":[3]}',
    '{"type":"session","at":"2026-11-21T17:05:00Z","id":"x","host":3,"model":"m"}',
    '{"type":"title","at":"2026-11-21T17:05:00Z"}',
    '{"type":"tomorrow","at":"2026-11-21T17:05:00Z"}',
  ])('%s is passed over', (line) => {
    expect(parseEntry(line)).toBeUndefined();
  });

  it('loses the fields that are not of their kind, and keeps the rest', () => {
    const message = { role: 'user', content: 'x', images: [1], tool_calls: [{}], thinking: 'y' };
    const line = { type: 'message', at: AT, message, metrics: {}, model: 4, stopped: 'yes' };
    expect(parseEntry(JSON.stringify(line))).toEqual({
      type: 'message',
      at: AT,
      message: { role: 'user', content: 'x', thinking: 'y' },
    });
    const settings = { type: 'settings', at: AT, options: { a: {} }, think: 'hard', system: 3 };
    expect(parseEntry(JSON.stringify(settings))).toEqual({ type: 'settings', at: AT });
  });

  it('has a time that is nothing but a time', () => {
    const at = 'Nov 21 2026 17:05:00 UTC (\u001b[31mred)';
    expect(parseEntry(JSON.stringify({ ...say('x'), at }))).toEqual(say('x'));
  });

  it('hides none of the others, whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        const line = Buffer.from(noise.filter((byte) => byte !== 10));
        const file = Buffer.concat([
          Buffer.from(`${JSON.stringify(say('One'))}\n`),
          line,
          Buffer.from(`\n${JSON.stringify(say('Two'))}`),
        ]);
        expect(foldSession('x', parseEntries(file)).turns).toBe(2);
      }),
    );
  });
});

describe('a title', () => {
  it.each([
    ['Why is the sky blue?', 'Why is the sky blue?'],
    ['  Why \n\n is it?\t', 'Why is it?'],
    ['a'.repeat(60), 'a'.repeat(60)],
    ['a'.repeat(61), `${'a'.repeat(59)}…`],
    ['👩‍👩‍👧'.repeat(61), `${'👩‍👩‍👧'.repeat(59)}…`],
    ['\u001b[31mred\u0007', '[31mred'],
    ['   ', ''],
  ])('of %j is %j', (text, title) => {
    expect(makeTitle(text)).toBe(title);
  });

  it('is one line that no terminal obeys, whatever the question', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const title = makeTitle(`x${text}`);
        expect(title).not.toMatch(ESCAPES);
        expect(title).not.toMatch(/[\n\t\u2028\u2029\u202a-\u202e]/);
        expect(title).not.toBe('');
      }),
    );
  });
});
