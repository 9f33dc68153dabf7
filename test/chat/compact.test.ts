import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { compact, takePart, transcribe } from '../../src/chat/compact.js';
import { chatRequest, startConversation, type Conversation } from '../../src/core/chat.js';
import { OllamaClient } from '../../src/core/client.js';
import { estimateTokens } from '../../src/core/window.js';
import type { ChatMessage } from '../../src/core/wire.js';
import { serve, type FaultServer, type Script } from '../support/fault-server.js';
import { testIo } from '../support/io.js';

let server: FaultServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

interface Sent {
  readonly messages: ChatMessage[];
  readonly options: Record<string, unknown>;
  readonly think?: boolean;
}

const line = (content: string, more = {}): string =>
  `${JSON.stringify({ model: 'm', message: { role: 'assistant', content }, done: false, ...more })}\n`;
const answer = (content: string): Script => ({ body: [line(content), line('', { done: true })] });

/** A server that answers chats by `reply`, and says that the model is loaded with a window of `window` tokens. */
async function open(window: number | undefined, reply: (sent: Sent) => Script) {
  const sent: Sent[] = [];
  server = await serve(({ url, body }) => {
    if (url === '/api/ps') {
      const model = { name: 'm:1', model: 'm:1', size: 1, digest: 'd', context_length: window };
      return { body: [JSON.stringify({ models: [model] })] };
    }
    const request = JSON.parse(body) as Sent;
    sent.push(request);
    return reply(request);
  });
  const { io } = testIo();
  return { context: { io, client: new OllamaClient(server.url, { env: {} }) }, sent };
}

const q = (content: string): ChatMessage => ({ role: 'user', content });
const a = (content: string): ChatMessage => ({ role: 'assistant', content, thinking: 'hidden thoughts' });
const talk = (...messages: ChatMessage[]): Conversation =>
  startConversation('m:1', {
    system: 'Be brief.',
    messages,
    options: { num_ctx: 4096, stop: ['x'], seed: 3 },
  });
const never = new AbortController().signal;

