import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTerminal } from '../support/terminal.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const RESTORED = '\x1b[?7h\x1b[?2026l\x1b[?25h\x1b[?2004l';
const FOREVER = 'new Promise(() => setInterval(() => {}, 1000))';
const WAIT_FOR_SIGNAL = `new Promise((resolve) => {
  const beat = setInterval(() => {}, 1000);
  io.signal.addEventListener('abort', () => { clearInterval(beat); io.stdout.write('stopped by ' + io.signal.reason + '\\n'); resolve(0) });
  io.stdout.write('ready\\n');
})`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'bin-'));
  cpSync(path.join(ROOT, 'bin'), path.join(folder, 'bin'), { recursive: true });
  cpSync(path.join(ROOT, 'package.json'), path.join(folder, 'package.json'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bin = () => path.join(folder, 'bin', 'ollama-cli.js');

/** Puts a program in the place of the built one: `body` is an expression of `argv` and `io`. */
function setMain(body: string): void {
  const cli = path.join(folder, 'dist', 'cli');
  mkdirSync(cli, { recursive: true });
  writeFileSync(path.join(cli, 'package.json'), '{ "type": "commonjs" }');
  writeFileSync(path.join(cli, 'main.js'), `exports.main = async (argv, io) => (${body});`);
}

interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface RunOptions {
  readonly node?: readonly string[];
  readonly env?: Record<string, string>;
  /** Called with the running child once it has written something. */
  readonly onOutput?: (kill: (signal: NodeJS.Signals) => void) => void;
  /** Closes our end of its stdout as soon as something has come. */
  readonly hangUp?: boolean;
}

function runBin(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const child = spawn(process.execPath, [...(options.node ?? []), bin(), ...args], {
    env: { PATH: process.env['PATH'], ...options.env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    const first = stdout === '';
    stdout += String(chunk);
    if (options.hangUp === true) child.stdout.destroy();
    if (first) options.onOutput?.((signal) => child.kill(signal));
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  return new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({ stdout, stderr, code, signal })),
  );
}

describe('before the program is loaded', () => {
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };

  test.each(['--version', '-v'])('%s alone prints the version, also where nothing is built', async (flag) => {
    rmSync(path.join(folder, 'dist'), { recursive: true, force: true });
    expect(await runBin([flag])).toEqual({ stdout: `${version}\n`, stderr: '', code: 0, signal: null });
  });

  test('a clone that is not built says in one line how to build it', async () => {
    rmSync(path.join(folder, 'dist'), { recursive: true, force: true });
    const run = await runBin(['list']);
    expect(run).toMatchObject({ stdout: '', code: 1 });
    expect(run.stderr).toMatch(/^ollama-cli is not built yet: run `npm run build` in [^\n]+\n$/);
  });

  test.each([
    ['18.20.8', false],
    ['20.17.9', false],
    ['20.18.0', false],
    ['20.18.1', true],
    ['20.19.0', true],
    ['22.0.0', true],
  ])('Node %s is new enough: %s', async (node, enough) => {
    setMain('0');
    const preload = path.join(folder, 'older.cjs');
    writeFileSync(preload, `Object.defineProperty(process, 'versions', { value: { node: '${node}' } })`);
    const run = await runBin(['list'], { node: ['--require', preload] });
    const stderr = enough ? '' : `ollama-cli needs Node 20.18.1 or newer; this is ${node}\n`;
    expect(run).toEqual({ stdout: '', stderr, code: enough ? 0 : 1, signal: null });
  });
});

describe('how it ends', () => {
  test('with the exit code of main, all written, though a handle is still open', async () => {
    setMain(
      `(setInterval(() => {}, 1000), io.stdin.resume(), io.stdout.write('x'.repeat(3_000_000) + argv.join()), io.stderr.write('e'), 8)`,
    );
    const run = await runBin(['a', 'b']);
    expect(run).toMatchObject({ stderr: 'e', code: 8 });
    expect(run.stdout).toHaveLength(3_000_003);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s aborts the signal, lets main finish, and the process dies of it',
    async (signal) => {
      setMain(WAIT_FOR_SIGNAL);
      const run = await runBin([], { onOutput: (kill) => kill(signal) });
      expect(run).toEqual({ stdout: `ready\nstopped by ${signal}\n`, stderr: '', code: null, signal });
    },
  );

  test('interrupt() is what Ctrl-C is', async () => {
    setMain(`(io.interrupt(), io.stdout.write(io.signal.reason), 0)`);
    expect(await runBin([])).toMatchObject({ stdout: 'SIGINT', signal: 'SIGINT' });
  });

  test('a second Ctrl-C kills what does not stop; one that npm passes on again does not', async () => {
    setMain(
      `(io.signal.addEventListener('abort', () => io.stdout.write('busy ')), io.stdout.write('ready '), ${FOREVER})`,
    );
    let done = false;
    const run = runBin([], {
      onOutput: (kill) => {
        kill('SIGINT');
        setTimeout(() => kill('SIGINT'), 20);
        setTimeout(() => {
          expect(done).toBe(false);
          kill('SIGINT');
        }, 400);
      },
    });
    void run.then(() => (done = true));
    expect(await run).toEqual({ stdout: 'ready busy ', stderr: '', code: null, signal: 'SIGINT' });
  });

  test('a signal of another kind kills at once', async () => {
    setMain(`(io.stdout.write('ready'), ${FOREVER})`);
    const run = await runBin([], {
      onOutput: (kill) => {
        kill('SIGINT');
        setTimeout(() => kill('SIGTERM'), 50);
      },
    });
    expect(run.signal).toBe('SIGTERM');
  });

  test('a reader of stdout that goes away ends it quietly with 141', async () => {
    setMain(`new Promise((resolve) => {
      const more = setInterval(() => io.stdout.write('line\\n'), 5);
      io.signal.addEventListener('abort', () => { clearInterval(more); resolve(io.signal.reason === 'epipe' ? 0 : 99) });
    })`);
    const run = await runBin([], { hangUp: true });
    expect(run).toMatchObject({ stderr: '', code: 141, signal: null });
  });

  test('an error of the very last write is still seen', async () => {
    setMain(
      `(io.stdout.write('first'), await new Promise((resolve) => setTimeout(resolve, 200)), io.stdout.write('last'), 0)`,
    );
    expect(await runBin([], { hangUp: true })).toMatchObject({ stderr: '', code: 141 });
  });

  test('a full disk under stdout is said', async () => {
    setMain(`(io.stdout.write('x'), 0)`);
    const child = spawn('/bin/sh', ['-c', `"${process.execPath}" "${bin()}" > /dev/full`]);
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(stderr).toMatch(/^cannot write the output: ENOSPC[^\n]*\n$/);
    expect(code).toBe(1);
  });

  test('a stderr that nobody reads changes nothing', async () => {
    setMain(
      `(io.stderr.write('x'), await new Promise((resolve) => setTimeout(resolve, 50)), io.stderr.write('x'), io.stdout.write('answer'), 0)`,
    );
    const child = spawn(process.execPath, [bin()]);
    let stdout = '';
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.destroy();
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect([stdout, code]).toEqual(['answer', 0]);
  });
});

describe('what was not foreseen', () => {
  const ONE_LINE = /^internal error: bad {2}?\[31mthing \(the same command with --debug shows where\)\n$/;

  test.each([
    ['a rejection of main', `Promise.reject(new Error('bad \\x1b[31mthing'))`],
    [
      'an exception in a callback',
      `(setTimeout(() => { throw new Error('bad \\x1b[31mthing') }), ${FOREVER})`,
    ],
    ['a promise that nobody awaits', `(void Promise.reject(new Error('bad \\x1b[31mthing')), ${FOREVER})`],
  ])('%s is one line without escape codes, and exit code 1', async (_, body) => {
    setMain(body);
    const run = await runBin(['list']);
    expect(run).toMatchObject({ stdout: '', code: 1 });
    expect(run.stderr).toMatch(ONE_LINE);
  });

  test.each([
    ['--debug', ['list', '--debug'], {}],
    ['OLLAMA_CLI_DEBUG', ['list'], { OLLAMA_CLI_DEBUG: '1' }],
  ])('%s shows where it happened', async (_, args, env) => {
    setMain(`Promise.reject(new Error('bad'))`);
    expect((await runBin(args, { env })).stderr).toMatch(/^internal error: bad\nError: bad\n +at /);
  });

  test('under --json it is JSON', async () => {
    setMain(`Promise.reject('bad')`);
    const run = await runBin(['list', '--json']);
    expect(JSON.parse(run.stderr)).toEqual({
      error: {
        code: 'internal',
        message: 'internal error: bad',
        hint: 'the same command with --debug shows where',
      },
    });
  });
});

describe('what the program sees of the process', () => {
  test('its arguments, folder, platform, and that nothing is a terminal', async () => {
    setMain(
      `(io.stdout.write(JSON.stringify([argv, io.cwd, io.platform, io.stdout.isTTY === true, typeof io.now()])), 0)`,
    );
    const run = await runBin(['chat', '--version']);
    expect(JSON.parse(run.stdout)).toEqual([
      ['chat', '--version'],
      process.cwd(),
      process.platform,
      false,
      'number',
    ]);
  });

  test('no NO_COLOR where FORCE_COLOR stands above it, and no warning of the two', async () => {
    setMain(
      `(io.stdout.write(String(io.env.NO_COLOR) + require('tty').WriteStream.prototype.getColorDepth()), 0)`,
    );
    expect(await runBin([], { env: { NO_COLOR: '1', FORCE_COLOR: '1' } })).toMatchObject({
      stdout: 'undefined4',
      stderr: '',
    });
    expect((await runBin([], { env: { NO_COLOR: '1' } })).stdout).toMatch(/^11/);
  });

  test('a folder that was removed does not keep it from starting', async () => {
    setMain(`(io.stdout.write(io.cwd), 0)`);
    const gone = path.join(folder, 'gone');
    mkdirSync(gone);
    const child = spawn('/bin/sh', ['-c', `rmdir "${gone}"; "${process.execPath}" "${bin()}"`], {
      cwd: gone,
    });
    let stdout = '';
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
    expect(stdout).not.toBe('');
  });
});

describe('in a terminal', () => {
  const DRAWING = `io.stdin.setRawMode(true), io.stdin.resume(), io.stderr.write('\\x1b[?25l\\x1b[?2004hdrawn')`;

  test('Ctrl-C ends it by SIGINT with the cursor and the paste mode restored', async () => {
    setMain(`(io.stderr.write('\\x1b[?25l\\x1b[?2004hdrawn'), new Promise((resolve) => {
      const beat = setInterval(() => {}, 1000);
      io.signal.addEventListener('abort', () => { clearInterval(beat); resolve(0) });
    }))`);
    const terminal = openTerminal({ args: [bin()] });
    await terminal.waitFor('drawn');
    expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([false, true]);
    terminal.write('\x03');
    expect((await terminal.exit).signal).toBe(2);
    expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
    expect(terminal.raw()).toContain(RESTORED);
  });

  test.each([
    ['a crash', `(${DRAWING}, setTimeout(() => { throw new Error('bad') }, 50), ${FOREVER})`],
    [
      'a second signal',
      `(${DRAWING}, process.kill(process.pid, 'SIGINT'), setTimeout(() => process.kill(process.pid, 'SIGINT'), 300), ${FOREVER})`,
    ],
  ])('%s in the midst of a view leaves the terminal whole', async (_, body) => {
    setMain(body);
    // The shell's own stty tells whether the line mode is back.
    const terminal = openTerminal({
      command: '/bin/sh',
      args: ['-c', `"${process.execPath}" "${bin()}"; stty -a | grep -o -- '-*icanon'`],
    });
    await terminal.exit;
    expect(terminal.screen()).toMatch(/(?<!-)icanon$/);
    expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
    expect(terminal.raw()).toContain(`\x1b[<u${RESTORED}`);
  });

  test('an ordinary end, and a dumb terminal, get no code at all', async () => {
    setMain(`(io.stdout.write('done'), 0)`);
    const plain = openTerminal({ args: [bin()] });
    await plain.exit;
    expect(plain.raw()).toBe('done');

    setMain(`(io.stdout.write('x'), io.interrupt(), 0)`);
    const dumb = openTerminal({
      command: '/bin/sh',
      args: ['-c', `TERM=dumb "${process.execPath}" "${bin()}"`],
    });
    await dumb.exit;
    expect(dumb.raw()).not.toContain('\x1b');
  });
});
