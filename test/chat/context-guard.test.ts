import fc from 'fast-check';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  chooseWay,
  describeOverflow,
  nextWindow,
  openTruncationGuard,
  type OverflowFacts,
} from '../../src/chat/context-guard.js';
import type { Question } from '../../src/chat/stage.js';
import { createContext } from '../../src/context.js';
import { startConversation, type Conversation } from '../../src/core/chat.js';
import { findTurns } from '../../src/core/conversation.js';
import { estimateConversation, type PromptCount } from '../../src/core/window.js';
import { startLab, type Lab } from '../sandbox/lab.js';
import { closedPort, serve } from '../support/fault-server.js';
import { ESCAPES } from '../support/run.js';
import { testIo } from '../support/io.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.sandbox.close();
  lab = undefined;
});

/** A conversation of so many turns of about a hundred tokens each; the last one is the question alone. */
function talk(turns: number, model = 'm:1'): Conversation {
  const messages = Array.from({ length: turns }, (_, n) => [
    { role: 'user', content: `${n} ${'word '.repeat(36)}` },
    { role: 'assistant', content: 'word '.repeat(36) },
  ]).flat();
  return startConversation(model, { messages: messages.slice(0, -1) });
}

const none: OverflowFacts = { models: [] };
const keys = ({ choices }: Question): string[] => choices.map(({ key }) => key);

describe('the next window to ask for', () => {
  it.each([
    [3000, { limit: 2048, largest: 131_072 }, 4096],
    [3900, { limit: 4096, largest: 131_072 }, 8192],
    [9000, { limit: 4096, largest: 131_072 }, 16_384],
    [9000, { limit: 4096, largest: 10_000 }, 10_000],
    [9000, { limit: 4096 }, 16_384],
    [500, {}, 8192],
    [9000, { limit: 8192, largest: 8192 }, undefined],
  ])('for %d tokens, of %j, is %j', (needed, facts, expected) => {
    expect(nextWindow(needed, facts)).toBe(expected);
  });
});

describe('the choice where a conversation does not fit', () => {
  it('does not give an estimate that the server has proved too low', () => {
    const { question } = describeOverflow(talk(2), { limit: 1000, models: [] });
    expect(question.title).toBe('This conversation does not fit: it is more than its window of 1k holds.');
  });

  it('is to drop, to summarise, a larger window, a larger model, or to stop', () => {
    const { question, ways } = describeOverflow(talk(8), {
      ...{ limit: 512, largest: 32_768, verdict: 'fits' },
      models: [
        { name: 'large:1', largest: 131_072 },
        { name: 'second:1', largest: 65_536 },
        { name: 'third:1', largest: 40_000 },
        { name: 'fourth:1', largest: 39_000 },
      ],
    });
    expect(question.title).toMatch(
      /^This conversation does not fit: about \d+ tokens, .* window of 512 holds\.$/,
    );
    expect(question.details).toEqual(['m:1 was made for up to 32k tokens.']);
    expect(keys(question)).toEqual(['drop', 'compact', 'num_ctx', 'model-0', 'model-1', 'model-2', 'stop']);
    expect(question.choices.map(({ letter }) => letter)).toEqual(['d', 's', 'w', '1', '2', '3', 'x']);
    expect(question.choices[2]?.label).toBe(
      'a larger window: num_ctx 1024 (by the estimate it fits the memory)',
    );
    expect(question.choices[3]?.label).toBe('go on with large:1, made for up to 128k');
    expect(ways.get('compact')).toEqual({ type: 'compact' });
    expect(ways.get('num_ctx')).toEqual({ type: 'num_ctx', value: 1024 });
    expect(ways.get('model-1')).toEqual({ type: 'model', name: 'second:1', value: 1024 });
    expect(ways.get('stop')).toEqual({ type: 'stop' });
  });

  it('drops so much that there is room for an answer, and the question stays', () => {
    const before = talk(8);
    const way = describeOverflow(before, { ...none, limit: 512 }).ways.get('drop');
    if (way?.type !== 'drop') throw new Error('nothing to drop was offered');
    expect(way.turns).toBe(8 - findTurns(way.conversation).length);
    expect(way.turns).toBe(4);
    expect(estimateConversation(way.conversation)).toBeLessThanOrEqual(512 * 0.75);
    expect(way.conversation.messages.at(-1)).toBe(before.messages.at(-1));
  });

  it('offers no dropping of a lone question, and no window beyond what the model was made for', () => {
    const { question } = describeOverflow(talk(1), { ...none, limit: 8192, largest: 8192 });
    expect(keys(question)).toEqual(['stop']);
  });

  it('always gets shorter by dropping, whatever is known of the window', () => {
    const limits = fc.option(fc.integer({ min: 1, max: 100_000 }), { nil: undefined });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), limits, (turns, limit) => {
        const way = describeOverflow(talk(turns), { ...none, limit }).ways.get('drop');
        expect(way?.type === 'drop' && findTurns(way.conversation).length).toBeLessThan(turns);
        expect(way?.type === 'drop' && findTurns(way.conversation).length).toBeGreaterThan(0);
      }),
    );
  });

  it('is clean, whatever the models are called', () => {
    const hostile = 'evil\u001b]0;owned\u0007\u001b[2J\u202e:1';
    const facts = { limit: 512, largest: 2048, models: [{ name: hostile, largest: 9999 }] };
    const { question, ways } = describeOverflow(talk(3, hostile), facts);
    const told = [question.title, ...question.details, ...question.choices.map(({ label }) => label)].join(
      '\n',
    );
    expect(told).not.toMatch(ESCAPES);
    expect(told).not.toContain('\u202e');
    expect(ways.get('model-0')).toMatchObject({ name: hostile });
  });
});

