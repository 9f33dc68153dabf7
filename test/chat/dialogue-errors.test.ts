import { describe, expect, onTestFinished, test } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox } from '../../src/sandbox/server.js';
import { ESCAPES } from '../support/run.js';
import type { Script } from '../support/fault-server.js';
import { answerLines, chatServer, lineOf, play, tokenLines } from './stage.js';

const NO_RETRIES = { OLLAMA_CLI_RETRY__ATTEMPTS: '1' };
const refusal = (status: number, error: string): Script => ({ status, body: [JSON.stringify({ error })] });

const STAYS = 'Your question stays: /retry asks it again.';
const GOES_ON = '/retry asks again, /continue goes on.';

describe('no failure of a server ends a conversation', () => {
  test.each<[string, Script, RegExp, boolean]>([
    [
      'a queue that is full',
      refusal(503, 'server busy, please try again.  maximum pending requests exceeded'),
      /server busy/,
      false,
    ],
    ['a cut at once', { body: [], then: 'reset' }, /broke off|cut/, false],
    ['a cut in the middle', { body: tokenLines('One', ' two'), then: 'reset' }, /; kept 2 tokens\./, true],
    ['a stream without its end', { body: tokenLines('One', ' two') }, /in the middle; kept 2 tokens\./, true],
    [
      'a model that dies',
      {
        body: [
          ...tokenLines('One', ' two'),
          '{"error":"llama runner process has terminated: signal: killed"}\n',
        ],
      },
      /signal: killed; kept 2 tokens\. .*num_ctx/,
      true,
    ],
    [
      'too little memory',
      refusal(500, 'model requires more system memory (5.6 GiB) than is available (3.2 GiB)'),
      /5\.6 GiB.*num_ctx.*\/model NAME/,
      false,
    ],
    [
      'a page of a proxy',
      { status: 502, headers: { 'content-type': 'text/html' }, body: ['<title>Bad</title>'] },
      /not Ollama/,
      false,
    ],
    ['a line that is no JSON', { body: [...tokenLines('One', ' two'), 'hm\n'] }, /kept 2 tokens/, true],
  ])('%s', async (_, failure, told, comesPart) => {
    const chat = await chatServer(failure, { body: answerLines([' three']) });
    const played = await play(chat.url, { env: NO_RETRIES });
    const shown = await played.say('Count');
    expect(shown).toMatch(told);
    expect(shown).toContain(comesPart ? GOES_ON : STAYS);
    expect(shown).not.toContain('the same command');
    expect(played.dialogue.conversation().messages).toEqual([
      { role: 'user', content: 'Count' },
      ...(comesPart ? [{ role: 'assistant', content: 'One two' }] : []),
    ]);
    await played.say(comesPart ? '/continue' : '/retry');
    expect(chat.talked().at(-1)).toEqual(['user: Count', ...(comesPart ? ['assistant: One two'] : [])]);
    expect(played.dialogue.conversation().messages.at(-1)?.content).toBe(
      comesPart ? 'One two three' : ' three',
    );
  });

  test('a server that is gone', async () => {
    const chat = await chatServer({ body: answerLines(['One']) });
    const played = await play(chat.url, { env: NO_RETRIES });
    await played.say('1');
    await chat.server.close();
    const shown = await played.say('2');
    expect(shown).toMatch(/No Ollama server/);
    expect(shown).toContain(STAYS);
    expect(shown).toContain('ollama serve');
    expect(shown).not.toContain('sandbox');
    expect(played.dialogue.conversation().messages).toHaveLength(3);
    expect(await played.say('/model')).toMatch(/refused/);
  });

  test('an answer that goes on and breaks off at once is as it was', async () => {
    const cut: Script = { body: tokenLines('One'), then: 'reset' };
    const chat = await chatServer(cut, { body: [], then: 'reset' });
    const played = await play(chat.url, { env: NO_RETRIES });
    await played.say('Count');
    expect(await played.say('/continue')).toContain(GOES_ON);
    expect(played.dialogue.conversation().messages.at(-1)).toEqual({ role: 'assistant', content: 'One' });
  });

  test('a bad image is told with a way out', async () => {
    const chat = await chatServer(
      refusal(
        500,
        'Failed to create new sequence: failed to process inputs: this model is missing data required for image input',
      ),
    );
    const played = await play(chat.url, {
      env: NO_RETRIES,
      conversation: { messages: [{ role: 'user', content: 'a', images: ['AAAA'] }] },
    });
    expect(await played.say('/retry')).toMatch(/image input.*\/undo takes the question back/s);
  });
});

