import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { listSessions, readSession } from '../../src/sessions/store.js';
import { testIo } from '../support/io.js';
import { answerLines, chatServer, lineOf, play } from './stage.js';
import type { Played, PlayOptions } from './stage.js';

function makeFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'dialogue-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
const CODE = 'Here:\n\n```js\nlet a = 1;\n```\n\nand\n\n```\nb\n```\n';

async function open(options: PlayOptions = {}, ...answers: string[]) {
  const said = answers.length === 0 ? ['ok'] : answers;
  const chat = await chatServer(...said.map((text) => ({ body: answerLines([text]) })));
  return { chat, played: await play(chat.url, options) };
}

const stateOf = ({ home }: Played) => testIo({ env: { XDG_STATE_HOME: home } }).io;

describe('what a conversation goes on with', () => {
  test('is set, sent, and kept', async () => {
    const { chat, played } = await open();
    expect(await played.say('/system')).toMatch(/^There is no system prompt/);
    expect(await played.say('/system Be brief.')).toBe('The system prompt is set.');
    expect(await played.say('/system')).toBe('Be brief.');
    expect(await played.say('/set parameter num_ctx 16k')).toBe('num_ctx is 16384 now.');
    expect(await played.say('/set parameter temperature 0.5')).toBe('temperature is 0.5 now.');
    expect(await played.say('/think low')).toBe('Thinking is low now.');
    expect(await played.say('/set format json')).toMatch(/^Answers are JSON now/);
    await played.say('Hi');
    expect(chat.asked()[0]).toMatchObject({
      think: 'low',
      format: 'json',
      options: { num_ctx: 16_384, temperature: 0.5 },
      messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user' }],
    });
    expect(await played.say('/set parameter num_ctx default')).toBe('num_ctx is as the model has it now.');
    expect(await played.say('/set noformat')).toBe('Answers are free text again.');
    expect(await played.say('/set nothink')).toBe('Thinking is off now.');
    expect(await played.say('/system ""')).toBe('There is no system prompt any more.');
    await played.say('Again');
    expect(chat.asked()[1]).toMatchObject({ think: false, options: { temperature: 0.5 } });
    expect(chat.asked()[1]?.format).toBeUndefined();
    expect(chat.talked()[1]).toEqual(['user: Hi', 'assistant: ok', 'user: Again']);
    await played.recorder?.flush();
    const { conversation } = await readSession(stateOf(played), played.recorder?.id ?? '');
    expect(conversation).toMatchObject({ think: false, options: { temperature: 0.5 }, system: undefined });
  });

  test.each([
    ['/set parameter temperature -1', "! temperature takes a number of at least 0, not '-1'."],
    ['/set parameter num_ctx 0', "! num_ctx takes a whole number of at least 1, not '0'."],
    ['/set parameter tempo 1', "! Unknown parameter 'tempo'."],
    ['/think hard', "! Thinking is on, off, low, medium, high or max, not 'hard'."],
    ['/set format xml', '! The format is json'],
    ['/set nohistory', '--no-history'],
    ['/set wordwrap', 'Lines are wrapped'],
  ])('%s is answered kindly', async (line, told) => {
    const { chat, played } = await open();
    expect(await played.say(line)).toContain(told);
    expect(chat.asked()).toEqual([]);
    expect(played.dialogue.conversation().options).toEqual({});
  });
});

