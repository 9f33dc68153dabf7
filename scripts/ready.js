// Makes a clone ready to run: installs what is missing, builds what is older than its sources. Says nothing where
// there is nothing to do. Uses only what Node and npm bring along.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const SOURCES = [
  ...['src', 'bin', 'scripts/build.js', 'scripts/build'],
  ...['package.json', 'tsconfig.json', 'tsconfig.lib.json'],
];
const BUILT = ['dist/cli/main.js', 'dist/lib/index.js'];

const readJson = (name) => JSON.parse(readFileSync(path.join(root, name), 'utf8'));

function isNodeTooOld() {
  const least = /\d+\.\d+\.\d+/.exec(readJson('package.json').engines.node)[0];
  const isTooOld = process.versions.node.localeCompare(least, 'en', { numeric: true }) < 0;
  if (isTooOld) console.error(`ollama-cli needs Node ${least} or newer; this is ${process.versions.node}`);
  return isTooOld;
}

/** Compares what npm has installed with what the lock file asks for: times say nothing after a checkout. */
function isInstalled() {
  if (!existsSync(path.join(root, 'node_modules/.package-lock.json'))) return false;
  const installed = readJson('node_modules/.package-lock.json').packages;
  return Object.entries(readJson('package-lock.json').packages).every(
    ([name, { version, optional }]) =>
      name === '' ||
      installed[name]?.version === version ||
      (optional === true && installed[name] === undefined),
  );
}

function newestIn(file) {
  const stat = statSync(file);
  if (!stat.isDirectory()) return stat.mtimeMs;
  // The folder's own time tells of files that were removed.
  return Math.max(stat.mtimeMs, ...readdirSync(file).map((name) => newestIn(path.join(file, name))));
}

function isBuilt() {
  const built = BUILT.map((name) => path.join(root, name));
  if (!built.every((file) => existsSync(file))) return false;
  const newest = Math.max(
    ...SOURCES.map((name) => path.join(root, name))
      .filter((file) => existsSync(file))
      .map(newestIn),
  );
  return built.every((file) => statSync(file).mtimeMs >= newest);
}

/** True when it went well; what it prints goes to stderr. */
function run(command, args, options) {
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options }).status === 0;
}

function npm(args) {
  const quiet = [...args, '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const own = process.env.npm_execpath;
  // npm says where it is when it started us; else the shell finds it (on Windows it is npm.cmd).
  if (own !== undefined && /\.c?js$/.test(own)) return run(process.execPath, [own, ...quiet]);
  return run('npm', quiet, { shell: process.platform === 'win32' });
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function isAbandoned(lock, owner) {
  try {
    const pid = Number(readFileSync(owner, 'utf8'));
    // A process that has just made the folder has not written its number yet.
    return pid === 0 ? Date.now() - statSync(lock).mtimeMs > 5_000 : !isAlive(pid);
  } catch (error) {
    return error.code === 'ENOENT' && existsSync(lock) && Date.now() - statSync(lock).mtimeMs > 5_000;
  }
}

/** Runs `work` while no other process does, so that `npm test` beside `npm run demo` meets no half-built program. */
async function alone(work) {
  const lock = path.join(tmpdir(), `ready-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`);
  const owner = path.join(lock, 'pid');
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    await sleep(200);
    if (isAbandoned(lock, owner)) rmSync(lock, { recursive: true, force: true });
  }
  writeFileSync(owner, String(process.pid));
  try {
    return work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function makeReady() {
  if (!isInstalled()) {
    console.error('installing the packages (npm ci)');
    if (!npm(['ci'])) {
      console.error('npm ci did not work here; trying npm install');
      if (!npm(['install', '--no-save'])) return false;
    }
  }
  if (!isBuilt()) {
    console.error('building (npm run build)');
    if (!run(process.execPath, ['scripts/build.js'])) return false;
  }
  return true;
}

if (isNodeTooOld()) process.exitCode = 1;
else if (!(isInstalled() && isBuilt()) && !(await alone(makeReady))) process.exitCode = 1;
