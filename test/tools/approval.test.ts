import { describe, expect, it } from 'vitest';
import type { ToolCall } from '../../src/core/wire.js';
import { openApproval, type ApprovalQuestion } from '../../src/tools/approval.js';
import { ESCAPES } from '../support/run.js';

const box = { describe: () => ({ server: 'clock', description: 'The time.\nMore.' }) };
const call = (name: string, given: Record<string, unknown> = {}): ToolCall => ({
  function: { name, arguments: given },
});
const { signal } = new AbortController();

/** A person who answers one after the other, then turns away. */
function person(...answers: string[]) {
  const asked: ApprovalQuestion[] = [];
  return {
    asked,
    choose: async (question: ApprovalQuestion) => {
      asked.push(question);
      return answers.shift();
    },
  };
}

describe('a call', () => {
  it.each([
    [['get_time'], 'get_time', true],
    [['get_*'], 'get_date', true],
    [['web__*'], 'web__search', true],
    [['get_time'], 'get_times', false],
    [[], 'get_time', false],
  ])('is allowed in a script by %j: %s', async (allow, name, allowed) => {
    const verdict = await openApproval(box, { allow })(call(name), signal);
    expect(verdict.allowed).toBe(allowed);
    if (!verdict.allowed) expect(verdict.why).toContain('--allow-tool');
  });

  it('is asked of a person, with its server and all that it is given', async () => {
    const { asked, choose } = person('once');
    const approve = openApproval(box, { choose });
    const given = { city: 'Rome', when: { days: 2 }, note: 'a\nb' };
    expect(await approve(call('get_time', given), signal)).toEqual({ allowed: true });
    expect(asked).toMatchObject([
      {
        title: 'Call get_time of clock?',
        details: ['The time.', 'city: Rome', 'when: {"days":2}', 'note:', '  a', '  b'],
        choices: [{ key: 'once' }, { key: 'always' }, { key: 'no' }],
      },
    ]);
  });

  it('is asked again after "once", and for other functions after "always"', async () => {
    const { asked, choose } = person('once', 'always', 'no');
    const approve = openApproval(box, { choose });
    for (const name of ['get_time', 'get_time', 'get_time', 'get_date']) await approve(call(name), signal);
    expect(asked.map(({ title }) => title)).toEqual([
      'Call get_time of clock?',
      'Call get_time of clock?',
      'Call get_date of clock?',
    ]);
  });

  it.each([['no'], ['other']])('is refused by %j, and the turn goes on', async (answer) => {
    const approve = openApproval(box, { choose: person(answer).choose });
    const verdict = await approve(call('get_time'), signal);
    expect(verdict).toEqual({ allowed: false, why: expect.any(String) as unknown });
  });

  it('stops the turn where the person turns away from the question', async () => {
    const approve = openApproval(box, { choose: person().choose });
    expect(await approve(call('get_time'), signal)).toMatchObject({ allowed: false, stops: true });
  });

  it('is not asked of a person where the list allows it', async () => {
    const { asked, choose } = person();
    expect(await openApproval(box, { allow: ['get_*'], choose })(call('get_time'), signal)).toEqual({
      allowed: true,
    });
    expect(asked).toEqual([]);
  });

  it('is shown clean and bounded, and says what is not shown', async () => {
    const { asked, choose } = person('no');
    const hostile = { describe: () => ({ server: 's', description: `\u001b[2J${'d'.repeat(1000)}` }) };
    const given = {
      'k\u001b]0;x\u0007': '\u001b[31mred\u202e',
      long: 'x'.repeat(1000),
      lines: Array.from({ length: 100 }, (_, at) => at).join('\n'),
    };
    await openApproval(hostile, { choose })(call('a\u001b[1mb', given), signal);
    const [question] = asked;
    const rows = [question?.title ?? '', ...(question?.details ?? [])];
    expect(rows.join('')).not.toMatch(ESCAPES);
    expect(rows.every((row) => row.length < 600 && !row.includes('\n'))).toBe(true);
    expect(rows.length).toBeLessThan(25);
    expect(rows).toContainEqual(expect.stringMatching(/\(506 characters more\)/));
    expect(rows.at(-1)).toBe('… (83 lines more)');
  });
});
