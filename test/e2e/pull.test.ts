import { describe, expect, onTestFinished, test } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox } from '../../src/sandbox/server.js';
import type { Sandbox, SandboxOptions } from '../../src/sandbox/server.js';
import { serve } from '../support/fault-server.js';
import type { FaultServer, Handler, Script } from '../support/fault-server.js';
import type { Terminal, TerminalOptions } from '../support/terminal.js';
import { openProgram, openShell, SOON } from './program.js';

const MODEL = 'llama3.2:1b';
const RATE = 5_000_000;
const INTERRUPTED = { exitCode: 0, signal: 2 };

async function openSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ installed: [], rate: RATE, ...options });
  onTestFinished(() => sandbox.close());
  return sandbox;
}

async function openServer(answer: Script | Handler): Promise<FaultServer> {
  const server = await serve(answer);
  onTestFinished(() => server.close());
  return server;
}

function openPull(host: string, options: TerminalOptions = {}, flags: readonly string[] = []): Terminal {
  return openProgram(['pull', MODEL, ...flags], host, options);
}

const line = (fields: object): string => `${JSON.stringify(fields)}\n`;

function countTotals(text: string): number {
  return text.split('\n').filter((row) => /^ (?:total|so far|total so far) /.test(row)).length;
}

/** All that is left in the terminal, where lines longer than it are whole again. */
function readLeft(terminal: Terminal, cols = 80): string {
  const rows = terminal.scrollback().split('\n');
  return rows
    .map((row) => (row.length === cols ? row : `${row}\n`))
    .join('')
    .trimEnd();
}

/** After a pull that succeeded: nothing but one sentence. */
function expectOutcome(terminal: Terminal, cols?: number): void {
  expect(readLeft(terminal, cols)).toMatch(/^✓ llama3\.2:1b {2}13 MB in \d[\d.]*m?s, [\d.]+ [kM]B\/s$/);
  expect(terminal.cursorVisible()).toBe(true);
}

