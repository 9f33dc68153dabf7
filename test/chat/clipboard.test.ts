import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { clipboardPrograms, clipboardSequence, copyText } from '../../src/chat/clipboard.js';

const PLAIN = '\u001b]52;c;aMO2\u0007';

test('a terminal is asked by OSC 52', () => {
  expect(clipboardSequence('hö', { TERM: 'xterm' })).toBe(PLAIN);
});

test('tmux and screen pass it on', () => {
  expect(clipboardSequence('hö', { TERM: 'screen-256color', TMUX: '/tmp/tmux,1,0' })).toBe(
    '\u001bPtmux;\u001b\u001b]52;c;aMO2\u0007\u001b\\',
  );
  expect(clipboardSequence('hö', { TERM: 'screen' })).toBe(`\u001bP${PLAIN}\u001b\\`);
  const long = clipboardSequence('x'.repeat(600), { TERM: 'screen' }) ?? '';
  const pieces = [...long.matchAll(/\u001bP([^]*?)\u001b\\/g)].map(([, piece = '']) => piece);
  expect(pieces.length).toBeGreaterThan(1);
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(256);
  expect(pieces.join('')).toBe(`\u001b]52;c;${Buffer.from('x'.repeat(600)).toString('base64')}\u0007`);
});

test('a terminal that knows no sequences is not asked, nor any for a text that is too long', () => {
  expect(clipboardSequence('a', { TERM: 'dumb' })).toBeUndefined();
  expect(clipboardSequence('x'.repeat(75_000), { TERM: 'xterm' })).toBeDefined();
  expect(clipboardSequence('x'.repeat(75_001), { TERM: 'xterm' })).toBeUndefined();
});

test.each([
  ['darwin', {}, ['pbcopy']],
  ['win32', {}, ['clip.exe']],
  ['win32', { SystemRoot: 'C:\\Windows' }, ['C:\\Windows\\System32\\clip.exe']],
  ['linux', { WSL_DISTRO_NAME: 'Ubuntu', DISPLAY: ':0' }, ['clip.exe']],
  ['linux', { WAYLAND_DISPLAY: 'wayland-0', DISPLAY: ':0' }, ['wl-copy', 'xclip', 'xsel']],
  ['linux', { DISPLAY: ':0' }, ['xclip', 'xsel']],
  ['linux', {}, []],
  ['darwin', { SSH_CONNECTION: '::1 1 ::1 22' }, []],
] as const)('on %s with %j the programs are %j', (platform, env, programs) => {
  expect(clipboardPrograms({ platform, env }).map(([program]) => program)).toEqual(programs);
});

test.skipIf(process.platform === 'win32')('the first program that takes the text has it', async () => {
  const bin = mkdtempSync(path.join(tmpdir(), 'clipboard-'));
  onTestFinished(() => rmSync(bin, { recursive: true, force: true }));
  const script = (name: string, text: string): void => {
    writeFileSync(path.join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(path.join(bin, name), 0o755);
  };
  script('xclip', 'exit 1');
  script('xsel', `/bin/cat > '${bin}/copied'`);
  const env = { PATH: bin, DISPLAY: ':0', WAYLAND_DISPLAY: 'w', TERM: 'dumb' };
  const sent: string[] = [];
  const send = (bytes: string): void => void sent.push(bytes);
  // There is no wl-copy, and xclip fails.
  expect(await copyText({ env, platform: 'linux' }, 'text', send)).toEqual({
    terminal: false,
    program: 'xsel',
  });
  expect(readFileSync(path.join(bin, 'copied'), 'utf8')).toBe('text');
  expect(sent).toEqual([]);
  const none = { ...env, PATH: '', TERM: 'xterm' };
  expect(await copyText({ env: none, platform: 'linux' }, 'text', send)).toEqual({
    terminal: true,
    program: undefined,
  });
  expect(sent).toHaveLength(1);
});
