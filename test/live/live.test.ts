import { beforeAll, describe, expect, test } from 'vitest';
import { lines, schemaErrors } from '../support/run.js';
import type { Terminal } from '../support/terminal.js';
import { openProgram, runProgram } from '../e2e/program.js';

const HOST = process.env['OLLAMA_HOST'] ?? '';
const MODEL = process.env['OLLAMA_LIVE_MODEL'] ?? 'smollm2:135m';
const NAME = /:[^/]*$/.test(MODEL) ? MODEL : `${MODEL}:latest`;
/** A model of some hundred megabytes, over a slow line. */
const DOWNLOAD_MS = 15 * 60_000;
/** A small model, loaded from a slow disk and run without a GPU. */
const ANSWER_MS = 100_000;

const NEEDED =
  'OLLAMA_HOST names no server, so nothing was tested: OLLAMA_HOST=http://127.0.0.1:11434 npm run test:live ' +
  '(OLLAMA_LIVE_MODEL names the small model that is pulled, and removed again if it was not there: smollm2:135m)';

if (HOST === '') console.warn(NEEDED);

function open(args: readonly string[]): Terminal {
  return openProgram(args, HOST, { cols: 100, rows: 40 });
}

async function listNames(): Promise<string[]> {
  const ran = await runProgram(['list', '-q'], HOST);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  return ran.stdout.split('\n').filter((name) => name !== '');
}

/** Runs a command of one JSON document, and checks it by its published schema. */
async function runJson(schema: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const ran = await runProgram([...args, '--json'], HOST);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  const document = JSON.parse(ran.stdout) as Record<string, unknown>;
  expect(schemaErrors(schema, document)).toBe('');
  return document;
}

// One after another: each needs what the one before it has left on the server.
describe.skipIf(HOST === '')(`the server at ${HOST}`, () => {
  let wasThere = true;
  beforeAll(async () => {
    wasThere = (await listNames()).includes(NAME);
  });

  test('is healthy, in each of the three modes', async () => {
    expect(await runJson('health', ['health'])).toMatchObject({ status: 'healthy' });
    expect((await runProgram(['health'], HOST)).stdout).toMatch(/^server\tpass\t/m);
    const terminal = open(['health']);
    expect((await terminal.exit).exitCode).toBe(0);
    expect(terminal.screen()).toMatch(/ ✓ server +\S+ answers in /);
  });

  test(`pulls ${MODEL} in a terminal`, { timeout: DOWNLOAD_MS }, async () => {
    const terminal = open(['pull', MODEL]);
    await terminal.waitFor(/Pulling|✓/);
    expect(await terminal.exit).toEqual({ exitCode: 0, signal: 0 });
    expect(terminal.scrollback()).toMatch(/^✓ [^\n]+$/);
    expect(terminal.cursorVisible()).toBe(true);
  });

  test('tells of a pull of what is there in JSON and in lines', async () => {
    const json = await runProgram(['pull', MODEL, '--json'], HOST);
    expect(json).toMatchObject({ code: 0, stderr: '' });
    const events = lines(json.stdout);
    for (const event of events) expect(schemaErrors('pull-event', event)).toBe('');
    expect(events[0]).toMatchObject({ type: 'start', schema_version: 1, models: [MODEL] });
    expect(events.at(-1)).toMatchObject({ type: 'result', succeeded: [MODEL], failed: [] });
    const plain = await runProgram(['pull', MODEL], HOST);
    expect(plain).toMatchObject({ code: 0, stdout: '' });
    expect(plain.stderr).toMatch(new RegExp(`^pulling ${MODEL} from [^]*\ndone: ${MODEL}`));
  });

  test('lists it, in each of the three modes', async () => {
    const { models } = (await runJson('list', ['list'])) as { models: { name: string }[] };
    expect(models.map(({ name }) => name)).toContain(NAME);
    expect(await listNames()).toContain(NAME);
    expect((await runProgram(['list'], HOST)).stdout).toContain(`\n${NAME}\t`);
    const terminal = open(['list', NAME]);
    expect((await terminal.exit).exitCode).toBe(0);
    expect(terminal.screen()).toMatch(/^NAME [^]*\n\n1 model, /);
  });

  test('shows it, in each of the three modes', async () => {
    expect(await runJson('show', ['show', MODEL])).toHaveProperty('details.format');
    expect((await runProgram(['show', MODEL], HOST)).stdout).toMatch(/^name\t/m);
    expect((await runProgram(['show', MODEL, '--modelfile'], HOST)).stdout).toMatch(/^FROM /m);
    const terminal = open(['show', MODEL]);
    expect((await terminal.exit).exitCode).toBe(0);
    expect(terminal.scrollback()).toContain(NAME);
  });

  test('answers a question, as text and as JSON', { timeout: 2 * ANSWER_MS }, async () => {
    const question = [MODEL, 'Say hello.', '--option', 'num_predict=20'];
    const plain = await runProgram(['chat', ...question], HOST);
    expect(plain.code).toBe(0);
    expect(plain.stdout.trim()).not.toBe('');

    const json = await runProgram(['chat', ...question, '--json'], HOST);
    expect(json).toMatchObject({ code: 0, stderr: '' });
    const events = lines(json.stdout);
    for (const event of events) expect(schemaErrors('chat-event', event)).toBe('');
    expect(events[0]).toMatchObject({ type: 'start', model: MODEL });
    const tokens = events.filter(({ type }) => type === 'token').map(({ text }) => text);
    expect(events.at(-1)).toMatchObject({
      type: 'result',
      message: { role: 'assistant', content: tokens.join('') },
    });
  });

  test('talks in a terminal, is stopped and left', { timeout: 2 * ANSWER_MS }, async () => {
    const terminal = open(['chat', MODEL, '--no-history']);
    await terminal.waitFor(/│ ›/);
    terminal.write('Tell a very long story.\r');
    // A quick model with a short limit has ended by then.
    await terminal.waitFor(/Ctrl-C stops and keeps what came|tokens · /, ANSWER_MS);
    terminal.write('\x03');
    await terminal.waitFor(/\(stopped\)|tokens · /, ANSWER_MS);
    terminal.write('\x04');
    expect(await terminal.exit).toEqual({ exitCode: 0, signal: 0 });
    expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
  });

  test('tells of a model that is not there', async () => {
    const ran = await runProgram(['show', 'no-such-model:nowhere'], HOST);
    expect(ran).toMatchObject({ code: 3, stdout: '' });
    expect(ran.stderr).toContain('"no-such-model:nowhere" is not installed');
  });

  test(`removes ${MODEL}, if it was this test that pulled it`, async ({ skip }) => {
    skip(wasThere, `${NAME} was there before, and stays`);
    expect(await runJson('rm', ['rm', MODEL, '--yes'])).toMatchObject({ removed: [{ name: NAME }] });
    expect(await listNames()).not.toContain(NAME);
  });
});
