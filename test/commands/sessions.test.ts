import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { startConversation } from '../../src/core/chat.js';
import { startSandbox } from '../../src/sandbox/server.js';
import type { ChatMessage } from '../../src/core/wire.js';
import type { SessionEntry } from '../../src/sessions/entry.js';
import { readWanted, searchSession } from '../../src/sessions/search.js';
import { answer, METRICS, stateIo, user } from '../sessions/entries.js';
import { ESCAPES, run, schemaErrors, TERMINAL, type Ran } from '../support/run.js';
import type { TestIoOptions } from '../support/io.js';

const HOST = 'http://127.0.0.1:11434';
const NOW = Date.parse('2026-11-21T17:05:00Z');
const DAY = 24 * 3_600_000;

let home: string;
let folder: string;
beforeEach(() => {
  ({ home, folder } = stateIo());
});

/** Keeps a conversation of so many days ago. */
function keep(id: string, days: number, messages: readonly ChatMessage[], more: SessionEntry[] = []): void {
  const at = new Date(NOW - days * DAY).toISOString();
  const entries: SessionEntry[] = [
    { type: 'session', schema_version: 1, id, at, host: HOST, model: 'gemma3:1b' },
    ...messages.map((message): SessionEntry => {
      return message.role === 'assistant'
        ? { type: 'message', at, message, model: 'gemma3:1b', metrics: METRICS }
        : { type: 'message', at, message };
    }),
    ...more,
  ];
  mkdirSync(folder, { recursive: true });
  const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`);
  writeFileSync(path.join(folder, `${id}.jsonl`), lines.join(''));
}

async function sessions(args: readonly string[], options: TestIoOptions = {}): Promise<Ran> {
  const env = { HOME: home, ...options.env };
  return await run(['sessions', ...args], undefined, { now: () => NOW, ...options, env });
}

function keepThree(): void {
  keep('20261121-1000-aaaa', 0, [user('Why is the sky blue?'), answer('Because of Rayleigh scattering.')]);
  keep('20261111-1000-bbbb', 10, [user('Write a haiku\nabout the sea'), answer('Waves\nand   more waves')]);
  keep('20261001-1000-cccc', 51, [user('Sort a list in Go'), answer('Use `sort.Slice`.'), user('Thanks')]);
}

const left = (): string[] => readdirSync(folder).sort();

describe('sessions list', () => {
  it.each([[[]], [['list']]])('lists the last one first, for a person (%j)', async (args) => {
    keepThree();
    const ran = await sessions([...args, '--color', 'never'], TERMINAL);
    expect(ran.stderr).toBe('');
    expect(ran.stdout).toBe(`ID                  AGE          MODEL      TURNS  TITLE
20261121-1000-aaaa  just now     gemma3:1b      1  Why is the sky blue?
20261111-1000-bbbb  10 days ago  gemma3:1b      1  Write a haiku about the sea
20261001-1000-cccc  7 weeks ago  gemma3:1b      2  Sort a list in Go

3 conversations; go on with one: ollama-cli chat --resume 20261121-1000-aaaa
`);
  });

  it('fits its table into a narrow terminal', async () => {
    keepThree();
    const ran = await sessions([], { tty: true, columns: 40 });
    for (const line of ran.stdout.split('\n').slice(0, 4)) expect(line.length).toBeLessThanOrEqual(40);
    expect(ran.stdout).toContain('20261121-1000-aaaa');
  });

  it('gives a pipe every field, JSON a document, and -q the ids', async () => {
    keepThree();
    const piped = await sessions([]);
    expect(piped.stdout.split('\n')[0]).toBe('id\ttitle\tmodel\thost\tcreated_at\tupdated_at\tturns\ttokens');
    expect(piped.stdout.split('\n')[2]).toBe(
      `20261111-1000-bbbb\tWrite a haiku about the sea\tgemma3:1b\t${HOST}\t2026-11-11T17:05:00.000Z\t2026-11-11T17:05:00.000Z\t1\t15`,
    );
    const json = JSON.parse((await sessions(['--json', '--limit', '2'])).stdout) as { items: object[] };
    expect(schemaErrors('sessions', json)).toBe('');
    expect(json).toMatchObject({ total: 3, items: [{ id: '20261121-1000-aaaa', turns: 1 }, {}] });
    expect(json.items.length).toBe(2);
    expect((await sessions(['-q', '--limit', '1'])).stdout).toBe('20261121-1000-aaaa\n');
    expect((await sessions(['list', '--fields', 'turns,id', '--no-header', '--limit', '1'])).stdout).toBe(
      '1\t20261121-1000-aaaa\n',
    );
    const fields = await sessions(['--json', '--fields', 'title']);
    expect(JSON.parse(fields.stdout)).toMatchObject({
      total: 3,
      items: [{ title: 'Why is the sky blue?' }, {}, {}],
    });
  });

  it('an empty list is done, and says how to begin', async () => {
    const ran = await sessions([]);
    expect(ran).toMatchObject({
      code: 0,
      stderr: 'No conversation is kept yet. Start one: ollama-cli chat\n',
    });
    expect((await sessions([], TERMINAL)).stdout).toContain('No conversation is kept yet');
    expect((await sessions([], { env: { OLLAMA_NOHISTORY: '1' } })).stderr).toContain('none will be');
    expect(JSON.parse((await sessions(['--json'])).stdout)).toMatchObject({ items: [], total: 0 });
  });

  it.each([
    [['--limit', '0']],
    [['--limit', 'x']],
    [['--fields', 'size']],
    [['nonsense']],
    [['show']],
    [['search', ' ']],
    [['rm']],
    [['rm', 'x', '--all']],
    [['rm', '--older-than', 'soon']],
    [['export', 'aaaa', '--format', 'pdf']],
  ])('%j is a mistake of usage', async (args) => {
    keepThree();
    expect((await sessions(args)).code).toBe(2);
    expect(left().length).toBe(3);
  });

  it.each([
    [['serach', 'x'], 'Did you mean ollama-cli sessions search?'],
    [['list', 'all'], 'They are: list, show, search, export, rm.'],
  ])('%j says which subcommands there are', async (args, hint) => {
    const ran = await sessions([...args, '--json']);
    expect(ran.code).toBe(2);
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: 'usage', hint } });
  });

  it('passes over what is no conversation', async () => {
    keepThree();
    writeFileSync(path.join(folder, 'notes.txt'), 'x');
    writeFileSync(path.join(folder, '\u001b[31m.jsonl'), 'x');
    mkdirSync(path.join(folder, 'folder.jsonl'));
    writeFileSync(path.join(folder, '20261121-2222-dddd.jsonl'), '{"type":"mess');
    const ids = (await sessions(['-q'])).stdout.trim().split('\n');
    expect(ids).toEqual([
      '20261121-1000-aaaa',
      '20261111-1000-bbbb',
      '20261001-1000-cccc',
      '20261121-2222-dddd',
    ]);
  });
});

describe('sessions show', () => {
  it('tells of an answer that another gave who, with which model, and at what cost', async () => {
    const at = new Date(NOW).toISOString();
    const cost = { cost: 0.0012, currency: 'EUR' };
    const metrics = { ...METRICS, ...cost };
    keep(
      'one',
      0,
      [user('Hi'), answer('From here')],
      [
        { type: 'message', at, message: user('And you?') },
        { type: 'message', at, message: answer('From afar'), model: 'big-1', provider: 'cloud', metrics },
      ],
    );
    const json = JSON.parse((await sessions(['show', 'one', '--json'])).stdout) as { messages: object[] };
    expect(schemaErrors('session', json)).toBe('');
    expect(json.messages).toEqual([
      user('Hi'),
      answer('From here'),
      user('And you?'),
      { ...answer('From afar'), provider: 'cloud', model: 'big-1', ...cost },
    ]);
    const { stdout } = await sessions(['show', 'one']);
    expect(stdout).toContain('\ngemma3:1b:\nFrom here\n');
    expect(stdout).toContain('\nbig-1 (cloud):\nFrom afar\n(cost 0.0012 EUR)\n');
    expect((await sessions(['export', 'one'])).stdout).toContain('## big-1 (cloud)\n');
  });

  it.each([['20261111-1000-bbbb'], ['20261111'], ['BBBB'], ['write a haiku about the sea'], ['Write a']])(
    'takes %j for an id',
    async (word) => {
      keepThree();
      const ran = await sessions(['show', word]);
      expect(ran.stdout).toContain('Waves\nand   more waves');
    },
  );

  it.each([
    ['2026', 'means 3 conversations', '20261121-1000-aaaa, 20261111-1000-bbbb, 20261001-1000-cccc'],
    ['20261121-1000-aaab', 'No kept conversation is', '20261121-1000-aaaa'],
    ['../history', 'No kept conversation is', 'ollama-cli sessions list'],
    ['', 'No kept conversation is', 'ollama-cli sessions list'],
  ])('%j is not found, and what is near it is named', async (word, message, hint) => {
    keepThree();
    const ran = await sessions(['show', word, '--json']);
    expect(ran.code).toBe(3);
    const { error } = JSON.parse(ran.stderr) as { error: Record<string, string> };
    expect(error['code']).toBe('session_not_found');
    expect(error['message']).toContain(message);
    expect(error['hint']).toContain(hint);
  });

  it('tells who said what, with thoughts, calls, images and what was stopped', async () => {
    const call = { function: { name: 'clock', arguments: { city: 'Rome' } } };
    keep(
      'one',
      2,
      [
        { ...user('What time is it?'), images: ['aGk='] },
        { ...answer(''), thinking: 'I should look.\n', tool_calls: [call] },
        { role: 'tool', content: '12:00', tool_name: 'clock' },
      ],
      [
        { type: 'settings', at: new Date(NOW).toISOString(), system: 'Be brief.' },
        { type: 'delta', content: 'It is no' },
      ],
    );
    const ran = await sessions(['show', 'one']);
    expect(ran.stdout).toBe(`What time is it?
gemma3:1b, ${HOST}, just now, one

System:
Be brief.

You:
What time is it?
(1 image)

gemma3:1b, thinking:
I should look.

gemma3:1b:
(calls clock {"city":"Rome"})

clock:
12:00

gemma3:1b:
It is no
(stopped before its end)
`);
    const json = JSON.parse((await sessions(['show', 'one', '--json'])).stdout) as {
      messages: ChatMessage[];
    };
    expect(schemaErrors('session', json)).toBe('');
    expect(json).toMatchObject({ id: 'one', stopped: true, turns: 1 });
    expect(json.messages.map(({ role }) => role)).toEqual([
      'system',
      'user',
      'assistant',
      'tool',
      'assistant',
    ]);
    expect((await sessions(['show', 'one', '--fields', 'turns,id'])).stdout).toBe(
      'field\tvalue\nturns\t1\nid\tone\n',
    );
  });
});

describe('sessions search', () => {
  it('finds all of the words anywhere, and shows where', async () => {
    keepThree();
    const ran = await sessions(['search', 'RAYLEIGH', 'sky', '--color', 'never'], TERMINAL);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('20261121-1000-aaaa  Why is the sky blue?');
    expect(ran.stdout).toContain('  Because of Rayleigh scattering.');
    expect(ran.stdout).toContain('1 conversation;');
    const colored = await sessions(['search', 'rayleigh', '--color', 'always'], TERMINAL);
    expect(colored.stdout).toContain('Because of \u001b[36mRayleigh\u001b[39m scattering.');
    const piped = await sessions(['search', 'sky rayleigh']);
    expect(piped.stdout).toBe(
      [
        'id\ttitle\trole\ttext',
        '20261121-1000-aaaa\tWhy is the sky blue?\t\tWhy is the sky blue?',
        '20261121-1000-aaaa\tWhy is the sky blue?\tuser\tWhy is the sky blue?',
        '20261121-1000-aaaa\tWhy is the sky blue?\tassistant\tBecause of Rayleigh scattering.',
        '',
      ].join('\n'),
    );
    const json = JSON.parse((await sessions(['search', 'waves', '--json'])).stdout) as object;
    expect(schemaErrors('sessions-search', json)).toBe('');
    expect(json).toMatchObject({
      total: 1,
      items: [
        {
          id: '20261111-1000-bbbb',
          matches: [
            { in: 'message', message: 1, role: 'assistant', text: 'Waves' },
            { in: 'message', message: 1, role: 'assistant', text: 'and   more waves' },
          ],
        },
      ],
    });
    expect((await sessions(['search', 'a', '-q'])).stdout.split('\n').length).toBe(4);
  });

  it('takes no word for a pattern, and finding nothing is done', async () => {
    keepThree();
    expect((await sessions(['search', 'sort.slice', '-q'])).stdout).toBe('20261001-1000-cccc\n');
    const ran = await sessions(['search', 'sort.*slice']);
    expect(ran).toMatchObject({ code: 0, stderr: 'No kept conversation has all of these words.\n' });
    expect((await sessions(['search', 'sky', 'haiku', '-q'])).stdout).toBe('');
  });

  it('finds any word that stands there', () => {
    const word = fc.string({
      unit: fc.oneof(fc.constantFrom(...'-/\\^$*+?.()[]{}|#&~ſİßΣ'), fc.string({ unit: 'binary' })),
      minLength: 1,
    });
    fc.assert(
      fc.property(word, fc.string(), (text, around) => {
        const wanted = readWanted([text]);
        if (wanted === undefined) return;
        const conversation = startConversation('m', { messages: [user(`${around} ${text} ${around}`)] });
        const found = searchSession({ title: '', conversation }, wanted);
        expect(found.length).toBeGreaterThan(0);
        for (const match of found) match.text.replace(wanted.any, 'x');
      }),
    );
  });

  it('shows of a long line what is around the word', async () => {
    keep('long', 0, [user('x'), answer(`${'before '.repeat(100)}needle${' after'.repeat(100)}`)]);
    const ran = await sessions(['search', 'needle', '--color', 'never'], { tty: true, columns: 40 });
    const line = ran.stdout.split('\n').find((text) => text.includes('needle')) ?? '';
    expect(line).toMatch(/^ {2}….*before needle after.*…$/);
    expect(line.length).toBeLessThanOrEqual(40);
  });
});

describe('sessions export', () => {
  it('closes the code of an answer that was stopped in it', async () => {
    keep('one', 0, [user('How?'), answer('Like so:\n\n```go\nfmt.Pr'), user('And then?')]);
    const ran = await sessions(['export', 'one']);
    expect(ran.stdout).toContain('```go\nfmt.Pr\n```\n\n## You\n\nAnd then?\n');
  });

  it('writes Markdown to stdout, with code as it is', async () => {
    const code = 'Like so:\n\n```go\nfmt.Println("hi")\n```';
    const call = { function: { name: 'clock', arguments: { city: 'Rome' } } };
    keep('one', 0, [
      user('How?'),
      { ...answer(code), thinking: 'Hm.', tool_calls: [call] },
      { role: 'tool', content: 'a ``` b', tool_name: 'clock' },
    ]);
    const ran = await sessions(['export', 'one']);
    expect(ran.stdout).toBe(`# How?

gemma3:1b · ${HOST} · 2026-11-21T17:05:00.000Z · one

## You

How?

## gemma3:1b

<details>
<summary>Thinking</summary>

Hm.

</details>

${code}

Calls \`clock\`:

\`\`\`json
{
  "city": "Rome"
}
\`\`\`

## clock

\`\`\`\`
a \`\`\` b
\`\`\`\`
`);
  });

  it('writes JSON that a server takes again', async () => {
    const at = new Date(NOW).toISOString();
    keep(
      'one',
      0,
      [user('How?'), answer('So.'), user('And then?')],
      [{ type: 'settings', at, system: 'Be brief.', options: { seed: 3 } }],
    );
    const ran = await sessions(['export', 'one', '--format', 'json']);
    const document = JSON.parse(ran.stdout) as Record<string, unknown>;
    expect(schemaErrors('session', document)).toBe('');
    const sandbox = await startSandbox({ installed: ['gemma3:1b'] });
    const { model, messages, options } = document;
    const response = await fetch(`${sandbox.url}/api/chat`, {
      method: 'POST',
      body: JSON.stringify({ model, messages, options, stream: false }),
    });
    expect(response.status).toBe(200);
    await sandbox.close();
    expect(JSON.parse((await sessions(['export', 'one', '--json'])).stdout)).toEqual(document);
  });

  it('writes a file, by its name in which form, and replaces none without a yes', async () => {
    keepThree();
    const file = path.join(home, 'talk.md');
    expect((await sessions(['export', 'aaaa', '-o', file])).stdout).toBe(
      `wrote 20261121-1000-aaaa to ${file}\n`,
    );
    expect(readFileSync(file, 'utf8')).toContain('# Why is the sky blue?');
    const refused = await sessions(['export', 'bbbb', '--output', file]);
    expect(refused.code).toBe(7);
    expect(refused.stderr).toContain('--yes');
    expect(readFileSync(file, 'utf8')).toContain('sky');
    expect((await sessions(['export', 'bbbb', '--output', file, '--yes', '-q'])).stdout).toBe('');
    expect(readFileSync(file, 'utf8')).toContain('haiku');
    const json = path.join(home, 'talk.json');
    const told = await sessions(['export', 'aaaa', '-o', json, '--json']);
    expect(JSON.parse(told.stdout)).toMatchObject({ id: '20261121-1000-aaaa', format: 'json', file: json });
    expect(schemaErrors('session', JSON.parse(readFileSync(json, 'utf8')))).toBe('');
    expect((await sessions(['export', 'aaaa', '-o', path.join(home, 'no/such', '\0')])).code).toBe(2);
  });
});

