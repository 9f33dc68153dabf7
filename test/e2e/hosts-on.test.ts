import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { openHosts } from '../support/hosts.js';
import { lines } from '../support/run.js';
import type { Terminal } from '../support/terminal.js';
import { BIN, openFolder, openProgram, SOON } from './program.js';

const MODEL = 'llama3.2:1b';
const INTERRUPTED = { exitCode: 0, signal: 2 };
const LIMIT = { timeout: 3 * SOON };

let a: Sandbox;
let b: Sandbox;
let env: Readonly<Record<string, string>>;
beforeEach(async () => {
  a = await startSandbox({ installed: ['gemma3:1b'], rate: 2_500_000 });
  b = await startSandbox({ installed: ['gemma3:1b'], rate: 2_500_000 });
  const home = openHosts({ a: a.url, b: b.url });
  env = home.env;
  onTestFinished(async () => {
    home.close();
    await Promise.all([a.close(), b.close()]);
  });
});

function open(args: readonly string[], cols = 80): Terminal {
  return openProgram([...args, '--on', 'a,b'], '', { cols, env });
}

/** A file that declares what neither host has beside what both have. */
function declare(): string {
  const file = path.join(openFolder(), 'models.txt');
  writeFileSync(file, `gemma3:1b\n${MODEL}\n`);
  return file;
}

function countTotals(text: string): number {
  return text.split('\n').filter((row) => /^ total /.test(row)).length;
}

/** Whatever is in the midst of it, on the second host alone. */
function hang(path: string): void {
  b.setFaults([parseFault(`delay=60s:path=${path}`)]);
}

/** What is left in the terminal as words, without the terminal's own echo of Ctrl-C. */
function readLeft(terminal: Terminal): string {
  return terminal.scrollback().replace('^C', '').replace(/\s+/g, ' ');
}

/** A program with pipes for all streams, which is interrupted as soon as it has written the words. */
async function interrupt(args: readonly string[], words: string | RegExp) {
  const child = spawn(process.execPath, [BIN, ...args, '--on', 'a,b'], {
    env: { PATH: process.env['PATH'], HOME: openFolder(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 2 * SOON,
  });
  const said = { stdout: '', stderr: '' };
  let isStopped = false;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
      if (isStopped || said[name].search(words) < 0) return;
      isStopped = true;
      child.kill('SIGINT');
    });
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { ...said, code, signal };
}

describe('pull on two hosts', () => {
  test.each([
    [40, /^ a: lla….*\d% .*B\/s\n b: lla….*\d% .*B\/s$/m],
    [80, /^ a: llama3\.2:1b .*\d% .* MB \/ +13 MB [^]*^ {3}[0-9a-f]{12} .*\d%[^]*^ b: llama3\.2:1b .*\d% /m],
    [200, /^ a: llama3\.2:1b .*\d% .* MB \/ +13 MB [^]*^ {3}[0-9a-f]{12} .*\d%[^]*^ b: llama3\.2:1b .*\d% /m],
  ])('has a row for each and one total at %i columns', LIMIT, async (cols, rows) => {
    const terminal = open(['pull', MODEL], cols);
    const screen = await terminal.waitFor(rows, SOON);
    expect(countTotals(screen)).toBe(1);
    if (cols > 40) expect(screen).toMatch(/ total .* \d+% +[\d.]+ MB \/ +26 MB /);
    expect(terminal.scrollback()).toBe(terminal.screen());
    expect(Math.max(...screen.split('\n').map((row) => row.length))).toBeLessThanOrEqual(cols);
    expect(await terminal.exit).toEqual({ exitCode: 0, signal: 0 });
    for (const host of ['a', 'b']) expect(terminal.scrollback()).toContain(`✓ ${host}: ${MODEL}  `);
    expect(countTotals(terminal.scrollback())).toBe(0);
    expect(terminal.cursorVisible()).toBe(true);
  });

  test.each([40, 80, 200])(
    'tells at Ctrl-C what came on each, and how both go on, at %i columns',
    LIMIT,
    async (cols) => {
      const terminal = open(['pull', MODEL], cols);
      await terminal.waitFor(/^ a: lla.*[1-9]\d% [^]*^ b: lla.*[1-9]\d% /m, SOON);
      terminal.write('\x03');
      expect(await terminal.exit).toEqual(INTERRUPTED);
      const left = readLeft(terminal);
      expect(left).toMatch(
        /^ ?Stopped; [\d.]+ MB of [ab]: llama3\.2:1b and [\d.]+ MB of [ab]: .* are kept on the/,
      );
      for (const host of ['a', 'b']) expect(left).toContain(` of ${host}: ${MODEL} `);
      expect(left.replaceAll(' ', '')).toContain(`Goonwith:ollama-clipull--on'a,b'${MODEL}`);
      expect(countTotals(terminal.scrollback())).toBe(0);
      expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
    },
  );

  test('ends by the signal in a pipe, and tells the same; JSON has its last line', LIMIT, async () => {
    const text = await interrupt(['pull', MODEL], /b: llama3\.2:1b.* [1-9]\d%|[1-9]\d%.*b: llama3\.2:1b/);
    expect(text).toMatchObject({ code: null, signal: 'SIGINT', stdout: '' });
    expect(text.stderr).toContain(`ollama-cli pull --on 'a,b' ${MODEL}`);

    const json = await interrupt(['pull', MODEL, '--json'], '"completed":[1-9]');
    expect(json.signal).toBe('SIGINT');
    const events = lines(json.stdout);
    expect(events[0]).toMatchObject({ type: 'start', hosts: ['a', 'b'] });
    expect(events.at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'interrupted' },
      hosts: [
        { host: 'a', ok: false },
        { host: 'b', ok: false },
      ],
    });
  });
});

