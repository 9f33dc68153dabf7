// A place of its own for the real program: the embedded server on a free port, and a home folder with nothing in it.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const BIN = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'ollama-cli.js');
const START_MS = 15_000;
const STOP_MS = 3_000;

/** The environment without anything that would lead the program to the person's own settings or servers. */
function cleanEnvironment(home) {
  const kept = Object.entries(process.env).filter(([name]) => !/^(OLLAMA|XDG_)/i.test(name));
  const folders = [
    'XDG_CONFIG_HOME',
    'XDG_STATE_HOME',
    'XDG_CACHE_HOME',
    'XDG_DATA_HOME',
    'APPDATA',
    'LOCALAPPDATA',
  ];
  return {
    ...Object.fromEntries(kept),
    ...Object.fromEntries(folders.map((name) => [name, path.join(home, name.toLowerCase())])),
    HOME: home,
    USERPROFILE: home,
  };
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (chunk) => (said = (said + chunk).slice(-2_000)));
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the embedded server ended with ${code}: ${said.trim()}`)));
    setTimeout(
      () => reject(new Error(`the embedded server did not start: ${said.trim()}`)),
      START_MS,
    ).unref();
  });
}

/**
 * Starts the embedded server with `args`.
 * @param {string[]} args
 * @returns {Promise<{url: string, folder: string, env: Record<string, string>, close: () => Promise<void>}>}
 */
export async function openStage(args) {
  const home = realpathSync(mkdtempSync(path.join(tmpdir(), 'ollama-cli-')));
  const folder = path.join(home, 'work');
  mkdirSync(folder);
  const env = cleanEnvironment(home);
  const child = spawn(process.execPath, [BIN, 'sandbox', '--listen', '0', ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const close = async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(late);
    rmSync(home, { recursive: true, force: true });
  };
  try {
    const url = await firstLine(child);
    return { url, folder, env: { ...env, OLLAMA_HOST: url }, close };
  } catch (error) {
    await close();
    throw error;
  }
}