describe('the pull view', () => {
  test.each([
    [40, /^ llama3\.2:1b\n total .*\d% .*MB\/s +\d+s\n [0-9a-f]{5}… .*\d%(?:\n [0-9a-f]{5}… waiting)*$/],
    [80, / total .*\d% +[\d.]+ MB \/ +13 MB +[\d.]+ MB\/s +\d+s\n[^]* [0-9a-f]{12} .*\d%/],
    [200, / total .*\d% +[\d.]+ MB \/ +13 MB +[\d.]+ MB\/s +\d+s\n[^]* [0-9a-f]{12} .*\d%/],
  ])('has a total and its layers at %i columns, and ends as one line', async (cols, shown) => {
    const { url } = await openSandbox();
    const terminal = openPull(url, { cols });
    const screen = await terminal.waitFor(shown, SOON);
    expect(countTotals(screen)).toBe(1);
    expect(screen).toContain(MODEL);
    expect(terminal.cursorVisible()).toBe(false);
    expect(terminal.scrollback()).toBe(terminal.screen());
    expect(await terminal.exit).toEqual({ exitCode: 0, signal: 0 });
    expectOutcome(terminal, cols);
  });

  test('is whole after each change of the size in its midst', async () => {
    const { url } = await openSandbox({ rate: 2_500_000 });
    const terminal = openPull(url);
    await terminal.waitFor(/ total .*\d%/, SOON);
    terminal.resize(40, 24);
    const narrow = await terminal.waitFor(/^ llama3\.2:1b\n total .*\d%.*\n [0-9a-f]{5}… .*\d%\n/, SOON);
    expect(countTotals(narrow)).toBe(1);
    terminal.resize(120, 30);
    const wide = await terminal.waitFor(/^ Pulling llama3\.2:1b {50,}from 127\.0\.0\.1:\d+\n\n total /, SOON);
    expect(countTotals(wide)).toBe(1);
    expect(terminal.scrollback()).toBe(terminal.screen());
    expect((await terminal.exit).exitCode).toBe(0);
    expectOutcome(terminal);
  });

  test('is there before the server answers', async () => {
    let seen = 0;
    const server = await openServer(() => {
      seen += 1;
      return undefined;
    });
    const terminal = openPull(server.url);
    expect(await terminal.waitFor('connecting to 127.0.0.1', SOON)).toMatch(/^ Pulling llama3\.2:1b +from /);
    await expect.poll(() => seen, { timeout: SOON }).toBeGreaterThan(0);
    terminal.write('\x03');
    expect(await terminal.exit).toEqual(INTERRUPTED);
    expect(terminal.screen()).toContain(
      'Stopped before anything had come.\nGo on with: ollama-cli pull llama3.2:1b',
    );
  });

  test('folds twenty layers into fifteen rows and never scrolls', async () => {
    const layers = Array.from({ length: 20 }, (_, index) => `sha256:${String(index).padStart(64, '0')}`);
    const progress = layers.flatMap((digest) => [
      ...[0, 50, 100].flatMap((percent) => [
        line({ status: `pulling ${digest.slice(7, 19)}`, digest, total: 1e8, completed: percent * 1e6 }),
        { wait: 50 },
      ]),
    ]);
    const server = await openServer({
      body: [line({ status: 'pulling manifest' }), ...progress, { wait: 300 }, line({ status: 'success' })],
    });
    const terminal = openPull(server.url, { rows: 15 });
    const screen = await terminal.waitFor(/1\d layers done, 1\.\d GB/, SOON);
    expect(screen).toMatch(/^ Pulling llama3\.2:1b/);
    expect(countTotals(screen)).toBe(1);
    expect(terminal.scrollback()).toBe(terminal.screen());
    expect((await terminal.exit).exitCode).toBe(0);
    expect(terminal.scrollback()).toMatch(/^✓ llama3\.2:1b {2}2\.0 GB in [^\n]+$/);
  });

  test('says in words that nothing comes', async () => {
    const { url } = await openSandbox({ rate: undefined, faults: [parseFault('stall@50%')] });
    const terminal = openPull(url);
    const screen = await terminal.waitFor(/no data for \d+s/, 2 * SOON);
    expect(screen).toMatch(/ [0-9a-f]{12} .* \d+% .*no data for 1\ds/);
    expect(screen).toMatch(/ total .* \d+% .* — +—\n/);
  });

  test('says in words that it verifies, where a server reports nothing', async () => {
    const server = await openServer({
      body: [
        line({ status: 'pulling manifest' }),
        line({ status: 'pulling aaaaaaaaaaaa', digest: `sha256:${'a'.repeat(64)}`, total: 5, completed: 5 }),
        line({ status: 'verifying sha256 digest' }),
        { wait: 1_500 },
        line({ status: 'writing manifest' }),
        { wait: 1_000 },
        line({ status: 'success' }),
      ],
    });
    const terminal = openPull(server.url);
    await terminal.waitFor(/ total +\S verifying, \ds \(the server reports nothing here\)/, SOON);
    await terminal.waitFor(/ total +\S writing manifest/, SOON);
    expect((await terminal.exit).exitCode).toBe(0);
  });

  test('is one line with --progress bar', async () => {
    const { url } = await openSandbox();
    const terminal = openPull(url, {}, ['--progress', 'bar']);
    const screen = await terminal.waitFor(/^ llama3\.2:1b .*\d% +[\d.]+ MB \/ +13 MB/, SOON);
    expect(screen.split('\n')).toHaveLength(1);
    expect(terminal.cursorVisible()).toBe(false);
    expect((await terminal.exit).exitCode).toBe(0);
    expectOutcome(terminal);
  });

  test.each([40, 80, 200])('shows two models at once at %i columns, and a third that waits', async (cols) => {
    const { url } = await openSandbox({ rate: 2_000_000 });
    const terminal = openPull(url, { cols }, ['smollm2:135m', 'qwen3:0.6b']);
    const rows = cols === 40 ? '[^]*' : '[^]*\\n {3}[0-9a-f]{12} [^]*';
    const shape = `3 models[^]*\\n total .*\\d%.*\\n[^]* llama3.*\\d%${rows}\\n smollm2.*\\n[^]*1 more waiting: qwen3:0\\.6b`;
    const screen = await terminal.waitFor(new RegExp(shape), SOON);
    expect(countTotals(screen)).toBe(1);
    expect(terminal.scrollback()).toBe(screen);
    expect((await terminal.exit).exitCode).toBe(0);
    // Three lines of outcomes in the order of their ends, and the table of all.
    const left = terminal.scrollback();
    for (const model of ['llama3.2:1b', 'smollm2:135m', 'qwen3:0.6b']) expect(left).toContain(`✓ ${model}  `);
    expect(left).toMatch(/\nMODEL +OUTCOME[^]*\n\n3 of 3 done; [\d.]+ MB fetched$/);
    expect(countTotals(left)).toBe(0);
    expect(terminal.cursorVisible()).toBe(true);
  });

  test('is shown beside the screen of a terminal that can, until it ends', async () => {
    const { url } = await openSandbox();
    const terminal = openPull(url, { env: { WT_SESSION: 'x' } });
    expect((await terminal.exit).exitCode).toBe(0);
    const told = [...terminal.raw().matchAll(/\x1b\]9;4;([^\x07]*)\x07/g)].map(([, state]) => state ?? '');
    expect(told.at(-1)).toBe('0');
    const shares = told.flatMap((state) => (state.startsWith('1;') ? [Number(state.slice(2))] : []));
    expect(shares.length).toBeGreaterThan(3);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
  });
});

