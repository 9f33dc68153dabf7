import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.js';
import { findCommand } from '../../src/flags.js';
import { buildProgram } from '../../src/program.js';
import { EXIT_CODES, EXIT_MEANINGS } from '../../src/failure.js';
import { VERSION } from '../../src/version.js';
import { closedPort, serve } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { ESCAPES, run, schemaErrors, TERMINAL } from '../support/run.js';

const manifest = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'),
) as { version: string };

describe('the program', () => {
  it('prints help and exits 0 when called alone', async () => {
    const alone = await run([]);
    expect(alone).toMatchObject({ code: 0, stderr: '' });
    expect(alone.stdout).toContain('Usage: ollama-cli');
    expect((await run(['--help'])).stdout).toBe(alone.stdout);
    expect(alone.stdout).not.toMatch(ESCAPES);
  });

  it('prints the version of the package, before a command only', async () => {
    expect(VERSION).toBe(manifest.version);
    for (const flag of ['-v', '--version'])
      expect(await run([flag])).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
    expect((await run(['list', '-v'])).code).toBe(2);
  });

  it.each([
    [['lst'], 'list'],
    [['list', '--jsn'], '--json'],
    [['pull'], 'model'],
    [['show', 'a', 'b'], 'too many'],
    [['list', '--color', 'pink'], 'auto, always, never'],
    [['list', '--timeout', 'soon'], 'timeout'],
    [['list', '-H', 'ftp://box'], 'ftp'],
    [['sandbox', '--listen', 'x:y'], '--listen'],
    [['sandbox', '--fault', 'nonsense'], 'nonsense'],
    [['sandbox', '--scale', '0'], '--scale'],
    [['sandbox', '--rate', 'x'], '--rate'],
    [['sandbox', '--models', '/dev/null'], '--models'],
    [['config', 'get', 'hots'], 'host'],
  ])('exits 2 for %j and names what is wrong', async (argv, word) => {
    const ran = await run(argv);
    expect(ran.code).toBe(2);
    expect(ran.stdout).toBe('');
    expect(ran.stderr.toLowerCase()).toContain(word.toLowerCase());
    const json = await run([...argv, '--json']);
    expect(json.code).toBe(2);
    expect(schemaErrors('error', JSON.parse(json.stderr))).toBe('');
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'usage' } });
  });

  it('says that a command’s own command is missing, and where its help is', async () => {
    const alone = await run(['config']);
    expect(alone).toMatchObject({ code: 2, stdout: '' });
    expect(alone.stderr).toContain('What to do with config is missing.');
    expect(alone.stderr).toContain('ollama-cli config --help');
    expect((await run(['config', 'lst'])).stderr).toContain('ollama-cli config --help');
    expect((await run(['lst'])).stderr).toContain('ollama-cli --help');
    expect((await run(['--json'])).stderr).toContain('A command is missing.');
    const topic = await run(['help', 'nonsense']);
    expect(topic.code).toBe(2);
    expect(topic.stderr).toContain('no such command or topic');
  });

  it.each([
    [['-H', ':11500'], 'A command is missing.', 'ollama-cli --help'],
    [['-qH', ':11500', '--timeout', '5s'], 'A command is missing.', 'ollama-cli --help'],
    [['-H', 'list'], 'A command is missing.', 'ollama-cli --help'],
    [['-H', ':11500', 'chta', 'x'], 'Did you mean chat?', 'ollama-cli --help'],
    [['sesions', 'list'], 'Did you mean sessions?', 'ollama-cli --help'],
    [['--config', 'list', 'sesions', 'list'], 'Did you mean sessions?', 'ollama-cli --help'],
    [['-H', ':11500', 'list', '--jsn'], 'Did you mean --json?', 'ollama-cli list --help'],
    [['--color', 'never', 'config'], 'What to do with config is missing.', 'ollama-cli config --help'],
    [['help', 'lst'], 'There is no such command or topic.', 'ollama-cli --help'],
  ])('takes no value of an option, and no later word, for the command: %j', async (argv, words, hint) => {
    const ran = await run([...argv, '--json']);
    expect(ran.code).toBe(2);
    const { error } = JSON.parse(ran.stderr) as { error: { message: string; hint: string } };
    expect(error.message).toContain(words);
    expect(error.hint).toBe(hint);
  });

  it('knows of each global option whether a word belongs to it', async () => {
    const { command } = await buildProgram([], testIo().io);
    for (const { long, short, required } of command.options) {
      for (const flag of [long, short].filter((name) => typeof name === 'string'))
        expect([flag, findCommand([flag, 'value', 'list'])]).toEqual([flag, required ? 2 : 1]);
    }
  });

  it('prints the version behind a host too', async () => {
    expect((await run(['-H', ':11500', '--version'])).stdout).toBe(`${VERSION}\n`);
  });

  it('takes the global options before and after the command', async () => {
    const server = await serve({ headers: { 'content-type': 'application/json' }, body: ['{"models":[]}'] });
    const before = await run(['-H', server.url, '--json', 'list']);
    const after = await run(['list', '--json', '--host', server.url]);
    expect(before.code).toBe(0);
    expect(after.stdout).toBe(before.stdout);
    await server.close();
  });

  it('documents every exit code that it can end with', async () => {
    const documented = EXIT_MEANINGS.flatMap(([code]) => code.split(', ').map(Number));
    for (const code of Object.values(EXIT_CODES)) expect(documented).toContain(code);
    const { stdout, code } = await run(['help', 'exit-codes']);
    expect(code).toBe(0);
    for (const [, meaning] of EXIT_MEANINGS) expect(stdout).toContain(meaning);
    expect((await run(['help', 'environment'])).stdout).toContain('OLLAMA_HOST');
    expect((await run(['help', 'pull'])).stdout).toContain('Usage: ollama-cli pull');
  });

  it('tells a closed port with how to start a server, in words and as JSON', async () => {
    const host = `127.0.0.1:${await closedPort()}`;
    const ran = await run(['list'], host);
    expect(ran.code).toBe(5);
    expect(ran.stderr).toMatch(
      /No Ollama server at http:\/\/127\.0\.0\.1:\d+: the connection was refused\.\n\n {2}start it +ollama serve/,
    );
    expect(ran.stderr).not.toMatch(ESCAPES);
    const json = await run(['list', '--json'], host);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'unreachable', host: `http://${host}` } });
    expect(json.stdout).toBe('');
  });

  it('colours errors only where colour is wanted', async () => {
    const host = `127.0.0.1:${await closedPort()}`;
    expect((await run(['list'], host, TERMINAL)).stderr).toContain('\x1b[31m');
    expect((await run(['list', '--no-color'], host, TERMINAL)).stderr).not.toContain('\x1b');
    expect((await run(['list', '--color', 'always'], host)).stderr).toContain('\x1b[31m');
    expect((await run(['list'], host, { ...TERMINAL, env: { NO_COLOR: '1' } })).stderr).not.toContain('\x1b');
    expect((await run(['list'], host, { ...TERMINAL, env: { LANG: 'C', NO_COLOR: '1' } })).stderr).toContain(
      '[x] No Ollama',
    );
  });

  it('breaks an error between words in a narrow terminal, and never in a pipe', async () => {
    const host = `127.0.0.1:${await closedPort()}`;
    const narrow = await run(['list', '--no-color'], host, { ...TERMINAL, columns: 40 });
    // An address to copy stays whole.
    expect(Math.max(...narrow.stderr.split('\n').map((line) => line.length))).toBeLessThan(50);
    expect(narrow.stderr.replace(/\s+/g, ' ')).toContain(
      `✗ No Ollama server at http://${host}: the connection was refused. start it`,
    );
    const pipe = await run(['list'], host, { columns: 40 });
    expect(pipe.stderr).toContain(`No Ollama server at http://${host}: the connection was refused.\n`);
  });

  it('names the same server in the next step', async () => {
    const sandbox = await startSandbox({ installed: [] });
    const ran = await run(['show', 'nope', '-H', sandbox.url]);
    expect(ran.stderr).toContain(`ollama-cli -H ${sandbox.url} pull nope`);
    expect((await run(['show', 'nope'], sandbox.url)).stderr).toContain('  ollama-cli pull nope');
    await sandbox.close();
  });

  it('shows HTTP with --debug, and no secret of it', async () => {
    const server = await serve({ headers: { 'content-type': 'application/json' }, body: ['{"models":[]}'] });
    const ran = await run(['list', '--debug', '-H', `http://me:hunter2@127.0.0.1:${server.port}`]);
    expect(ran.code).toBe(0);
    expect(server.requests[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('me:hunter2').toString('base64')}`,
    );
    expect(ran.stderr).toContain(`GET http://127.0.0.1:${server.port}/api/tags`);
    expect(ran.stderr).not.toContain('hunter2');
    await server.close();
    const failed = await run(['list', '--debug', '-H', `http://me:hunter2@127.0.0.1:${server.port}`]);
    expect(failed.stderr).toContain('OllamaError');
    expect(failed.stderr).not.toContain('hunter2');
  });

  it('names file, key and line of a wrong configuration', async () => {
    const cwd = await mkdtemp(path.join(tmpdir(), 'config-'));
    await writeFile(
      path.join(cwd, '.ollamarc'),
      'default_model: a\noptions:\n  temperature: warm\nhsot: x\n',
    );
    const ran = await run(['list'], undefined, { cwd });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toMatch(/\.ollamarc:3: options\.temperature/);
    expect(ran.stderr).toMatch(/\.ollamarc:4: .*hsot/);
    await writeFile(path.join(cwd, '.ollamarc'), 'default_model: a\nhost: "ftp://box"\n');
    const host = await run(['list'], undefined, { cwd });
    expect(host.code).toBe(2);
    expect(host.stderr).toMatch(/\.ollamarc:2: host/);
  });

  it('reads no configuration and opens no socket for help', async () => {
    const cwd = await mkdtemp(path.join(tmpdir(), 'config-'));
    await writeFile(path.join(cwd, '.ollamarc'), ']broken[');
    expect((await run(['list', '--help'], undefined, { cwd })).code).toBe(0);
    expect((await run(['list'], undefined, { cwd })).code).toBe(2);
  });
});

