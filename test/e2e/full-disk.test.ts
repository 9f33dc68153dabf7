import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.js';
import { gguf } from '../modelfile/files.js';
import { lines } from '../support/run.js';
import { LEFT, MODEL, openChat, openSandbox, say, waitForAnswers } from './open-chat.js';
import { openFolder, runProgram } from './program.js';
import { readKeptModel, startSandboxProcess } from './sandbox-process.js';

const SCALE = ['--scale', '0.005'];

/** A file system of so many bytes and no more; undefined where this may not be had. */
function mountDisk(size: string): string | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'full-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  if (status === 0) return folder;
  rmSync(folder, { recursive: true });
  return undefined;
}

function unmountDisk(folder: string): void {
  spawnSync('umount', ['-l', folder]);
  rmSync(folder, { recursive: true, force: true });
}

/** The same until the end of the test. */
function openDisk(size: string): string {
  const folder = mountDisk(size);
  if (folder === undefined) throw new Error('nothing could be mounted');
  onTestFinished(() => unmountDisk(folder));
  return folder;
}

function giveRoom(folder: string, size: string): void {
  expect(spawnSync('mount', ['-o', `remount,size=${size}`, folder]).status).toBe(0);
}

/** A home of the person's with not a byte left on its disk. */
function openFullHome(): string {
  const home = openDisk('64k');
  expect(() => writeFileSync(path.join(home, 'fill'), Buffer.alloc(128 * 1024))).toThrow('ENOSPC');
  return home;
}

const trial = mountDisk('64k');
if (trial !== undefined) unmountDisk(trial);

// Where nothing can be mounted (it takes root, on Linux) these are told as skipped.
describe.skipIf(trial === undefined)('where the disk of the server is full', () => {
  test('a pull ends with no_space and exit 7; with more room the same command goes on', async () => {
    const disk = openDisk('2m');
    const models = path.join(disk, 'models');
    const { url } = await startSandboxProcess(models, SCALE);
    const full = await runProgram(['pull', 'tinyllama', '--json'], url);
    expect(full.code).toBe(7);
    expect(lines(full.stdout).at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'no_space' },
      succeeded: [],
    });
    const plain = await runProgram(['pull', 'tinyllama'], url);
    expect(plain).toMatchObject({ code: 7, stdout: '' });
    expect(plain.stderr).toMatch(/no space left/);

    giveRoom(disk, '8m');
    const again = await runProgram(['pull', 'tinyllama', '--json'], url);
    expect(again.code).toBe(0);
    expect(lines(again.stdout).find(({ type }) => type === 'progress')?.['completed']).toBeGreaterThan(
      1_000_000,
    );
    expect((await readKeptModel(models, 'tinyllama')).wrong).toEqual([]);
  });

  test('a pull that can be seen not to fit is not begun', async () => {
    const models = path.join(openDisk('2m'), 'models');
    const sandbox = await startSandbox({ modelsDir: models, installed: ['all-minilm:22m'], scale: 0.005 });
    onTestFinished(() => sandbox.close());
    const env = { OLLAMA_MODELS: models };
    const ran = await runProgram(['pull', 'tinyllama', '--json'], sandbox.url, { env });
    expect(ran.code).toBe(7);
    expect(lines(ran.stdout).at(-1)).toMatchObject({
      error: {
        code: 'no_space',
        message: expect.stringMatching(/3\.2 MB of tinyllama .*free in /) as string,
      },
    });
    expect(sandbox.requests.some(({ path: route }) => route === '/api/pull')).toBe(false);
  });

  test('a create ends with no_space too', async () => {
    const models = path.join(openDisk('1m'), 'models');
    const { url } = await startSandboxProcess(models, SCALE);
    const cwd = openFolder();
    writeFileSync(path.join(cwd, 'weights.gguf'), gguf({}, 3_000_000));
    writeFileSync(path.join(cwd, 'Modelfile'), 'FROM ./weights.gguf\n');
    const ran = await runProgram(['create', 'mine', '--json'], url, { cwd });
    expect(lines(ran.stdout).at(-1)).toMatchObject({ type: 'error', error: { code: 'no_space' } });
    expect(ran.code).toBe(7);
  });
});

describe.skipIf(trial === undefined)("where the disk of the person's home is full", () => {
  test.each([
    ['chat', ['chat', MODEL, 'Hello'], /\S/],
    ['chat --json', ['chat', MODEL, 'Hello', '--json'], /"type":"result"/],
    ['list', ['list'], /gemma3:1b/],
    ['list with its details', ['list', '--columns', 'name,capabilities,context_length'], /gemma3:1b/],
    ['pull', ['pull', 'all-minilm:22m', '--json'], /"type":"result"/],
    ['prune', ['prune', '--dry-run', '--older-than', '1ms'], /gemma3:1b/],
    ['outdated', ['outdated'], /gemma3:1b/],
    ['health', ['health', '--json'], /"healthy"/],
  ])('%s does its work', async (_what, argv, told) => {
    const { url } = await openSandbox();
    const ran = await runProgram(argv, url, { env: { HOME: openFullHome() } });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(told);
    // Only what the person counts on is worth a word: that this conversation can't be gone on with.
    const notKept = argv[0] === 'chat' ? ['warning: this conversation is not kept: ENOSPC'] : [];
    expect(ran.stderr.match(/^.*ENOSPC/gm) ?? []).toEqual(notKept);
  });

  test('a conversation goes on, and says once that it is not kept', async () => {
    const { url } = await openSandbox();
    const terminal = await openChat(url, { env: { HOME: openFullHome() } });
    await say(terminal, 'Hello');
    await waitForAnswers(terminal, 1);
    await say(terminal, 'Hello again');
    await waitForAnswers(terminal, 2);
    terminal.write('\x04');
    expect(await terminal.exit).toEqual(LEFT);
    const told = terminal.scrollback().match(/^.*(?=\s+ENOSPC)/gm) ?? [];
    // Once what is typed, for Up and Ctrl-R, and once what is said.
    expect(told.map((line) => /send|conversation/.exec(line)?.[0]).sort()).toEqual(['conversation', 'send']);
  });

  test('a file that cannot be written is told by its name, and nothing half is left', async () => {
    const { url } = await openSandbox();
    const home = openFullHome();
    const file = path.join(home, 'models.yaml');
    const ran = await runProgram(['sync', '--export', file, '--yes'], url, { env: { HOME: home } });
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain('models.yaml');
    expect(ran.stderr).toMatch(/ENOSPC|no space/i);
    expect(readdirSync(home)).toEqual(['fill']);
  });
});
