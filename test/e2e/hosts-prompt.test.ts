import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { serve } from '../support/fault-server.js';
import { openFolder, openProgram, openShell, runProgram, SOON } from './program.js';

const HUSH = 'hush-4711';

test(
  'a token is typed unseen, kept for its owner alone, and sent to its host',
  { timeout: 3 * SOON },
  async () => {
    const server = await serve({
      headers: { 'content-type': 'application/json' },
      body: ['{"version":"0.24.0","models":[]}'],
    });
    const home = openFolder();
    const terminal = openProgram(['hosts', 'add', 'gpu', server.url, '--token'], '', { env: { HOME: home } });
    await terminal.waitFor('Token for gpu (not shown):', SOON);
    terminal.write(`${HUSH}x\u007f\r`);
    await terminal.waitFor(/added gpu: .*, with a bearer token/, SOON);
    expect(terminal.raw()).not.toContain('hush');
    const kept = path.join(home, '.config', 'ollama-cli', 'credentials', 'gpu');
    expect(readFileSync(kept, 'utf8')).toContain(`authorization: Bearer ${HUSH}\n`);
    expect(statSync(kept).mode & 0o777).toBe(0o600);

    const ran = await runProgram(['list', '-H', 'gpu', '--debug'], undefined, { env: { HOME: home } });
    expect(ran.code).toBe(0);
    expect(ran.stdout + ran.stderr).not.toContain('hush');
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${HUSH}`);
    await server.close();
  },
);

test('Ctrl-C at the question leaves a terminal that shows what is typed', { timeout: 3 * SOON }, async () => {
  const home = openFolder();
  const terminal = openShell('$CLI hosts add gpu box --token; echo "code $?"; stty -a', '', {
    env: { HOME: home },
  });
  await terminal.waitFor('Token for gpu (not shown):', SOON);
  terminal.write(`${HUSH}\u0003`);
  await terminal.waitFor('code 130', SOON);
  await terminal.waitFor(/(?<!-)\becho\b/, SOON);
  expect(terminal.raw()).not.toContain('hush');
});