test.each([
  ['cut@50%', /kept \d+ tokens/],
  ['error-line@50%', /kept \d+ tokens/],
  ['no-done', /in the middle; kept \d+ tokens/],
  ['500', /! /],
  ['503', /server busy/],
  ['html', /not Ollama/],
  ['html-200', /! /],
  ['401', /! /],
])("the sandbox's fault %s leaves the text, and /retry goes on", async (fault, told) => {
  const sandbox = await startSandbox({ installed: ['llama3.2:1b'], tokensPerSecond: Infinity, loadMs: 1 });
  onTestFinished(() => sandbox.close());
  const played = await play(sandbox.url, { model: 'llama3.2:1b', env: NO_RETRIES });
  sandbox.setFaults([parseFault(fault)]);
  expect(await played.say('count to 40')).toMatch(told);
  expect(played.dialogue.conversation().messages[0]).toEqual({ role: 'user', content: 'count to 40' });
  sandbox.setFaults([]);
  expect(await played.say('/retry')).toBe('');
  const { messages } = played.dialogue.conversation();
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
  expect(messages[1]?.content).toMatch(/ 39 40$/);
});

describe('what a model refuses', () => {
  test('thinking is said once, and left out from then on for this model alone', async () => {
    const answer = ({ think, model }: { think?: unknown; model: string }): Script =>
      think === undefined || model !== 'm'
        ? { body: answerLines(['ok']) }
        : refusal(400, '"m" does not support thinking');
    const chat = await chatServer(answer);
    const played = await play(chat.url, { conversation: { think: 'high' } });
    expect(await played.say('1')).toBe('m does not think: it answers at once.');
    expect(await played.say('2')).toBe('');
    expect(chat.asked().map(({ think }) => think)).toEqual(['high', undefined, undefined]);
    expect(played.events.some(({ type }) => type === 'error')).toBe(false);
    await played.say('/model other:1b');
    await played.say('3');
    expect(chat.asked().at(-1)).toMatchObject({ model: 'other:1b', think: 'high' });
  });

  test('functions are left out the same way', async () => {
    const answer = ({ tools }: { tools?: unknown }): Script =>
      tools === undefined
        ? { body: answerLines(['ok']) }
        : refusal(400, 'registry.ollama.ai/library/m:latest does not support tools');
    const chat = await chatServer(answer);
    const toolbox = {
      definitions: [{ type: 'function' as const, function: { name: 'now' } }],
      describe: () => ({ server: 's', description: '' }),
      call: () => Promise.resolve({ text: '', isError: false, ms: 0 }),
      close: () => Promise.resolve(),
    };
    const played = await play(chat.url, { toolbox });
    expect(await played.say('1')).toBe("m can't call functions: it answers without them.");
    expect(await played.say('2')).toBe('');
    expect(chat.asked().map(({ tools }) => tools === undefined)).toEqual([false, true, true]);
  });
});

describe('functions', () => {
  test('that are stopped leave a turn that can be gone on with', async () => {
    let begun: () => void = () => undefined;
    const isCalled = new Promise<void>((resolve) => (begun = resolve));
    const slow = {
      ...toolbox,
      call: async () => {
        begun();
        return await new Promise<never>(() => undefined);
      },
    };
    const chat = await chatServer({ body: asks }, { body: answerLines(['Noon.']) });
    const played = await play(chat.url, { toolbox: slow, allowedTools: ['now'] });
    const said = played.say('What time is it?');
    await isCalled;
    expect(played.dialogue.status()[0]).toMatch(/^calling functions, \d+s$/);
    played.dialogue.stop();
    expect(await said).toBe('Stopped. /continue goes on.');
    await played.say('/continue');
    expect(played.dialogue.conversation().messages.map(({ role }) => role)).toEqual([
      ...['user', 'assistant', 'tool', 'assistant'],
    ]);
  });

  const call = { function: { name: 'now', arguments: { zone: 'UTC' } } };
  const asks = answerLines([], {}).map((line) =>
    line.replace('"content":""', `"content":"","tool_calls":[${JSON.stringify(call)}]`),
  );
  const toolbox = {
    definitions: [{ type: 'function' as const, function: { name: 'now' } }],
    describe: () => ({ server: 'clock', description: 'The time.' }),
    call: () => Promise.resolve({ text: '12:00', isError: false, ms: 1 }),
    close: () => Promise.resolve(),
  };

  test.each([
    ['once', '12:00'],
    ['no', /refused/],
  ])('are called where the person says %s', async (chosen, result) => {
    const chat = await chatServer({ body: asks }, { body: answerLines(['Noon.']) });
    const played = await play(chat.url, { toolbox, chooses: [chosen] });
    await played.say('What time is it?');
    expect(played.questions[0]?.title).toBe('Call now of clock?');
    const { messages } = played.dialogue.conversation();
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant']);
    expect(messages[2]?.content).toMatch(result);
    expect(chat.asked()[1]?.messages).toHaveLength(3);
    await played.say('/undo');
    expect(played.dialogue.conversation().messages).toEqual([]);
  });

  test('that --allow-tool names are called without a question', async () => {
    const chat = await chatServer({ body: asks }, { body: answerLines(['Noon.']) });
    const played = await play(chat.url, { toolbox, allowedTools: ['n*'] });
    await played.say('What time is it?');
    expect(played.questions).toEqual([]);
    expect(await played.say('/show tools')).toBe('now = The time., clock');
  });
});

