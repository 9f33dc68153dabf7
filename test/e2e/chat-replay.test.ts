import { expect, onTestFinished, test } from 'vitest';
import { createCleaner } from '../../src/format/clean.js';
import type { ChatMessage } from '../../src/core/wire.js';
import { labelsOf, readBody, readRecording, VERSIONS } from '../core/recorded.js';
import { serve } from '../support/fault-server.js';
import { lines } from '../support/run.js';
import { LEFT, openChat, say } from './open-chat.js';
import { SOON } from './program.js';

interface Line {
  readonly message?: { readonly content?: string; readonly thinking?: string };
  readonly error?: string;
  readonly done_reason?: string;
}

/** A kept conversation on the one side, the words of a screen on the other: without their white space. */
const words = (text: string): string => createCleaner()(text).replace(/[\s*_`#>│╭╰╮╯─•-]+/g, '');

test.each(VERSIONS)(
  'the recorded chats of %s are the turns of one conversation, whatever becomes of each',
  { timeout: 6 * SOON },
  async (version) => {
    const labels = labelsOf(version).filter((label) => label.startsWith('chat'));
    let playing = '';
    const requests: ChatMessage[][] = [];
    const server = await serve(({ url, body }, response) => {
      if (url === '/api/version') return { body: [readBody(version, 'version')] };
      if (url === '/api/tags') return { body: ['{"models":[]}'] };
      if (url === '/api/ps') return { body: [readBody(version, 'ps-empty')] };
      if (url === '/api/show') return { body: ['{"details":{},"model_info":{}}'] };
      if (url !== '/api/chat') return { status: 404, body: ['{"error":"not found"}'] };
      requests.push((JSON.parse(body) as { messages: ChatMessage[] }).messages);
      const { response: recorded } = readRecording(version, playing);
      response.writeHead(recorded.status, { 'content-type': recorded.type ?? '' });
      response.socket?.setNoDelay(true);
      for (const [, text] of recorded.chunks) response.write(text);
      response.end();
      return undefined;
    });
    onTestFinished(() => server.close());
    const terminal = await openChat(server.url, { rows: 50 }, ['m', '--no-warm-up']);

    for (const label of labels) {
      playing = label;
      const all = lines(readBody(version, label)) as Line[];
      const content = all.map(({ message }) => message?.content ?? '').join('');
      const { error, done_reason: reason } = all.at(-1) ?? {};
      const question = `play ${label}`;
      const since = (): string =>
        words(terminal.scrollback().slice(terminal.scrollback().lastIndexOf(question)));
      const shows = expect.poll(since, { timeout: SOON, message: label });
      await say(terminal, question);
      if (error === undefined)
        await shows.toMatch(reason === 'load' ? /endedwithoutaword/ : /context(?:about)?\d/);
      else if (label === 'chat-missing') await shows.toMatch(/notinstalled/);
      else if (label === 'chat-overflow' && version !== '0.5.13') await shows.toMatch(/doesnotfit/);
      else await shows.toContain(words(error).slice(0, 25));
      if (content.trim() !== '') expect(since(), label).toContain(words(content));
      if (label === 'chat-missing' || (label === 'chat-overflow' && version !== '0.5.13')) {
        await terminal.waitFor('turns away', SOON);
        terminal.write('\x1b');
        await expect.poll(() => /│ ›/.test(terminal.screen()), { timeout: SOON }).toBe(true);
        // A question that is given back stands in the composer.
        terminal.write('\x15');
      }
    }
    playing = labels[0] ?? '';
    await say(terminal, 'the end');
    await expect.poll(() => requests.at(-1)?.at(-1)?.content, { timeout: SOON }).toContain('the end');
    // Byte for byte: what the model said, thought and called goes back to it as it came.
    const kept = requests
      .at(-1)
      ?.filter(({ role }) => role === 'assistant')
      .map(({ content }) => content);
    const said = labels
      .map((label) =>
        (lines(readBody(version, label)) as Line[]).map(({ message }) => message?.content ?? '').join(''),
      )
      .filter((content) => content.trim() !== '');
    expect(kept?.filter((content) => content.trim() !== '')).toEqual(said);
    terminal.write('\x04');
    expect(await terminal.exit).toEqual(LEFT);
  },
);
