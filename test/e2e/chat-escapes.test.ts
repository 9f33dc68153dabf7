import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { serve } from '../support/fault-server.js';
import { keepHostileSession } from '../support/hostile-session.js';
import { foreignSequences, hostile } from '../support/sequences.js';
import { LEFT, openChat, say } from './open-chat.js';
import { openFolder, openProgram, SOON } from './program.js';

const line = (fields: object): string => `${JSON.stringify({ model: 'm', done: false, ...fields })}\n`;
const message = (fields: object): string => line({ message: { role: 'assistant', content: '', ...fields } });
const END = line({
  message: { role: 'assistant', content: '' },
  done: true,
  done_reason: 'stop',
  prompt_eval_count: 9,
  eval_count: 3,
  eval_duration: 1e9,
  total_duration: 1e9,
});

/** A file's name may hold all but these. */
const fileName = (word: string): string =>
  hostile(word)
    .replace(/[\u0000/]/g, '')
    .slice(0, 80);

/** A server that says nothing but what no terminal should obey. */
async function openHostile(): Promise<string> {
  const name = hostile('evil');
  const details = {
    family: hostile('family'),
    parameter_size: hostile('1B'),
    quantization_level: hostile('q4'),
  };
  const text = hostile('words');
  const server = await serve(({ url, body, method }) => {
    if (url === '/api/tags') {
      const model = { name, model: name, size: 1, digest: 'a'.repeat(64), modified_at: text, details };
      return {
        body: [JSON.stringify({ models: [model, { ...model, name: 'm:latest', model: 'm:latest' }] })],
      };
    }
    if (url === '/api/ps') return { body: ['{"models":[]}'] };
    if (url === '/api/version') return { body: [JSON.stringify({ version: text })] };
    if (url === '/api/show') {
      const { model } = JSON.parse(body) as { model: string };
      if (model.startsWith('absent'))
        return { status: 404, body: [JSON.stringify({ error: hostile('not found') })] };
      const texts = {
        license: text,
        template: text,
        parameters: `stop ${text}`,
        system: text,
        modelfile: text,
      };
      const facts = { details, model_info: { [text]: text }, capabilities: ['completion', 'vision', text] };
      return { body: [JSON.stringify({ ...texts, ...facts, messages: [{ role: text, content: text }] })] };
    }
    if (method !== 'POST') return { status: 404, body: [text] };
    const { messages } = JSON.parse(body) as { messages: { content: string }[] };
    const asked = messages.at(-1)?.content ?? '';
    if (asked.includes('fail')) return { status: 500, body: [JSON.stringify({ error: hostile('wrong') })] };
    if (asked.includes('break'))
      return { body: [message({ content: text }), `${JSON.stringify({ error: text })}\n`] };
    const call = { function: { name: hostile('tool'), arguments: { [hostile('key')]: text } } };
    return {
      body: [
        ...Array.from(hostile('thought'), (thinking) => message({ thinking })),
        ...Array.from(
          `${text}\n\n\`\`\`${text}\n${text}\n\`\`\`\n[${text}](http://x/${text}) &#27;[5m `,
          (content) => message({ content }),
        ),
        message({ tool_calls: [call] }),
        END,
      ],
    };
  });
  onTestFinished(() => server.close());
  return server.url;
}

function keepHostile(home: string): void {
  const state = path.join(home, '.local/state');
  keepHostileSession(state);
  writeFileSync(path.join(state, 'ollama-cli/history'), `${JSON.stringify({ text: hostile('history') })}\n`);
}

test.each([
  ['drawn', []],
  ['drawn without Markdown', ['--no-markdown']],
  ['in plain lines', ['--accessible']],
] as const)(
  'a chat %s obeys no escape sequence of a server, a model, a file or a kept conversation',
  { timeout: 6 * SOON },
  async (_, flags) => {
    const url = await openHostile();
    const home = openFolder();
    keepHostile(home);
    writeFileSync(path.join(home, fileName('file')), 'text');
    const isPlain = flags.some((flag) => flag === '--accessible');
    const options = { cwd: home, rows: 40, cols: 100 };
    const terminal = isPlain
      ? openProgram(['chat', 'm', ...flags], url, options)
      : await openChat(url, options, ['m', ...flags]);
    if (isPlain) await terminal.waitFor(/^>/m, SOON);
    const seen = (text: string): string => {
      const all = terminal.scrollback();
      const at = all.lastIndexOf(text);
      return at < 0 ? '' : all.slice(at + text.length);
    };
    const type = async (text: string, shows: RegExp): Promise<void> => {
      if (isPlain) terminal.write(`${text}\r`);
      else await say(terminal, text);
      await expect.poll(() => seen(text), { timeout: SOON, message: text }).toMatch(shows);
    };

    await type('question one', /words[^]*\d tokens/);
    await type('please fail', /wrong/);
    await type('please break', /words[^]*\/retry/);
    await type('/show info', /family|architecture|model/);
    for (const what of ['template', 'license', 'system', 'modelfile', 'parameters'])
      await type(`/show ${what}`, /./);
    await type('/model', /evil/);
    await type('/model absent', /pull it/i);
    await terminal.answer(isPlain ? '\x03' : 'n');
    await terminal.waitFor(/Still talking/, SOON);
    await type('/sessions', /title/);
    await type('/set system a', /system prompt/);
    if (!isPlain) {
      // What Tab offers: models, files, and the text of the history.
      for (const keys of [
        '/model ev\t',
        '\x03',
        '@file\t',
        '\x03',
        '/file fi\t',
        '\x03',
        '\x1b[A',
        '\x03',
        '\x12hist',
        '\x1b',
        '\x03',
        '\x0f',
      ]) {
        terminal.write(keys);
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    }
    await type('/stats', /./);
    await type('/load 20260101', /said|title/);
    await type('question two', /words[^]*\d tokens/);
    const written = terminal.raw();
    for (const word of ['evil', 'wrong', 'words', 'title']) expect(written).toContain(word);
    if (!isPlain) expect(written).toContain('history');
    expect(foreignSequences(written, { styles: true, links: true })).toEqual([]);
    terminal.write('\x04');
    expect(await terminal.exit).toEqual(LEFT);
    expect(foreignSequences(terminal.raw(), { styles: true, links: true })).toEqual([]);
  },
);

test('a chat that goes on with a hostile conversation obeys nothing of it', async () => {
  const url = await openHostile();
  const home = openFolder();
  keepHostile(home);
  const terminal = await openChat(url, { cwd: home, rows: 40 }, ['m', '--resume', '20260101-0000-aaaa']);
  await terminal.waitFor(/said/, SOON);
  terminal.write('\x04');
  await terminal.exit;
  expect(foreignSequences(terminal.raw(), { styles: true, links: true })).toEqual([]);
});