describe('a window that is too small', () => {
  const overflow = refusal(
    400,
    'the prompt is longer than the context length currently available to the model; limit 4096',
  );
  const talked = {
    messages: [
      { role: 'user', content: '1' },
      { role: 'assistant', content: 'one' },
    ],
  };

  test('may be made larger', async () => {
    const chat = await chatServer(overflow, { body: answerLines(['ok']) });
    const played = await play(chat.url, { chooses: ['num_ctx'], conversation: talked });
    expect(await played.say('2')).toMatch(/num_ctx is 8192 now/);
    expect(chat.asked().map(({ options }) => options)).toEqual([undefined, { num_ctx: 8192 }]);
  });

  test('may lose its oldest turns', async () => {
    const chat = await chatServer(overflow, { body: answerLines(['ok']) });
    const played = await play(chat.url, { chooses: ['drop'], conversation: talked });
    await played.say('2');
    expect(chat.talked()).toEqual([['user: 1', 'assistant: one', 'user: 2'], ['user: 2']]);
  });

  test('may be summed up', async () => {
    const chat = await chatServer(overflow, { body: answerLines(['Sum.']) }, { body: answerLines(['ok']) });
    const played = await play(chat.url, { chooses: ['compact'], conversation: talked });
    await played.say('2');
    expect(chat.talked().at(-1)?.[0]).toContain('Sum.');
    expect(chat.talked().at(-1)?.at(-1)).toBe('user: 2');
  });

  test('gives the question back where the person turns away', async () => {
    const chat = await chatServer(overflow);
    const played = await play(chat.url, { conversation: talked });
    await played.say('2');
    expect(played.given).toEqual(['2']);
    expect(played.dialogue.conversation().messages).toEqual(talked.messages);
    expect(chat.asked()).toHaveLength(1);
  });
});

describe('an answer that fills the window, and is gone on with', () => {
  test('stays where the person turns away', async () => {
    const overflow = refusal(400, 'the input length exceeds the context length');
    const chat = await chatServer({ body: answerLines(['half'], { done_reason: 'length' }) }, overflow);
    const played = await play(chat.url);
    await played.say('1');
    const before = played.dialogue.conversation();
    expect(await played.say('/continue')).toBe('The conversation is as it was.');
    expect(played.questions[0]?.title).toMatch(/does not fit/);
    expect(played.dialogue.conversation()).toEqual(before);
    expect(played.given).toEqual([]);
    expect(played.questions[0]?.choices.at(-1)?.label).toBe('stop; all stays as it is');
  });
});

describe('of the sandbox, a window that is too small', () => {
  const long = 'word '.repeat(1200);
  const options = { num_ctx: 512 };

  test('is a choice where the server tells', async () => {
    const sandbox = await startSandbox({ installed: ['llama3.2:1b'], tokensPerSecond: Infinity, loadMs: 1 });
    onTestFinished(() => sandbox.close());
    const played = await play(sandbox.url, {
      model: 'llama3.2:1b',
      conversation: { options },
      chooses: ['num_ctx'],
    });
    expect(await played.say(long)).toMatch(/^num_ctx is \d+ now/);
    expect(played.questions[0]?.title).toMatch(/^This conversation does not fit/);
    expect(played.dialogue.conversation().messages).toHaveLength(2);
  });

  test('is told where an old server cuts in silence', async () => {
    const sandbox = await startSandbox({
      installed: ['llama3.2:1b'],
      tokensPerSecond: Infinity,
      loadMs: 1,
      version: '0.5.13',
    });
    onTestFinished(() => sandbox.close());
    const played = await play(sandbox.url, { model: 'llama3.2:1b', conversation: { options } });
    expect(await played.say(long)).toMatch(/^\? The server seems to have left out the beginning/);
    expect(await played.say('Hi')).toBe('');
    const truncated = await play(sandbox.url, {
      model: 'llama3.2:1b',
      conversation: { options },
      truncate: true,
    });
    expect(await truncated.say(long)).toBe('');
  });
});