describe('config', () => {
  it('lists what is in force and where it came from', async () => {
    const cwd = await mkdtemp(path.join(tmpdir(), 'config-'));
    await writeFile(path.join(cwd, '.ollamarc'), '# mine\ndefault_model: gemma3:1b\n');
    const env = { OLLAMA_CLI_TIMEOUTS__CONNECT: '2s' };
    const { stdout, code } = await run(['config', 'list', '--show-origin', '-H', 'box:1'], undefined, {
      cwd,
      env,
    });
    expect(code).toBe(0);
    expect(stdout).toContain(`default_model\tgemma3:1b\tproject ${path.join(cwd, '.ollamarc')}:2\n`);
    expect(stdout).toContain('timeouts.connect\t2s\tenvironment OLLAMA_CLI_TIMEOUTS__CONNECT\n');
    expect(stdout).toContain('host\tbox:1\tflag --host\n');
    expect(stdout).toContain('auto_pull\task\tdefault\n');
    const json = await run(['config', 'list', '--json'], undefined, { cwd, env });
    expect(schemaErrors('config-list', JSON.parse(json.stdout))).toBe('');
    expect((await run(['config', 'get', 'default_model'], undefined, { cwd })).stdout).toBe('gemma3:1b\n');
    const unset = await run(['config', 'get', 'think'], undefined, { cwd });
    expect(unset).toEqual({ code: 0, stdout: '', stderr: 'think is not set.\n' });
    expect((await run(['config', 'get', 'presets.a.model', '-q'], undefined, { cwd })).stderr).toBe('');
    const unsetJson = await run(['config', 'get', 'think', '--json'], undefined, { cwd });
    expect(JSON.parse(unsetJson.stdout)).toMatchObject({
      key: 'think',
      value: null,
      origin: { kind: 'default' },
    });
    const nope = await run(['config', 'get', 'nope'], undefined, { cwd });
    expect([nope.code, nope.stdout]).toEqual([2, '']);
    expect(nope.stderr).toContain('There is no setting "nope".');
    expect((await run(['config', 'get', 'thnk'], undefined, { cwd })).stderr).toContain(
      'Did you mean think?',
    );
    expect((await run(['config', 'list'], undefined, { ...TERMINAL, cwd })).stdout).toContain('gemma3:1b');
    const unknown = await run(['config', 'list'], undefined, { env: { OLLAMA_CLI_BOGUS: '1' } });
    expect(unknown).toMatchObject({ code: 0, stderr: 'warning: OLLAMA_CLI_BOGUS is no setting\n' });
    expect((await run(['config', 'path'], undefined, { cwd })).stdout).toContain(path.join(cwd, '.ollamarc'));
  });
});
