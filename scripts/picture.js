// Draws the pictures of the README, docs/pull.svg and docs/chat.svg, from the real program in a pseudo-terminal.
// Run it after a change of the views: `node scripts/ready.js && node scripts/picture.js`.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { BIN, openStage } from './stage.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const COLS = 80;

/** The tests' own terminal; this Node may not read TypeScript. */
async function loadTerminal() {
  const outfile = path.join(root, 'node_modules', '.cache', 'picture', 'terminal.mjs');
  await esbuild.build({
    entryPoints: [path.join(root, 'test', 'support', 'terminal.ts')],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  });
  return import(pathToFileURL(outfile).href);
}

function save(name, svg) {
  const folder = path.join(root, 'docs');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, name), svg);
  console.log(`docs/${name}`);
}

/** Starts the embedded server and a program on it, and closes both when `draw` is done. */
async function shoot(name, { server, args, rows }, draw) {
  const { openTerminal } = await loadTerminal();
  const stage = await openStage(server);
  const env = { ...stage.env, TERM: 'xterm-256color', COLORTERM: 'truecolor' };
  delete env.CI;
  const terminal = openTerminal({ args: [BIN, ...args], cols: COLS, rows, env, cwd: stage.folder });
  try {
    await draw(terminal);
    save(name, terminal.svg(`ollama-cli ${args.join(' ')}`));
  } finally {
    await terminal.close();
    await stage.close();
  }
}

// A model of two large layers: one is done, the other comes.
await shoot('pull.svg', { server: ['--rate', '8MB'], args: ['pull', 'llava:7b'], rows: 20 }, (terminal) =>
  terminal.waitFor(/ done [^]*\n [0-9a-f]{12} .* [5-7]\d%/, 60_000),
);

await shoot('chat.svg', { server: [], args: ['chat', 'qwen3:8b'], rows: 30 }, async (terminal) => {
  await terminal.waitFor('›', 30_000);
  terminal.write('Why is the sky blue, in two lines?');
  await terminal.waitFor('in two lines?');
  terminal.write('\r');
  await terminal.waitFor(/tokens · .* a second/, 60_000);
  terminal.write('And why are sunsets red?');
  await terminal.waitFor('sunsets red?');
});