describe('a pull that is stopped', () => {
  test.each([
    ['the view', []],
    ['the bar', ['--progress', 'bar']],
  ])('by Ctrl-C in %s tells what is kept and how to go on, and dies of the signal', async (_, flags) => {
    const { url } = await openSandbox();
    const terminal = openPull(url, {}, flags);
    await terminal.waitFor(/[2-9]\d% /, SOON);
    terminal.write('\x03');
    expect(await terminal.exit).toEqual(INTERRUPTED);
    // The ^C is the terminal's own echo.
    expect(terminal.scrollback().replace('^C', '')).toMatch(
      /^Stopped; [\d.]+ MB of llama3\.2:1b are kept on the server\.\nGo on with: ollama-cli pull llama3\.2:1b(?:\n|$)/,
    );
    expect(terminal.cursorVisible()).toBe(true);

    const again = openPull(url);
    expect((await again.exit).exitCode).toBe(0);
    expect(readLeft(again)).toMatch(/; [\d.]+ MB was kept from an earlier try/);
  });

  test.each<['INT' | 'TERM', string, number]>([
    ['INT', '\x03', 130],
    ['TERM', '\r', 143],
  ])('by SIG%s (key %j) is code %s in a shell, whose terminal is as before', async (name, key, code) => {
    const { url } = await openSandbox();
    const runs = {
      INT: `trap : INT; $CLI pull ${MODEL}; code=$?`,
      // Enter ends it: a shell without job control has nothing to send the signal by.
      TERM: `$CLI pull ${MODEL} & child=$!; read -r enter; kill -TERM $child; wait $child; code=$?`,
    };
    const terminal = openShell(`${runs[name]}; echo "code $code"; stty -a`, url);
    await terminal.waitFor(/[1-9]\d% /, SOON);
    terminal.write(key);
    await terminal.exit;
    expect(terminal.screen()).toContain(`code ${String(code)}`);
    expect(terminal.screen()).toMatch(/[^-]icanon/);
    expect(terminal.screen()).toMatch(/[^-]echo /);
    expect(countTotals(terminal.screen())).toBe(0);
    expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
  });

  test.each([
    ['the view', []],
    ['the bar', ['--progress', 'bar']],
  ])('in the midst of several, in %s, leaves the terminal whole', async (_, flags) => {
    const { url } = await openSandbox({ rate: 2_000_000 });
    const terminal = openPull(url, { env: { WT_SESSION: 'x' } }, ['smollm2:135m', ...flags]);
    await terminal.waitFor(/[1-9]\d%/, SOON);
    terminal.write('\x03');
    expect(await terminal.exit).toEqual(INTERRUPTED);
    expect(terminal.scrollback().replace('^C', '')).toMatch(
      /^Stopped; [^]*? are\s+kept\s+on\s+the\s+server\.\nGo on with: ollama-cli pull /,
    );
    expect(countTotals(terminal.scrollback())).toBe(0);
    expect(terminal.cursorVisible()).toBe(true);
    expect(
      terminal
        .raw()
        .match(/\x1b\]9;4;[^\x07]*\x07/g)
        ?.at(-1),
    ).toBe('\x1b]9;4;0\x07');
  });
});

describe('a server that writes what it should not', () => {
  const EVIL = 'evil\x1b[2J\x1b]0;owned\x07\x9b31m\u202eend';

  test.each([
    ['an error line', [line({ status: 'pulling manifest' }), line({ error: EVIL })], 1],
    ['a status', [line({ status: EVIL }), { wait: 500 }, line({ status: 'success' })], 0],
    [
      'a digest',
      [
        line({ status: `pulling ${EVIL}`, digest: EVIL, total: 1e8, completed: 5e7 }),
        { wait: 500 },
        line({ status: 'success' }),
      ],
      0,
    ],
  ])('does not reach the terminal by %s', async (_, body, code) => {
    const server = await openServer({ body });
    const terminal = openPull(server.url);
    expect((await terminal.exit).exitCode).toBe(code);
    expect(terminal.raw()).not.toMatch(/\x1b\[2J|\x1b\]|\x07|\x9b|\u202e/);
    expect(terminal.cursorVisible()).toBe(true);
  });

  test('says no success where the stream ends without it, and leaves no view behind', async () => {
    const server = await openServer({
      body: [
        line({ status: 'pulling manifest' }),
        line({ error: 'pull model manifest: file does not exist' }),
      ],
    });
    const terminal = openPull(server.url);
    expect((await terminal.exit).exitCode).toBe(3);
    expect(terminal.screen()).toMatch(/^✗ There is no model "llama3\.2:1b" in the registry\./);
  });
});