describe('sessions rm', () => {
  it('removes one with --yes, and says which', async () => {
    keepThree();
    const ran = await sessions(['rm', 'bbbb', '--yes']);
    expect(ran).toMatchObject({
      code: 0,
      stdout: 'removed 20261111-1000-bbbb, Write a haiku about the sea\n',
      stderr: '',
    });
    expect(left()).toEqual(['20261001-1000-cccc.jsonl', '20261121-1000-aaaa.jsonl']);
  });

  it('removes nothing without a terminal and without a yes', async () => {
    keepThree();
    expect(await sessions(['rm', '--all'], { stdin: 'y\n' })).toMatchObject({ code: 7, stdout: '' });
    const json = await sessions(['rm', 'aaaa', '--json'], { ...TERMINAL, stdinTty: true, stdin: 'y\n' });
    expect(json.code).toBe(7);
    expect(left().length).toBe(3);
  });

  it.each([
    ['y\n', 0, 1],
    ['n\n', 7, 3],
  ])('asks in a terminal and takes %j', async (stdin, code, count) => {
    keepThree();
    const ran = await sessions(['rm', '202611*'], { ...TERMINAL, stdinTty: true, stdin });
    expect(ran.stderr).toContain('Why is the sky blue?');
    expect(ran.stderr).toContain('Remove these 2 conversations for good? [y/N]');
    expect(ran.code).toBe(code);
    expect(left().length).toBe(count);
  });

  it.each([
    [['--all', '-y'], 0],
    [['--older-than', '30d', '-f'], 2],
    [['--older-than', '1w', '-y'], 1],
    [['202611*', '--older-than', '1w', '-y'], 2],
    [['--all', '--older-than', '99w', '-y'], 3],
    [['--all', '--dry-run'], 3],
  ])('%j leaves %i of three', async (args, count) => {
    keepThree();
    expect((await sessions(['rm', ...args])).code).toBe(0);
    expect(left().length).toBe(count);
  });

  it('tells as JSON what is gone, missing, or would be', async () => {
    keepThree();
    const dry = JSON.parse((await sessions(['rm', '--all', '--dry-run', '--json'])).stdout) as object;
    expect(schemaErrors('sessions-rm', dry)).toBe('');
    expect(dry).toMatchObject({ dry_run: true, removed: [{}, {}, {}], missing: [], failed: [] });
    const some = await sessions(['rm', 'aaaa', 'zzzz', 'q*', '--yes', '--json']);
    expect(some.code).toBe(8);
    const document = JSON.parse(some.stdout) as object;
    expect(schemaErrors('sessions-rm', document)).toBe('');
    expect(document).toMatchObject({
      removed: [{ id: '20261121-1000-aaaa', title: 'Why is the sky blue?' }],
      missing: ['zzzz', 'q*'],
    });
    expect(JSON.parse(some.stderr)).toMatchObject({ error: { code: 'partial' } });
  });

  it('exits 3 for one that is not there, and 0 with --ignore-missing', async () => {
    keepThree();
    const ran = await sessions(['rm', '20261121-1000-aaab', '-y']);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain('20261121-1000-aaaa');
    expect((await sessions(['rm', 'zzzz', '-y', '--ignore-missing'])).code).toBe(0);
    expect((await sessions(['rm', '2026', '-y'])).code).toBe(3);
    expect(left().length).toBe(3);
  });

  it('takes a title with a question mark, which fits no id as a glob, for the title', async () => {
    keepThree();
    expect((await sessions(['rm', 'Why is the sky blue?', '-y'])).code).toBe(0);
    expect(left()).toEqual(['20261001-1000-cccc.jsonl', '20261111-1000-bbbb.jsonl']);
  });

  it('says that there was nothing to remove', async () => {
    const ran = await sessions(['rm', '--all', '-y']);
    expect(ran).toMatchObject({ code: 0, stderr: 'No kept conversation fits: nothing was removed.\n' });
    expect(existsSync(folder)).toBe(false);
  });
});