describe('a model that is missing', () => {
  test('is pulled if the person wants it, and then asked', async () => {
    let pulled = '';
    const missing = refusal(404, "model 'm' not found");
    const chat = await chatServer(missing, { body: answerLines(['ok']) });
    const played = await play(chat.url, {
      chooses: ['pull'],
      pull(model) {
        pulled = model;
        return Promise.resolve(true);
      },
    });
    expect(await played.say('Hi')).toBe('');
    expect(pulled).toBe('m');
    expect(played.dialogue.conversation().messages.at(-1)?.content).toBe('ok');
  });

  test('is not pulled where auto_pull is never, which is named', async () => {
    const chat = await chatServer(refusal(404, "model 'm' not found"));
    const played = await play(chat.url, { env: { OLLAMA_CLI_AUTO_PULL: 'never' } });
    const shown = await played.say('Hi');
    expect(shown).toMatch(/auto_pull is "never".*ollama-cli pull m/s);
    expect(shown).toContain('Your question stays');
    expect(played.questions).toEqual([]);
  });
});

test('a server that counts only what is new to it does not make the window look empty', async () => {
  const sandbox = await startSandbox({ installed: ['llama3.2:1b'], tokensPerSecond: Infinity, loadMs: 1 });
  onTestFinished(() => sandbox.close());
  sandbox.setFaults([parseFault('count-new')]);
  const played = await play(sandbox.url, { model: 'llama3.2:1b' });
  await played.say('count to 300');
  await played.say('Thanks');
  const [, context = ''] =
    /context about (\d+) of/.exec(played.ends[1]?.facts.map(({ text }) => text).join() ?? '') ?? [];
  expect(Number(context)).toBeGreaterThan(300);
  expect(await played.say('/stats')).toContain(`context = about ${context} of`);
});

test('a server that is down is told while the person types', async () => {
  const chat = await chatServer({ body: [] });
  await chat.server.close();
  const played = await play(chat.url, { warmUp: true, env: NO_RETRIES });
  while (played.blocks.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(played.blocks.slice(1).map(lineOf).join()).toMatch(/refused.*what you ask stays/s);
});

test('another model that is chosen is loaded in the place of the first, which nobody waits for any more', async () => {
  const loads = [{ body: [], then: 'stall' as const }, { body: answerLines([], { done_reason: 'load' }) }];
  const chat = await chatServer(...loads);
  const played = await play(chat.url, { warmUp: true });
  while (chat.asked().length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await played.say('/model other:1b');
  await expect.poll(() => chat.asked().map(({ model }) => model)).toEqual(['m', 'other:1b']);
  expect(await chat.server.requests.find(({ url }) => url === '/api/chat')?.finished).toBe(false);
  expect(played.blocks.filter(({ kind }) => kind === 'failure')).toEqual([]);
});

test('a question that is asked while the model loads says so, whatever the list of loaded ones says', async () => {
  const chat = await chatServer({ body: [], then: 'stall' });
  const played = await play(chat.url, { warmUp: true });
  while (chat.asked().length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  const said = played.say('Hi');
  while (chat.server.requests.filter(({ url }) => url === '/api/ps').length === 0)
    await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(played.dialogue.status()[0]).toMatch(/^seems to be loading the model/);
  played.dialogue.stop();
  await said;
});

test('a summary reaches the screen clean', async () => {
  const answer = { body: answerLines(['\u001b]0;owned\u0007\u001b[31mred']) };
  const chat = await chatServer(answer);
  const played = await play(chat.url);
  await played.say('1');
  await played.say('2');
  expect(await played.say('/compact')).not.toMatch(ESCAPES);
});

test('too little memory names the smaller models that hold a conversation', async () => {
  const sandbox = await startSandbox({
    installed: ['gemma3:4b', 'llama3.2:1b', 'all-minilm'],
    tokensPerSecond: Infinity,
    loadMs: 1,
    faults: [parseFault('oom')],
  });
  onTestFinished(() => sandbox.close());
  const played = await play(sandbox.url, { model: 'gemma3:4b', env: NO_RETRIES });
  const said = await played.say('Hi');
  expect(said).toContain('a smaller model: /model llama3.2:1b |');
  expect(said).not.toContain('a smaller one');
  expect(said).toContain('make room: ollama-cli stop --all');
});

test('nothing that comes from a server reaches the terminal raw', async () => {
  const chat = await chatServer(refusal(500, 'bad \u001b]0;title\u0007 \u001b[31m thing'));
  const played = await play(chat.url, { env: NO_RETRIES });
  expect(await played.say('Hi')).not.toMatch(ESCAPES);
  expect(await played.say('/model a\u001b[31mb')).not.toMatch(ESCAPES);
  expect(await played.say('/\u001b[31mmodel')).not.toMatch(ESCAPES);
});
