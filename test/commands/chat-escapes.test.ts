import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox } from '../../src/sandbox/server.js';
import { serve, type FaultServer, type Script } from '../support/fault-server.js';
import { run, TERMINAL } from '../support/run.js';
import { keepHostileSession } from '../support/hostile-session.js';
import { foreignSequences, HOSTILE, hostile } from '../support/sequences.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chat-escapes-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let server: FaultServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const line = (fields: object): string => `${JSON.stringify({ model: 'm', done: false, ...fields })}\n`;
const END = line({
  message: { role: 'assistant', content: '' },
  done: true,
  done_reason: 'stop',
  eval_count: 1,
});

function answer(message: object): string {
  return line({ message: { role: 'assistant', content: '', ...message } });
}

/** Runs on a terminal, where nothing but what is ours may be written. */
async function runOnTerminal(
  argv: readonly string[],
  host: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly text: string }> {
  const ran = await run(argv, host, { ...TERMINAL, cwd: folder, env: { OLLAMA_NOHISTORY: '1', ...env } });
  const written = ran.stdout + ran.stderr;
  const isColored = !argv.includes('never');
  expect(foreignSequences(written, { styles: isColored, links: isColored })).toEqual([]);
  return { code: ran.code, text: written };
}

describe('what a model says', () => {
  // Character references become characters only after all else was cleaned.
  const REFERENCES = ['&#27;[5m', '&#x9b;5m', '&#7;', '&#x202e;', '&#8232;', '&#xd800;', '&#0;'];
  const MARKDOWN = [
    ...['**', '`', '```\n', '```js\nlet x = 1', '[', '](', ')', '](http://e.com/', '<http://e.com/', '>'],
    ...[
      '| a | b |\n|---|---|\n| ',
      ' | ',
      '\n\n',
      '\n',
      '# ',
      '- ',
      '> ',
      '![',
      'http://e.com/a',
      'ê 日本',
      '😀',
    ],
  ];
  const pieces = fc.array(fc.constantFrom(...HOSTILE, ...REFERENCES, ...MARKDOWN, 'word ', '\r', '\r\n'), {
    minLength: 1,
    maxLength: 25,
  });
  const WAYS = [['--color', 'never'], ['--color', 'always'], ['--no-markdown'], ['--accessible']];

  test.each(WAYS.map((flags) => [flags] as const))(
    'and thinks, however it is cut, tells the terminal nothing (%j)',
    async (flags) => {
      let body: string[] = [];
      server = await serve(() => ({ body }));
      const host = server.url;
      await fc.assert(
        fc.asyncProperty(pieces, pieces, async (thoughts, words) => {
          body = [
            ...thoughts.map((thinking) => answer({ thinking })),
            ...words.map((content) => answer({ content })),
            END,
          ];
          expect((await runOnTerminal(['chat', 'm', 'x', ...flags], host)).code).toBe(0);
        }),
        { numRuns: 30 },
      );
    },
  );

  test('as a call of a function is told without them', async () => {
    const call = { function: { name: hostile('tool'), arguments: { [hostile('key')]: hostile('value') } } };
    server = await serve({ body: [answer({ tool_calls: [call] }), END] });
    const { text } = await runOnTerminal(['chat', 'm', 'x'], server.url);
    for (const word of ['tool', 'key']) expect(text).toContain(word);
  });

  test('in the sandbox, with its fault', async () => {
    const sandbox = await startSandbox({
      installed: ['qwen3:8b'],
      tokensPerSecond: Infinity,
      loadMs: 0,
      faults: [parseFault('escapes')],
    });
    onTestFinished(() => sandbox.close());
    const { text } = await runOnTerminal(['chat', 'qwen3:8b', 'Hi', '--color', 'always'], sandbox.url);
    expect(text).toContain('red<U+202E>detrever');
  });
});