describe('what a kept conversation holds', () => {
  it('is never obeyed by a terminal', async () => {
    const hostile = fc.string({ unit: 'binary' }).map((text) => `word\u001b]0;x\u0007${text}\u009b31m`);
    await fc.assert(
      fc.asyncProperty(hostile, hostile, async (title, said) => {
        const at = new Date(NOW).toISOString();
        const call = { function: { name: said, arguments: { [said]: said } } };
        keep(
          'one',
          0,
          [
            user(said),
            { ...answer(said), thinking: said, tool_calls: [call] },
            { role: 'tool', content: said, tool_name: said },
          ],
          [
            { type: 'session', schema_version: 1, id: 'one', at, host: said, model: said },
            { type: 'title', at, title },
          ],
        );
        for (const args of [
          ['list'],
          ['show', 'one'],
          ['search', 'word'],
          ['export', 'one'],
          ['export', 'one', '--format', 'json'],
          ['show', 'one', '--json'],
          ['rm', 'one', '--dry-run'],
        ]) {
          const ran = await sessions([...args, '--color', 'never'], TERMINAL);
          expect([args, ran.code]).toEqual([args, 0]);
          expect(ran.stdout + ran.stderr).not.toMatch(ESCAPES);
          expect(ran.stdout).not.toMatch(/[\u2028\u202a-\u202e\u2066-\u2069]/);
        }
      }),
      { numRuns: 10 },
    );
  });
});
