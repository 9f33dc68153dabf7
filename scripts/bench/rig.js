// The place where things are measured: a server in its own process, folders with nothing of the person's in them, and
// the ways to run the program there.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as pty from '@lydell/node-pty';

const here = path.dirname(fileURLToPath(import.meta.url));
export const BIN = path.resolve(here, '..', '..', 'bin', 'ollama-cli.js');
export const script = (name) => path.join(here, name);
const USAGE = script('usage.cjs');
const SLOWEST_MS = 120_000;

/** Only what Node needs: a setting, a proxy or NODE_EXTRA_CA_CERTS of the person would be measured too. */
function plainEnvironment(home, url) {
  const kept = ['PATH', 'Path', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR', 'ComSpec', 'PATHEXT'];
  const own = {
    HOME: home,
    USERPROFILE: home,
    APPDATA: path.join(home, 'config'),
    LOCALAPPDATA: path.join(home, 'state'),
    XDG_CONFIG_HOME: path.join(home, 'config'),
    XDG_STATE_HOME: path.join(home, 'state'),
    XDG_CACHE_HOME: path.join(home, 'cache'),
    TERM: 'xterm-256color',
    OLLAMA_HOST: url,
  };
  const found = kept.filter((name) => process.env[name] !== undefined);
  return { ...Object.fromEntries(found.map((name) => [name, process.env[name]])), ...own };
}

/** What a server prints once it listens. */
async function firstLine(server) {
  return await new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).once('line', resolve);
    server.once('exit', () => reject(new Error('the server did not start')));
  });
}

/** Opens it: start nothing else before `close`. */
export async function openRig() {
  const home = realpathSync(mkdtempSync(path.join(tmpdir(), 'bench-')));
  const folders = { empty: path.join(home, 'empty'), settings: path.join(home, 'settings') };
  for (const folder of Object.values(folders)) mkdirSync(folder);
  const server = spawn(process.execPath, [script('server.js')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [url, oldUrl] = (await firstLine(server)).split(' ');
  writeFileSync(path.join(folders.settings, '.ollamarc'), `host: ${url}\n`);
  const env = plainEnvironment(home, url);
  let runs = 0;
  /** A file of its own for each run: some run side by side. */
  const withUsage = (environment = env) => ({
    ...environment,
    BENCH_USAGE: path.join(home, `usage-${(runs += 1)}.json`),
  });
  const readUsage = ({ BENCH_USAGE }) => JSON.parse(readFileSync(BENCH_USAGE, 'utf8'));
  const ofServer = (at) => ({ ...env, OLLAMA_HOST: at });

  /** Runs Node to its end; its time on the clock in milliseconds, and what it printed. */
  function run(args, { folder = folders.empty, environment = env } = {}) {
    const start = process.hrtime.bigint();
    const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
      cwd: folder,
      env: environment,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: SLOWEST_MS,
    });
    const ms = Number(process.hrtime.bigint() - start) / 1e6;
    if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status ?? error}: ${stderr}`);
    return { ms, stdout };
  }

  /** The same with processor time and peak memory. */
  function runWithUsage(args) {
    const environment = withUsage();
    run(['--require', USAGE, ...args], { environment });
    return readUsage(environment);
  }

  /** The same as `run`, while others run beside it. */
  async function runBeside(args, environment = env) {
    const start = process.hrtime.bigint();
    const child = spawn(process.execPath, args, {
      cwd: folders.empty,
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: SLOWEST_MS,
    });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said = (said + String(chunk)).slice(-2_000);
    });
    const status = await new Promise((resolve) => child.once('close', resolve));
    const ms = Number(process.hrtime.bigint() - start) / 1e6;
    if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${said}`);
    return { ms };
  }

  /** Starts the program's sandbox with these arguments: a server of the real protocol, and a registry. */
  async function openSandbox(args) {
    const sandbox = spawn(process.execPath, [BIN, 'sandbox', '--listen', '0', ...args], {
      cwd: folders.empty,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return { url: await firstLine(sandbox), close: () => sandbox.kill() };
  }

  /** Starts Node in a terminal. */
  function open(args, environment) {
    return pty.spawn(process.execPath, args, {
      cols: 80,
      rows: 24,
      cwd: folders.empty,
      env: environment,
      encoding: null,
    });
  }

  /** Runs the program in a terminal to its end. */
  async function runInTerminal(args, around) {
    const environment = withUsage(around);
    const terminal = open(['--require', USAGE, BIN, ...args], environment);
    const start = process.hrtime.bigint();
    let bytes = 0;
    let last = '';
    terminal.onData((data) => {
      bytes += data.length;
      last = (last + String(data)).slice(-2_000);
    });
    const { exitCode } = await new Promise((resolve) => terminal.onExit(resolve));
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    if (exitCode !== 0) throw new Error(`ollama-cli ${args.join(' ')} ended with ${exitCode}: ${last}`);
    return { ...readUsage(environment), bytes, seconds };
  }

  /** Milliseconds until the program in a terminal has drawn `text`; it is stopped then. */
  async function timeToText(args, text, environment = env) {
    const start = process.hrtime.bigint();
    const terminal = open([BIN, ...args], environment);
    const ended = new Promise((resolve) => terminal.onExit(resolve));
    const ms = await new Promise((resolve, reject) => {
      let drawn = '';
      terminal.onData((data) => {
        drawn += String(data);
        if (drawn.includes(text)) resolve(Number(process.hrtime.bigint() - start) / 1e6);
      });
      void ended.then(() => reject(new Error(`ollama-cli ${args.join(' ')} ended: ${drawn}`)));
    });
    terminal.kill('SIGKILL');
    await ended;
    return ms;
  }

  /** How long the server's last answer took by itself, in milliseconds. */
  const chatMs = async () => Number(await (await fetch(`${url}/took`)).text());

  function close() {
    server.kill();
    rmSync(home, { recursive: true, force: true });
  }

  return {
    ...{ url, oldUrl, home, folders, env, ofServer, chatMs, open, close },
    ...{ run, runBeside, runWithUsage, runInTerminal, timeToText, openSandbox },
  };
}