describe('rm on two hosts, of which the second takes its time', () => {
  const RM = ['rm', 'gemma3:1b', '--yes'];
  const REMOVED = 'a: removed gemma3:1b';

  test('tells at Ctrl-C what is gone, and dies of the signal', LIMIT, async () => {
    hang('/api/delete');
    const terminal = open(RM);
    await terminal.waitFor(REMOVED, SOON);
    terminal.write('\x03');
    expect(await terminal.exit).toEqual(INTERRUPTED);
    const left = readLeft(terminal);
    expect(left).toContain(REMOVED);
    expect(left).not.toContain('b: removed');
    expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
  });

  test('does so in a pipe', LIMIT, async () => {
    hang('/api/delete');
    const text = await interrupt(RM, REMOVED);
    expect(text).toMatchObject({ code: null, signal: 'SIGINT' });
    expect(text.stdout).toBe(`${REMOVED}, 8.2 MB\n`);
  });

  test('dies of the signal at its question, and removes nothing', LIMIT, async () => {
    const terminal = open(['rm', 'gemma3:1b']);
    await terminal.waitFor('[y/N]', SOON);
    terminal.write('\x03');
    expect(await terminal.exit).toEqual(INTERRUPTED);
    expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
    for (const { requests } of [a, b])
      expect(requests.filter(({ method }) => method === 'DELETE')).toEqual([]);
  });
});

describe('sync of two hosts', () => {
  test('tells at Ctrl-C in its pulls what came, and how to go on', LIMIT, async () => {
    const file = declare();
    const terminal = open(['sync', file, '--yes']);
    await terminal.waitFor(/^ a: lla.*[1-9]\d% [^]*^ b: lla.*[1-9]\d% /m, SOON);
    terminal.write('\x03');
    expect(await terminal.exit).toEqual(INTERRUPTED);
    const left = readLeft(terminal);
    for (const host of ['a', 'b']) expect(left).toContain(` of ${host}: ${MODEL} `);
    expect(left.replaceAll(' ', '')).toContain(`Goonwith:ollama-clisync${file}--on'a,b'`);
    expect(countTotals(terminal.scrollback())).toBe(0);
    expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
  });

  test('ends by the signal in a pipe; JSON has its last line', LIMIT, async () => {
    const file = declare();
    const text = await interrupt(['sync', file, '--yes'], /[1-9]\d%/);
    expect(text).toMatchObject({ code: null, signal: 'SIGINT' });
    expect(text.stderr).toContain(`ollama-cli sync ${file} --on 'a,b'`);

    const json = await interrupt(['sync', file, '--yes', '--json'], '"completed":[1-9]');
    expect(json.signal).toBe('SIGINT');
    const events = lines(json.stdout);
    expect(events[0]).toMatchObject({ type: 'start', hosts: ['a', 'b'] });
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'interrupted' } });
  });
});
