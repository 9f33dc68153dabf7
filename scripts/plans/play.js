// Plays a plan: the built program pulls from a sandbox in a process of its own, which fails as the plan says.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { STALL_MS } from './faults.js';
import { blobFile, judgeEnd, judgeLines, judgeModels } from './judge.js';

const BIN = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'bin', 'ollama-cli.js');
/** A pull that is not over by then hangs. */
const LONGEST_MS = 60_000;
const MODELS_PACE = ['--scale', '0.005', '--rate', '2.5MB'];

/** What runs; nothing of it is to outlive the one who started it. */
const running = new Set();
const homes = new Set();

function start(args, options) {
  const child = spawn(process.execPath, [BIN, ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Ends all servers and pulls at once, and removes what they wrote. */
export function endAll() {
  for (const child of running) child.kill('SIGKILL');
  for (const home of homes) rmSync(home, { recursive: true, force: true });
}

function environment(home, more = {}) {
  return {
    ...{ PATH: process.env.PATH, HOME: home, TMPDIR: process.env.TMPDIR ?? tmpdir() },
    ...{ OLLAMA_CLI_RETRY__DELAY: '30ms', OLLAMA_CLI_RETRY__MAX_DELAY: '200ms' },
    ...more,
  };
}

/** Starts a sandbox on the folder; with `port` it comes again where it was. */
async function startServer({ models, home }, faults, port = 0) {
  const words = faults.flatMap(({ text, times }) => [
    '--fault',
    times === undefined ? text : `${text}:times=${times}`,
  ]);
  const args = ['sandbox', '--empty', '--models', models, '--listen', String(port), ...MODELS_PACE, ...words];
  const child = start(args, { env: environment(home) });
  let said = '';
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', () => reject(new Error(`the sandbox did not start: ${said}`)));
  });
  const end = async (signal) => {
    const gone = child.exitCode !== null || child.signalCode !== null || once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  return { url, port: Number(new URL(url).port), end };
}

async function readFired(url) {
  const response = await fetch(`${url}/sandbox/faults`);
  return (await response.json()).fired;
}

/** The faults that are left after some of their times. */
function leftOf(faults, fired) {
  return faults.flatMap((fault) => {
    if (fault.times === undefined) return [fault];
    const times = fault.times - (fired[fault.name] ?? 0);
    return times > 0 ? [{ ...fault, times }] : [];
  });
}

/** Runs the program to its end. `see` is told of each line as it comes. */
async function runPull({ home, cwd }, args, env, see) {
  const child = start(args, { cwd, env: environment(home, env) });
  const lines = [];
  let stderr = '';
  let hangs = false;
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text);
    lines.push(line);
    see(line, lines);
  });
  const limit = setTimeout(() => {
    hangs = true;
    child.kill('SIGKILL');
  }, LONGEST_MS);
  const [code, signal] = await once(child, 'close');
  clearTimeout(limit);
  return { code: code ?? signal, lines, stderr, hangs };
}

/** Counts what strikes over all lives of the server, and ends one of them in the midst. */
function watchServer(folders, plan, first) {
  let server = first;
  let running = true;
  let counted = 0;
  let killing;
  let killed = false;
  const fired = {};
  const count = async () => {
    for (const [name, times] of Object.entries(await readFired(server.url)))
      fired[name] = (fired[name] ?? 0) + times;
  };
  const kill = async () => {
    await count();
    if (!running) return;
    killed = true;
    await server.end('SIGKILL');
    await sleep(plan.kill.downMs);
    server = await startServer(folders, leftOf(plan.faults, fired), server.port);
  };
  return {
    see: ({ type }) => {
      if (type === 'progress') counted += 1;
      if (plan.kill !== undefined && counted >= plan.kill.afterLines) killing ??= kill();
    },
    /** What struck, and whether the server was killed; ends it. */
    stop: async () => {
      running = false;
      await killing;
      if (killing === undefined || killed) await count();
      await server.end('SIGTERM');
      return { fired, killed };
    },
  };
}

/** A layer is called done only where the server keeps it. A wrong one is kept until it is verified, and gone then. */
function watchLayers(models, plan, problems) {
  const mayVanish = plan.faults.some(({ name }) => name === 'corrupt');
  return ({ type, layer_done, model, digest }) => {
    if (type !== 'progress' || layer_done !== true || mayVanish) return;
    if (!existsSync(blobFile(models, digest))) problems.push(`${model}: ${digest} was called done too soon`);
  };
}

/** What `list` says of what is there, asked of a server that has none of the faults. */
async function judgeList(folders, results) {
  if (results.length === 0) return [];
  const server = await startServer(folders, []);
  const { lines } = await runPull(folders, ['list', '--json', '--host', server.url], {}, () => undefined);
  await server.end('SIGTERM');
  const listed = new Map((lines[0]?.models ?? []).map(({ name, digest }) => [name, digest]));
  return results.flatMap(({ model, digest }) => {
    const found = listed.get(model.includes(':') ? model : `${model}:latest`);
    if (found === undefined) return [`list does not show ${model}`];
    return digest === undefined || found === digest ? [] : [`list shows another ${model}`];
  });
}

/**
 * Plays one plan to its end.
 * @param {import('./plan.js').Plan} plan
 * @returns {Promise<{state: 'passed' | 'failed' | 'not fired', problems: readonly string[], seconds: number, end: string}>}
 */
export async function playPlan(plan) {
  const home = mkdtempSync(path.join(tmpdir(), 'plans-'));
  const folders = { home, models: path.join(home, 'models'), cwd: path.join(home, 'cwd') };
  homes.add(home);
  mkdirSync(folders.cwd);
  const since = performance.now();
  try {
    const server = await startServer(folders, plan.faults);
    const watch = watchServer(folders, plan, server);
    const problems = [];
    const seeLayers = watchLayers(folders.models, plan, problems);
    const args = ['pull', ...plan.models, '--json', '--stall', `${STALL_MS}ms`, ...plan.flags];
    const env = { OLLAMA_HOST: server.url, ...(plan.withFolder ? { OLLAMA_MODELS: folders.models } : {}) };
    const ran = await runPull(folders, args, env, (line) => {
      seeLayers(line);
      watch.see(line);
    });
    const { fired, killed } = await watch.stop();
    if (ran.hangs) problems.push(`it did not end within ${LONGEST_MS / 1000} s`);
    else problems.push(...judgeEnd(plan, { ...ran, killed, fired }));
    problems.push(...judgeLines(ran.lines), ...(await judgeModels(folders.models, ran.lines)));
    const results = ran.lines.filter(({ type }) => type === 'model_result');
    problems.push(...(await judgeList(folders, results)));
    const hasFired =
      plan.faults.every(({ name }) => fired[name] !== undefined) && killed === (plan.kill !== undefined);
    const last = ran.lines.at(-1);
    return {
      state: problems.length > 0 ? 'failed' : hasFired ? 'passed' : 'not fired',
      problems,
      seconds: (performance.now() - since) / 1000,
      end: last?.error?.code ?? last?.type ?? 'nothing',
      lines: ran.lines,
    };
  } finally {
    homes.delete(home);
    rmSync(home, { recursive: true, force: true });
  }
}