describe('/model', () => {
  test('lists the installed ones', async () => {
    const { chat, played } = await open();
    expect(await played.say('/model')).toBe('models: m, other:1b, embedder (m)');
    expect(await played.say('/list')).toBe('models: m, other:1b, embedder (m)');
    const tagged = await play(chat.url, { model: 'm:latest' });
    expect(await tagged.say('/model')).toBe('models: m, other:1b, embedder (m)');
  });

  test('goes on with another one, and keeps the conversation', async () => {
    const { chat, played } = await open({ conversation: { think: true } });
    await played.say('Hi');
    expect(await played.say('/model other:1b')).toBe(
      `# other:1b on 127.0.0.1:${chat.server.port} | /help\nother:1b can't think.`,
    );
    await played.say('And you?');
    expect(chat.asked()[1]?.model).toBe('other:1b');
    expect(chat.talked()[1]).toEqual(['user: Hi', 'assistant: ok', 'user: And you?']);
    await played.recorder?.flush();
    expect(await readSession(stateOf(played), played.recorder?.id ?? '')).toMatchObject({
      model: 'other:1b',
    });
  });

  test.each([
    ['/model embedder', {}, /makes embeddings.*Still talking to m\./],
    ['/model a b', {}, /takes one name/],
    ['/model ..', {}, /Still talking to m\./],
    [
      '/model other:1b',
      { env: { OLLAMA_CLI_ALLOWED_MODELS: 'm' } },
      /not among the allowed models.*Still talking to m\./s,
    ],
    ['/model othr:1b', {}, /Still talking to m\./],
  ])('%s stays with the first', async (line, options, told) => {
    const { played } = await open(options);
    expect(await played.say(line)).toMatch(told);
    expect(played.dialogue.conversation().model).toBe('m');
  });

  test('offers to pull one that is missing, and says which is near', async () => {
    const { played } = await open();
    await played.say('/model othr:1b');
    expect(played.questions[0]).toMatchObject({
      title: expect.stringMatching(/^othr:1b is not installed on 127/) as string,
      details: ['Did you mean other:1b?'],
      choices: [{ key: 'near-0', label: 'go on with other:1b', letter: 'g' }, { key: 'pull' }, { key: 'no' }],
    });
  });

  test('goes on with the one that is near, where that may be used', async () => {
    const { played } = await open({ chooses: ['near-0'] });
    expect(await played.say('/model othr:1b')).toMatch(/^# other:1b on 127/);
    expect(played.dialogue.conversation().model).toBe('other:1b');
    const strict = await open({
      chooses: ['near-0'],
      env: { OLLAMA_CLI_ALLOWED_MODELS: 'm,othr:*' },
    });
    expect(await strict.played.say('/model othr:1b')).toMatch(/not among the allowed.*Still talking to m\./s);
  });

  test('has a question answered by the one that is near where its own is gone', async () => {
    const chat = await chatServer(({ model }) =>
      model === 'othr:1b'
        ? { status: 404, body: [`{"error":"model 'othr:1b' not found"}`] }
        : { body: answerLines(['ok']) },
    );
    const played = await play(chat.url, { model: 'othr:1b', chooses: ['near-0'] });
    await played.say('Hi');
    expect(played.dialogue.conversation().model).toBe('other:1b');
    expect(played.dialogue.conversation().messages.at(-1)?.content).toBe('ok');
  });
});

describe('files', () => {
  const withFiles = async (...answers: string[]) => {
    const home = makeFolder();
    writeFileSync(path.join(home, 'notes.txt'), 'milk\n');
    writeFileSync(path.join(home, 'cat.png'), PNG);
    writeFileSync(path.join(home, 'cat.md'), 'cat\n');
    return { ...(await open({ home, edits: (text) => `${text}!` }, ...answers)), home };
  };

  test('/file goes with the next message, and no other', async () => {
    const { chat, played } = await withFiles();
    expect(await played.say('/file notes.txt')).toBe(
      'attached notes.txt (5 B): it goes with your next message.',
    );
    expect(played.dialogue.status()).toEqual(['1 attached to the next message']);
    expect(await played.say('/file')).toBe('attached notes.txt (5 B)');
    await played.say('/file cat.md');
    const shown = played.blocks.length;
    expect(await played.say('/file')).toBe('attached notes.txt (5 B)\nattached cat.md (4 B)');
    expect(played.blocks).toHaveLength(shown + 1);
    await played.say('/file none');
    await played.say('/file notes.txt');
    await played.say('What is missing?');
    await played.say('And now?');
    expect(chat.talked()[0]?.[0]).toMatch(/^user: What is missing\?\n\nnotes\.txt:\n```txt\nmilk\n```$/);
    expect(chat.talked()[1]?.at(-1)).toBe('user: And now?');
  });

  test('go along with a question that is edited, or taken back', async () => {
    const { chat, played } = await withFiles();
    await played.say('/file notes.txt');
    await played.say('What is missing?');
    await played.say('/edit');
    expect(played.edited).toEqual(['What is missing?']);
    expect(chat.talked()[1]?.[0]).toMatch(/^user: What is missing\?!\n\nnotes\.txt:/);
    await played.say('/undo');
    expect(played.given).toEqual(['What is missing?!']);
    expect(await played.say('/file')).toBe('attached notes.txt (5 B)');
    expect(await played.say('/file none')).toBe('Nothing is attached any more.');
    await played.say('Hi');
    expect(chat.talked().at(-1)).toEqual(['user: Hi']);
  });

  test('images of a kept question are given back with it, and sent again', async () => {
    const image = PNG.toString('base64');
    const messages = [{ role: 'user', content: 'What is it?', images: [image] }];
    const { chat, played } = await open({ model: 'other:1b', conversation: { messages } });
    await played.say('/undo');
    expect(played.given).toEqual(['What is it?']);
    expect(await played.say('/file')).toBe('attached image 1 (image, 16 B)');
    await played.say('What is that?');
    expect(chat.asked().at(-1)?.messages).toEqual([{ ...messages[0], content: 'What is that?' }]);
  });

  test('@path in a text adds a file, and says so', async () => {
    const { chat, played } = await withFiles();
    expect(await played.say('See @notes.txt, please')).toContain('notes.txt (5 B)');
    expect(chat.talked()[0]?.[0]).toContain('milk');
  });

  test('an image is refused where the model cannot see, and the text is given back', async () => {
    const { chat, played } = await withFiles();
    expect(await played.say('/image cat.png')).toMatch(/can't see images.*other:1b/s);
    expect(await played.say('What is @cat.png ?')).toMatch(/can't see images/);
    expect(played.given).toEqual(['What is @cat.png ?']);
    expect(chat.asked()).toEqual([]);
    expect(played.dialogue.conversation().messages).toEqual([]);
    await played.say('/model other:1b');
    expect(await played.say('/image cat.png')).toContain('attached cat.png (image, 16 B)');
    await played.say('What is it?');
    expect(chat.asked()[0]?.messages[0]?.images).toEqual([PNG.toString('base64')]);
  });

  test.each([
    ['/file gone.txt', /There is no file gone\.txt/],
    ['/file cat.png', /is an image/],
    ['/image notes.txt', /no image/],
    ['/file none', /Nothing was attached/],
    ['/image', /Nothing is attached: \/file PATH/],
  ])('%s is told', async (line, told) => {
    const { played } = await withFiles();
    expect(await played.say(line)).toMatch(told);
  });
});

describe('/copy', () => {
  test.each([
    ['/copy', CODE],
    ['/copy 1', 'let a = 1;'],
    ['/copy 2', 'b'],
  ])('%s goes to the terminal', async (line, text) => {
    const { played } = await open({}, CODE);
    await played.say('Code?');
    expect(await played.say(line)).toMatch(/^Sent to the terminal's clipboard/);
    expect(played.sent).toEqual([`\u001b]52;c;${Buffer.from(text).toString('base64')}\u0007`]);
  });

  test('says what there is to copy', async () => {
    const { played } = await open({}, CODE);
    expect(await played.say('/copy')).toBe('There is no answer to copy yet.');
    await played.say('Code?');
    expect(await played.say('/copy 3')).toBe('The last answer has 2 blocks of code.');
    expect(await played.say('/copy x')).toMatch(/takes the number of a block/);
    expect(played.sent).toEqual([]);
  });

  test.skipIf(process.platform === 'win32')("goes to the system's own clipboard too", async () => {
    const bin = makeFolder();
    const out = path.join(bin, 'copied');
    writeFileSync(path.join(bin, 'wl-copy'), `#!/bin/sh\n/bin/cat > '${out}'\n`);
    await chmod(path.join(bin, 'wl-copy'), 0o755);
    const { played } = await open({ env: { PATH: bin, WAYLAND_DISPLAY: 'wayland-0' } }, 'wörds\u001b[31m');
    await played.say('Hi');
    expect(await played.say('/copy')).toBe('Copied (10 B), by wl-copy.');
    // Without the escape: what is pasted is what was seen.
    expect(readFileSync(out, 'utf8')).toBe('wörds[31m');
  });
});

describe('kept conversations', () => {
  test('/save names this one, /sessions lists it, /load goes on with it', async () => {
    const { chat, played } = await open({}, 'one', 'two', 'three');
    await played.say('Hi');
    expect(await played.say('/save My talk')).toBe('Kept as "My talk": /load My talk goes on with it.');
    const other = await play(chat.url, { home: played.home });
    expect(await other.say('/sessions')).toMatch(
      /^\S+ = My talk, m, just now\n\/load ID goes on with one\.$/,
    );
    expect(await other.say('/load my talk')).toBe(
      `# m on 127.0.0.1:${chat.server.port} | /help\n> Hi\n< one`,
    );
    await other.say('More');
    expect(chat.talked().at(-1)).toEqual(['user: Hi', 'assistant: one', 'user: More']);
    await other.dialogue.close();
    const [kept] = await listSessions(stateOf(played));
    expect(kept).toMatchObject({ title: 'My talk', turns: 2, id: played.recorder?.id });
  });

  test('/save names its id where another one has the same name', async () => {
    const { chat, played } = await open({}, 'one');
    await played.say('Hi');
    await played.say('/save Same');
    const other = await play(chat.url, { home: played.home });
    await other.say('Hi');
    expect(await other.say('/save Same')).toBe(
      `Kept as "Same": /load ${other.recorder?.id} goes on with it.`,
    );
  });

  test('/load of what is not there points to the list that the chat has', async () => {
    const { played } = await open({}, 'one');
    await played.say('Hi');
    expect(await played.say('/load zzzzzz')).toBe(
      '! No kept conversation is "zzzzzz". [/sessions lists them]',
    );
  });

  test('/export says in words why it can not write', async () => {
    const { played } = await open({}, 'one');
    await played.say('Hi');
    expect(await played.say('/export nope/x.md')).toBe(
      "! nope/x.md can't be written: there is no such folder.",
    );
  });

  test('/save begins to keep one that was not', async () => {
    const { played } = await open({ keeps: false, conversation: { system: 'Be brief.' } });
    await played.say('Hi');
    expect(existsSync(path.join(played.home, 'ollama-cli', 'sessions'))).toBe(false);
    expect(await played.say('/save')).toMatch(/^Kept from now on/);
    await played.say('More');
    await played.dialogue.close();
    const [kept] = await listSessions(stateOf(played));
    const session = await readSession(stateOf(played), kept?.id ?? '');
    expect(session.conversation).toMatchObject({
      system: 'Be brief.',
      messages: played.dialogue.conversation().messages,
    });
  });

  test('/load of a model goes on with it; of nothing, says what is near', async () => {
    const { played } = await open();
    expect(await played.say('/load other:1b')).toContain('# other:1b on');
    expect(await played.say('/load nothing')).toMatch(/^! No kept conversation is "nothing"\./);
    expect(await played.say('/sessions')).toBe('No conversation is kept yet.');
  });

  test('/load refuses what the allowed models do not name', async () => {
    const { chat, played } = await open();
    await played.say('Hi');
    await played.recorder?.flush();
    const other = await play(chat.url, {
      home: played.home,
      model: 'other:1b',
      env: { OLLAMA_CLI_ALLOWED_MODELS: 'other*' },
    });
    expect(await other.say(`/load ${played.recorder?.id ?? ''}`)).toMatch(/not among the allowed models/);
    expect(other.dialogue.conversation().messages).toEqual([]);
  });

  test('one that is taken up again shows its last turns, and can be gone on with', async () => {
    const messages = [1, 2, 3, 4, 5].flatMap((n) => [
      { role: 'user', content: `q${n}` },
      { role: 'assistant', content: `a${n}` },
    ]);
    const { played } = await open({ conversation: { messages } });
    expect(played.blocks.slice(1).map(lineOf)).toEqual([
      '2 earlier turns are not shown.',
      ...['> q3', '< a3', '> q4', '< a4', '> q5', '< a5'],
    ]);
  });
});

describe('/export', () => {
  test('writes Markdown or JSON, and replaces nothing unasked', async () => {
    const { played } = await open({ chooses: ['no', 'yes'] });
    await played.say('Hi');
    expect(await played.say('/export talk.md')).toMatch(/^Written to talk\.md \(/);
    const file = path.join(played.home, 'talk.md');
    expect(readFileSync(file, 'utf8')).toContain('Hi');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(file, 'mine');
    expect(await played.say('/export talk.md')).toBe('Nothing was written.');
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect(await played.say('/export talk.md')).toMatch(/^Written/);
    expect(readFileSync(file, 'utf8')).toContain('Hi');
    await played.say('/export "my talk.json"');
    expect(JSON.parse(readFileSync(path.join(played.home, 'my talk.json'), 'utf8'))).toMatchObject({
      model: 'm',
      messages: played.dialogue.conversation().messages,
    });
  });

  test('writes one that is not kept too, and says what is wrong with a name', async () => {
    const { played } = await open({ keeps: false });
    expect(await played.say('/export a.md')).toBe('Nothing was said yet.');
    await played.say('Hi');
    expect(await played.say('/export a.txt')).toContain('FILE.md, or FILE.json');
    expect(await played.say('/export none/a.md')).toMatch(/^! none\/a\.md can't be written/);
    expect(await played.say('/export ~/a.json')).toMatch(/^Written to ~\/a\.json/);
    expect(readFileSync(path.join(played.home, 'a.json'), 'utf8')).toContain('"Hi"');
  });
});

describe('what is told', () => {
  test('/stats sums up the answers', async () => {
    const { played } = await open();
    expect(await played.say('/stats')).toContain('answers = 0');
    await played.say('Hi');
    await played.say('Hi');
    expect((await played.say('/stats')).split('\n')).toEqual([
      'model = m',
      'turns = 2',
      'answers = 2',
      'tokens read = 20',
      'tokens written = 2',
      'speed = 1.0 tokens a second',
      'time = 4s',
      'context = 11 of 4k (0 %)',
    ]);
  });

  test('/show has what holds for the conversation', async () => {
    const { played } = await open({ conversation: { options: { num_ctx: 2048, stop: ['a b'] } } });
    const shown = await played.say('/show');
    expect(shown).toMatch(/^model = m\nserver = 127/);
    expect(shown).toContain(`kept as = ${played.recorder?.id ?? '-'}`);
    expect(shown).toContain('context = 2k');
    expect(shown).toContain('stop = "a b"');
  });

  test.each([
    ['/show info', /architecture = tiny\n.*license = MIT…/s],
    ['/show license', /^MIT\nmore$/],
    ['/show modelfile', /^FROM m$/],
    ['/show template', /^\{\{ \.Prompt \}\}$/],
    ['/show parameters', /^seed = 1 \(of this conversation\)\ntemperature = 0\.1 \(the model's own\)$/],
    ['/show system', /^The model's own:\nOwn\.$/],
    ['/show tools', /^No functions are offered/],
    ['/show lisence', /Did you mean '\/show license'/],
    ['/help copy', /^\/copy, \/copy 1 = copies/],
    ['/help nothing', /^There is no command \/nothing/],
    ['/?', /\/retry = .*Ctrl-C = /s],
    ['/set', /\/set parameter NAME VALUE = /],
  ])('%s', async (line, told) => {
    const { played } = await open({ conversation: { options: { seed: 1 } } });
    expect(await played.say(line)).toMatch(told);
  });

  test.each(['/bye', '/exit', '/quit'])('%s leaves', async (line) => {
    const { played } = await open();
    expect(await played.say(line)).toBe('');
    expect(played.left()).toBe(true);
  });
});