describe('what a server says', () => {
  const script = (status: number, body: string): Script => ({ status, body: [body] });
  test.each<[string, Script]>([
    ['an error', script(500, JSON.stringify({ error: hostile('wrong') }))],
    [
      'an error line',
      { body: [answer({ content: 'One' }), `${JSON.stringify({ error: hostile('wrong') })}\n`] },
    ],
    [
      'a page',
      { status: 502, headers: { 'content-type': 'text/html' }, body: [`<title>${hostile('wrong')}</title>`] },
    ],
    ['a line that is no JSON', { body: [hostile('wrong')] }],
    ['a redirect', { status: 302, headers: { location: 'http://wrong/%1b]0;owned%07' }, body: [] }],
    [
      'what does not fit',
      script(400, JSON.stringify({ error: hostile('wrong exceeds the context length') })),
    ],
    [
      'why a function is refused',
      script(400, JSON.stringify({ error: hostile('wrong: does not support tools') })),
    ],
  ])('%s reaches the terminal without them', async (_, said) => {
    server = await serve(said);
    for (const flags of [[], ['--color', 'always'], ['--accessible']]) {
      const { code } = await runOnTerminal(['chat', 'm', 'x', ...flags], server.url);
      expect(code).toBeGreaterThan(0);
    }
  });

  test('as the name of an installed model is told without them', async () => {
    const name = hostile('evil');
    const details = {
      family: hostile('f'),
      parameter_size: '1B',
      quantization_level: hostile('q'),
      format: 'gguf',
    };
    const models = [
      { name, model: name, size: 1, digest: 'a'.repeat(64), modified_at: '2026-01-01T00:00:00Z', details },
    ];
    server = await serve(({ url }) => {
      if (url === '/api/tags') return { body: [JSON.stringify({ models })] };
      if (url === '/api/show')
        return { body: ['{"capabilities":["completion","vision","tools"],"model_info":{}}'] };
      return { body: [answer({ content: 'ok' }), END] };
    });
    const { text } = await runOnTerminal(['chat', '--auto', 'x', '--color', 'always'], server.url);
    expect(text).toContain('evil');
    server = await serve(({ url }) =>
      url === '/api/tags'
        ? { body: [JSON.stringify({ models: [{ ...models[0], name: `evil\u001b[5m:latest` }] })] }
        : script(404, '{"error":"model \'evi\' not found"}'),
    );
    expect((await runOnTerminal(['chat', 'evil:lates', 'x'], server.url)).text).toContain('evil');
  });
});

describe('what a person names', () => {
  const bad = 'bad\u001b]0;owned\u0007\u009b5m\u202e.txt';

  test.each([
    ['a file', ['m', 'x', '--file', bad]],
    ['an image', ['m', 'x', '--image', bad]],
    ['a file in the prompt', ['m', `look at @${bad}`]],
    ['a model', [hostile('m').replaceAll('\u0000', ''), 'x']],
    ['a session', ['m', 'x', '--resume', bad]],
    ['a preset', ['--preset', bad, 'x']],
    ['an option', ['m', 'x', '--option', `${bad}=1`]],
    ['a format', ['m', 'x', '--format', bad]],
    ['an MCP server', ['m', 'x', '--mcp', bad]],
    ['a batch', ['m', '--batch', bad]],
    ['an output', ['m', 'x', '--output', `absent/${bad}`]],
  ])('%s that is not there is told without them', async (_, argv) => {
    server = await serve(({ url }) => {
      if (url === '/api/show') return { body: ['{"capabilities":["completion","vision"],"model_info":{}}'] };
      if (url === '/api/tags') return { body: ['{"models":[]}'] };
      return { status: 404, body: ['{"error":"model not found"}'] };
    });
    expect((await runOnTerminal(['chat', ...argv], server.url)).code).toBeGreaterThan(0);
  });

  test('a file that is there is sent under its name, and told without them', async () => {
    writeFileSync(path.join(folder, bad), 'a \u001b[5mtext\n');
    server = await serve(({ url }) =>
      url === '/api/show'
        ? { body: ['{"capabilities":["completion"],"model_info":{}}'] }
        : { body: [answer({ content: 'ok' }), END] },
    );
    expect((await runOnTerminal(['chat', 'm', 'x', '--file', bad], server.url)).code).toBe(0);
    expect((await runOnTerminal(['chat', 'm', `x @${bad}`], server.url)).code).toBe(0);
  });
});

test('a kept conversation is listed, shown, found and exported without them', async () => {
  const env = { XDG_STATE_HOME: path.join(folder, 'state'), OLLAMA_NOHISTORY: '' };
  keepHostileSession(path.join(folder, 'state'), [
    { type: 'settings', system: hostile('system'), model: hostile('m') },
  ]);
  const host = '127.0.0.1:1';
  for (const flags of [[], ['--color', 'always'], ['--accessible']]) {
    for (const argv of [
      ['list'],
      ['list', '-q'],
      ['show', '20260101'],
      ['search', 'needle'],
      ['export', '20260101'],
      ['show', hostile('absent').replaceAll('\u0000', '')],
      ['rm', 'absent\u001b[5m', '--yes'],
    ]) {
      await runOnTerminal(['sessions', ...argv, ...flags], host, env);
    }
  }
  const shown = await runOnTerminal(['sessions', 'show', '20260101'], host, env);
  for (const word of ['needle', 'tool', 'title']) expect(shown.text).toContain(word);
  const removed = await runOnTerminal(['sessions', 'rm', '20260101', '--yes'], host, env);
  expect(removed.code).toBe(0);
});
