import path from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { renderMarkdown } from '../../src/markdown/markdown.js';
import { openTerminal } from '../support/terminal.js';
import type { Terminal, TerminalOptions } from '../support/terminal.js';
import { lookOf } from './look.js';

const root = path.resolve(import.meta.dirname, '../..');
const driver = path.join(root, 'node_modules/.cache/print-driver/driver.mjs');

beforeAll(async () => {
  await build({
    entryPoints: [path.join(import.meta.dirname, 'print-driver.ts')],
    outfile: driver,
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['highlight.js'],
    logLevel: 'silent',
  });
});

const opened: Terminal[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((terminal) => terminal.close()));
});

function print(text: string, options: TerminalOptions = {}): Terminal {
  const terminal = openTerminal({ args: [driver, text], ...options });
  opened.push(terminal);
  return terminal;
}

const TEXT = [
  '# A title\n\nA paragraph that is long enough to be wrapped into several rows of a terminal that is narrow, twice.\n\n',
  '- one\n- two\n\n```js\nconst a = 1;\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nThe end of it.',
].join('');

describe('an answer that is printed on a terminal', () => {
  test.each([
    [40, 24],
    [80, 10],
    [23, 5],
  ])('stands there as the whole is drawn, in %i columns and %i rows', async (cols, rows) => {
    const terminal = print(TEXT, { cols, rows });
    await terminal.exit;
    const wanted = [...renderMarkdown(TEXT, lookOf(cols)), '[the end]'].join('\n');
    expect(terminal.scrollback()).toBe(wanted);
  });

  test('shows what may still change, and draws it anew where it stands', async () => {
    const terminal = print('Some **bold%WAIT%er** text.', { cols: 40 });
    await terminal.waitFor('Some **bold');
    terminal.write(' ');
    await terminal.exit;
    expect(terminal.scrollback()).toBe('Some bolder text.\n[the end]');
    expect(terminal.raw()).toContain('\u001b[?2026h');
  });

  test('draws no more rows that may change than the screen has', async () => {
    const table = `| a | b |\n|---|---|\n${'| 1 | 2 |\n'.repeat(30)}| 8 | 9 |\n%WAIT%\ndone`;
    const terminal = print(table, { cols: 30, rows: 8 });
    await terminal.waitFor('8 │ 9');
    terminal.write(' ');
    await terminal.exit;
    expect(terminal.scrollback().split('\n')).toHaveLength(2 + 31 + 1 + 1 + 1);
    expect(terminal.scrollback()).toMatch(/^a │ b\n─/);
  });

  test('goes on below what is settled when the terminal has become narrower or wider', async () => {
    const text = `First.\n\n${'word '.repeat(20)}narrow%SIZE% and more to come: wide%SIZE% at the end.\n\nLast.`;
    const terminal = print(text, { cols: 60, rows: 12 });
    await terminal.waitFor('narrow');
    terminal.resize(30, 12);
    await terminal.waitFor('wide');
    terminal.resize(90, 12);
    await terminal.exit;
    const shown = terminal.scrollback();
    expect(shown.match(/First\./g)).toHaveLength(1);
    expect(shown.match(/word/g)).toHaveLength(20);
    expect(shown.replace(/\s+/g, ' ')).toContain('narrow and more to come: wide at the end. Last. [the end]');
  });
});