describe('summarising a conversation', () => {
  const four = [q('one?'), a('1.'), q('two?'), a('2.'), q('three?'), a('3.'), q('four?'), a('4.')];

  it('puts a summary in the place of the older turns, and keeps the last two word for word', async () => {
    const { context, sent } = await open(4096, () => answer(' They counted.\n'));
    const before = talk(...four);
    const { conversation, summary, replaced } = await compact(context, before, never);
    expect(summary).toBe('They counted.');
    expect(replaced).toBe(4);
    expect(conversation.messages).toEqual([
      { role: 'system', content: 'Summary of the conversation so far:\n\nThey counted.' },
      ...four.slice(4),
    ]);
    expect({ ...conversation, messages: [] }).toEqual({ ...before, messages: [] });
    expect(sent).toHaveLength(1);
    const prompt = sent[0]?.messages.at(-1)?.content ?? '';
    for (const part of ['User: one?', 'Assistant: 1.', 'Assistant: 2.']) expect(prompt).toContain(part);
    for (const part of ['three?', 'hidden', 'Be brief.']) expect(prompt).not.toContain(part);
  });

  it('asks with the same window, so that the model stays loaded, and with nothing that would cut the summary', async () => {
    const { context, sent } = await open(undefined, () => answer('Short.'));
    await compact(context, talk(...four), never);
    expect(sent[0]).toMatchObject({ think: false, options: { num_ctx: 4096, seed: 3, num_predict: 800 } });
    expect(sent[0]?.options).not.toHaveProperty('stop');
  });

  it('keeps the last turn alone where two would take too much of the window', async () => {
    const { context } = await open(1024, () => answer('S.'));
    const long = [...four.slice(0, 4), q('long '.repeat(400)), a('ok'), q('last?')];
    expect((await compact(context, talk(...long), never)).conversation.messages.slice(1)).toEqual(
      long.slice(6),
    );
  });

  it('takes an earlier summary up into the new one', async () => {
    const { context, sent } = await open(4096, () => answer('All of it.'));
    const once = await compact(context, talk(...four), never);
    const more = talk(...once.conversation.messages, q('five?'), a('5.'));
    const twice = await compact(context, more, never);
    expect(sent[1]?.messages.at(-1)?.content).toContain('Summary of the conversation so far:\n\nAll of it.');
    expect(twice.conversation.messages.map(({ role }) => role)).toEqual([
      ...['system', 'user', 'assistant', 'user', 'assistant'],
    ]);
    expect(chatRequest(twice.conversation).messages[0]?.content).toMatch(/^Be brief\.\n\nSummary/);
  });

  it('summarises in parts what is too long for one request, each with what came before', async () => {
    const { context, sent } = await open(1500, ({ messages }) =>
      answer(`S${String(messages.at(-1)?.content.length)}`),
    );
    const long = Array.from({ length: 12 }, (_, n) => [q(`${n} ${'word '.repeat(100)}`), a('ok')]).flat();
    const { conversation } = await compact(context, talk(...long), never);
    expect(sent.length).toBeGreaterThan(2);
    for (const { messages } of sent) {
      expect(estimateTokens(messages.map(({ content }) => content).join(''))).toBeLessThan(1500 - 400);
    }
    expect(sent[1]?.messages.at(-1)?.content).toMatch(/^Summary of the conversation so far:\n\nS\d/);
    const all = sent.map(({ messages }) => messages.at(-1)?.content ?? '').join('\n');
    for (let n = 0; n < 10; n += 1) expect(all).toContain(`User: ${n} word`);
    expect(conversation.messages.length).toBeLessThan(6);
  });

  it('asks for less where the server says that it is still too much', async () => {
    const tooLong = (text: string): boolean => text.length > 2500;
    const refusal: Script = {
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: ['{"error":"the input length exceeds the context length"}'],
    };
    const { context, sent } = await open(4096, ({ messages }) =>
      tooLong(messages.at(-1)?.content ?? '') ? refusal : answer('S.'),
    );
    const { summary } = await compact(context, talk(q('x'.repeat(9000)), a('ok'), q('last?')), never);
    expect(summary).toBe('S.');
    expect(sent.length).toBeGreaterThan(4);
  });

  it('fails with what a request failed with', async () => {
    const failing = await open(4096, () => ({ body: [line('They'), '{"error":"boom"}\n'] }));
    await expect(compact(failing.context, talk(...four), never)).rejects.toMatchObject({ message: 'boom' });
    await server?.close();
    const empty = await open(4096, () => answer('  \n'));
    await expect(compact(empty.context, talk(...four), never)).rejects.toThrow(/gave no summary/);
  });

  it('can be stopped, and is told what comes', async () => {
    const { context } = await open(4096, () => ({ body: [line('They')], then: 'stall' }));
    const stopping = new AbortController();
    const came: string[] = [];
    const compacting = compact(context, talk(...four), stopping.signal, (events) => {
      for (const event of events) if (event.type === 'token') came.push(event.text);
      stopping.abort();
    });
    await expect(compacting).rejects.toMatchObject({ code: 'interrupted' });
    expect(came).toEqual(['They']);
  });

  it.each([
    ['one turn', [q('one?'), a('1.')]],
    ['a summary and one turn', [{ role: 'system', content: 'Summary' }, q('one?'), a('1.')]],
    ['nothing', []],
  ])('has nothing to do with %s', async (_, messages) => {
    const { context, sent } = await open(4096, () => answer('S.'));
    await expect(compact(context, talk(...messages), never)).rejects.toMatchObject({ code: 'usage' });
    expect(sent).toEqual([]);
  });
});

describe('the parts of a transcript', () => {
  it('name who says what, what is called, and what can not be read', () => {
    const call = { function: { name: 'get_time', arguments: { city: 'Rome' } } };
    expect(
      transcribe([
        { role: 'user', content: 'Look.', images: ['x', 'y'] },
        { role: 'assistant', content: '', tool_calls: [call] },
        { role: 'tool', content: '12:00', tool_name: 'get_time' },
      ]),
    ).toEqual([
      'User: Look. (2 images)',
      'Assistant: (calls get_time {"city":"Rome"})',
      'Result of get_time: 12:00',
    ]);
  });

  it('are together the whole, whatever their size, and part no character', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        (paragraphs, tokens) => {
          let left = [...paragraphs];
          let text = '';
          while (left.length > 0) {
            const { part, rest } = takePart(left, tokens);
            expect(part.length).toBeGreaterThan(0);
            for (const piece of part) expect(Buffer.from(piece).toString()).toBe(piece);
            text += part.join('');
            left = rest;
          }
          expect(text).toBe(paragraphs.join(''));
        },
      ),
    );
  });
});
