// A walk through the program: the real commands against the embedded server. In a terminal it stops between the
// steps and ends in the chat; in a pipe it runs through by itself.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { styleText } from 'node:util';
import { BIN, openStage } from './stage.js';

const STEPS = [
  ['health'],
  ['list'],
  ['pull', 'llama3.2:1b'],
  ['show', 'llama3.2:1b'],
  ['chat', 'llama3.2:1b', 'Why is the sky blue, in two lines?'],
  ['list', '--json'],
  ['rm', '--yes', 'llama3.2:1b'],
];
const LAST = ['chat', 'qwen3:8b'];
/** Slow enough to watch the pull, quick enough to wait for it. */
const RATE = '3MB';
const STEP_MS = 30_000;

const isTerminal = Boolean(process.stdin.isTTY && process.stdout.isTTY);
const bold = (text) => (process.stdout.isTTY ? styleText('bold', text) : text);
const dim = (text) => (process.stdout.isTTY ? styleText('dim', text) : text);
const say = (text) => process.stdout.write(`${text}\n`);

class Stopped extends Error {}
let running;
let isStopped = false;
/** Ends a wait for Enter. */
let wake = () => undefined;

function shellWord(word) {
  return /^[\w./:=-]+$/.test(word) ? word : `'${word}'`;
}

async function runStep(args, stage) {
  say(`\n${bold(`$ ollama-cli ${args.map(shellWord).join(' ')}`)}`);
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: stage.folder,
    env: stage.env,
    // In a pipe nobody is there to be asked, and what comes in is not a prompt.
    stdio: [isTerminal ? 'inherit' : 'ignore', 'inherit', 'inherit'],
  });
  running = child;
  const late = isTerminal ? undefined : setTimeout(() => child.kill('SIGKILL'), STEP_MS);
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...end) => resolve(end));
  });
  clearTimeout(late);
  running = undefined;
  if (code === 141) process.exitCode = 141; // whoever read our output has gone
  if (isStopped || signal === 'SIGINT' || code === 141) throw new Stopped();
  if (code !== 0) throw new Error(`the step "${args.join(' ')}" ended with ${code ?? signal}`);
}

/** Resolves to false at the end of the input. */
async function goesOn(text) {
  process.stdout.write(dim(`\n${text}`));
  // Not as a terminal: Ctrl-C stays a signal.
  const lines = createInterface({ input: process.stdin, terminal: false });
  const answer = await new Promise((resolve) => {
    lines.once('line', () => resolve(true));
    lines.once('close', () => resolve(false));
    wake = () => resolve(false);
  });
  lines.close();
  return answer && !isStopped;
}

async function walk(stage) {
  say(`This is the real program. It talks to its own embedded server at ${stage.url}, a sandbox with`);
  say('made-up models: their sizes are a hundredth of the real ones, their downloads and streams are real.');
  for (const [index, args] of STEPS.entries()) {
    if (isTerminal && index > 0 && !(await goesOn('Enter goes on, Ctrl-C ends: '))) return;
    await runStep(args, stage);
  }
  if (isTerminal && (await goesOn('Enter opens the chat (Ctrl-D leaves it), Ctrl-C ends: ')))
    await runStep(LAST, stage);
  say(`\nThat was the demo. To go on by yourself: node bin/ollama-cli.js sandbox`);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    isStopped = true;
    process.exitCode = signal === 'SIGINT' ? 130 : 143;
    // A terminal sends Ctrl-C to all of us; anything else only to this process.
    if (signal !== 'SIGINT' || !isTerminal) running?.kill(signal);
    wake();
  });
}
process.stdout.on('error', () => {
  isStopped = true;
  process.exitCode = 141;
  running?.kill('SIGTERM');
});

let stage;
try {
  stage = await openStage(['--rate', RATE]);
  await walk(stage);
} catch (error) {
  if (error instanceof Stopped) process.exitCode ??= 130;
  else if (!isStopped) {
    process.exitCode = 1;
    console.error(`demo: ${error.message}`);
  }
} finally {
  await stage?.close();
}
