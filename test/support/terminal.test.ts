import { expect, test } from 'vitest';
import { openTerminal } from './terminal.js';

const program = (code: string) => ({ args: ['-e', code] });

test('shows what the program drew, without its escape codes, and how it ended', async () => {
  const terminal = openTerminal(
    program(`process.stdout.write('\\x1b[31mred\\x1b[0m\\r\\nlast'); process.exitCode = 3`),
  );
  expect(await terminal.exit).toEqual({ exitCode: 3, signal: 0 });
  expect(terminal.screen()).toBe('red\nlast');
  expect(terminal.raw()).toContain('\x1b[31mred');
});

test('what scrolled away is in the scrollback and not on the screen', async () => {
  const terminal = openTerminal({
    ...program(`for (let i = 1; i <= 10; i++) console.log('line ' + i)`),
    rows: 4,
  });
  await terminal.exit;
  expect(terminal.screen()).toBe('line 8\nline 9\nline 10');
  expect(terminal.scrollback().split('\n')).toHaveLength(10);
});

test('types, answers the queries of a program, and knows its size', async () => {
  const terminal = openTerminal({
    ...program(
      `process.stdin.setRawMode(true); process.stdout.write('\\x1b[6n');
       process.stdin.on('data', (d) => { console.log(JSON.stringify(String(d))); if (String(d) === 'q') process.exit() });
       process.stdout.on('resize', () => console.log(process.stdout.columns + 'x' + process.stdout.rows));`,
    ),
    cols: 60,
  });
  await terminal.waitFor('"\\u001b[1;1R"');
  terminal.resize(70, 20);
  await terminal.waitFor('70x20');
  terminal.write('q');
  await terminal.waitFor('"q"');
  expect((await terminal.exit).exitCode).toBe(0);
});

test('a wait that is not met says what the screen shows instead', async () => {
  const terminal = openTerminal(program(`console.log('something else'); setInterval(() => {}, 1000)`));
  await terminal.waitFor('something');
  await expect(terminal.waitFor(/never/, 50)).rejects.toThrow(
    /50 ms passed without \/never\/[^]*something else/,
  );
  expect((await terminal.close()).signal).toBe(9);
  await expect(terminal.waitFor('never')).rejects.toThrow('the program ended');
});

test('knows whether the cursor is shown and pastes are bracketed', async () => {
  const terminal = openTerminal(
    program(`process.stdout.write('\\x1b[?25l\\x1b[?2004hon'); process.stdin.once('data', () => {
      process.stdout.write('\\x1b[?25h\\x1b[?2004l off'); process.exit() })`),
  );
  await terminal.waitFor('on');
  expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([false, true]);
  terminal.write('\r');
  await terminal.exit;
  expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
});

test('the environment of the tests does not reach the program', async () => {
  const terminal = openTerminal({
    ...program(
      `console.log(['CI', 'VITEST', 'NO_COLOR', 'GIVEN', 'TERM'].map((name) => process.env[name]).join(' '))`,
    ),
    env: { GIVEN: 'given' },
  });
  await terminal.exit;
  expect(terminal.screen()).toBe('   given xterm-256color');
});

test('a picture has the text in its colours and nothing that would break it', async () => {
  const terminal = openTerminal({ ...program(`console.log('\\x1b[32m<ok>\\x1b[0m a & b   c')`), cols: 20 });
  await terminal.exit;
  const picture = terminal.svg('a "title"');
  expect(picture).toMatch(/fill="#98c379"[^>]*>&lt;ok&gt;</);
  expect(picture).toContain('>a &amp; b</text>');
  // Columns are kept by positions, not by spaces: `c` stands in the fourteenth.
  expect(picture).toMatch(/x="123.2"[^>]*>c<\/text>/);
  expect(picture).toContain('aria-label="a &quot;title&quot;"');
  expect(terminal.svg('', { dark: false })).toContain('fill="#ffffff"');
});