describe('asking the person', () => {
  const open = async (url: string, config = {}) =>
    await createContext(testIo({ env: { OLLAMA_HOST: url } }).io, {}, config);
  const never = new AbortController().signal;

  it('names none that runs elsewhere', async () => {
    const listed = (name: string, more: object) => ({
      ...{ name, model: name, size: 1, digest: name, details: {}, capabilities: ['completion'] },
      ...{ context_length: 100_000, ...more },
    });
    const models = [listed('cloud:1', { remote_host: 'https://ollama.com:443' }), listed('here:1', {})];
    const server = await serve(({ url }) =>
      url === '/api/tags' ? { body: [JSON.stringify({ models })] } : { status: 404, body: ['{}'] },
    );
    onTestFinished(() => server.close());
    let asked: Question | undefined;
    const choose = (question: Question) => Promise.resolve(void (asked = question));
    await chooseWay(await open(server.url), talk(4), 256, { choose }, never);
    const labels = asked?.choices.map(({ label }) => label).join();
    expect(labels).toContain('go on with here:1');
    expect(labels).not.toContain('cloud:1');
  });

  it('names the installed models that were made for more, and does what was chosen', async () => {
    lab = await startLab({ installed: ['tinyllama', 'llama3.2:1b', 'all-minilm', 'qwen3:0.6b'] });
    const context = await open(lab.sandbox.url, { allowed_models: 'tinyllama*,llama3.2:*,all-minilm*' });
    let asked: Question | undefined;
    const stage = {
      choose: (question: Question) => {
        asked = question;
        return Promise.resolve('model-0');
      },
    };
    const way = await chooseWay(context, talk(4, 'tinyllama'), 256, stage, never);
    expect(way).toEqual({ type: 'model', name: 'llama3.2:1b', value: 512 });
    expect(asked?.details[0]).toBe('tinyllama was made for up to 2k tokens.');
    expect(asked && keys(asked)).toEqual(['drop', 'compact', 'num_ctx', 'model-0', 'stop']);
    expect(asked?.choices[2]?.label).toMatch(/^a larger window: num_ctx 512/);
  });

  it('stops where they turn away, and asks also of a server that tells nothing', async () => {
    const context = await open(`http://127.0.0.1:${await closedPort()}`);
    const stage = { choose: () => Promise.resolve(undefined) };
    expect(await chooseWay(context, talk(4), undefined, stage, never)).toEqual({ type: 'stop' });
    const drops = { choose: () => Promise.resolve('drop') };
    expect(await chooseWay(context, talk(4), undefined, drops, never)).toMatchObject({ type: 'drop' });
  });
});

describe('a server that cuts though it was asked not to', () => {
  const count = (counted: number, sent: number): PromptCount => ({ counted, sent, thought: 0 });

  it.each<[PromptCount | undefined, PromptCount, number | undefined, string]>([
    [undefined, count(512, 900), 512, 'it read 512 tokens, as many as its window of 512 lets it.'],
    [undefined, count(4096, 9000), undefined, 'it read 4k tokens, which is the size of a common window.'],
    [
      count(3000, 2900),
      count(1200, 3400),
      8192,
      'it read 1.2k tokens, 2.9k the time before, though more was sent.',
    ],
    [undefined, count(3100, 9000), 4096, 'it read 3k tokens of about 8.8k.'],
  ])('is told by %j, %j', (before, now, limit, words) => {
    const told = openTruncationGuard().see(before, now, limit);
    expect(told).toContain('seems to have left out the beginning');
    expect(told).toContain(words);
    expect(told).toContain('/compact');
  });

  it('is told once, and again when much more is missing', () => {
    const guard = openTruncationGuard();
    expect(guard.see(undefined, count(400, 380), 512)).toBeUndefined();
    expect(guard.see(undefined, count(512, 900), 512)).toBeDefined();
    expect(guard.see(undefined, count(512, 1000), 512)).toBeUndefined();
    expect(guard.see(undefined, count(512, 1400), 512)).toBeUndefined();
    expect(guard.see(undefined, count(512, 1600), 512)).toBeDefined();
    expect(guard.see(undefined, count(512, 1700), 512)).toBeUndefined();
  });
});
