// Everything that has to hold before a change goes in. Runs all of it, also after a failure, and closes with
// `N passed, N failed, N skipped`: the tests, and each other step that failed.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const bin = (name) => path.join(root, 'node_modules', name);

/** Groups run one after the other, the steps of a group together; no more than two, which is what a small machine has cores for. */
const GROUPS = [
  [{ name: 'ready', commands: [['scripts/ready.js']] }],
  [
    { name: 'types', commands: [[bin('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json']] },
    { name: 'lint', commands: [[bin('eslint/bin/eslint.js'), '.']] },
  ],
  [
    { name: 'format', commands: [[bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']] },
    { name: 'dead code', commands: [[bin('knip/bin/knip.js')]] },
  ],
  [
    {
      name: 'package',
      commands: [
        [bin('publint/src/cli.js'), '--strict'],
        [bin('@arethetypeswrong/cli/dist/index.js'), '--pack', '.', '--profile', 'esm-only'],
      ],
    },
  ],
];

/** Runs Node with `args`; resolves with its exit code and what it printed. */
function runNode(args, stdio = ['ignore', 'pipe', 'pipe']) {
  // Vitest colours its output wherever CI is set.
  const child = spawn(process.execPath, args, { cwd: root, stdio, env: { ...process.env, NO_COLOR: '1' } });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ ok: code === 0, output: output.trimEnd() }));
  });
}

function report(name, ok, since) {
  console.log(
    `${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(10)} ${((Date.now() - since) / 1000).toFixed(1)} s`,
  );
}

async function runStep({ name, commands }) {
  const since = Date.now();
  const results = [];
  for (const command of commands) results.push(await runNode(command));
  const failed = results.filter((result) => !result.ok);
  report(name, failed.length === 0, since);
  for (const { output } of failed) console.log(output.replace(/^/gm, '        '));
  return failed.length === 0;
}

/** A file that could not be loaded, and an error outside of any test, count as one failed test each. */
function countTests(file, ok) {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(file, 'utf8'),
  );
  const notLoaded = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = numFailedTests + notLoaded;
  return {
    passed: numPassedTests,
    failed: failed === 0 && !ok ? 1 : failed,
    skipped: numPendingTests + numTodoTests,
  };
}

async function runTests() {
  const since = Date.now();
  const folder = mkdtempSync(path.join(tmpdir(), 'check-'));
  const file = path.join(folder, 'tests.json');
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${file}`];
  const { ok } = await runNode(
    [bin('vitest/vitest.mjs'), 'run', ...reporters],
    ['ignore', 'inherit', 'inherit'],
  );
  const counts = countTests(file, ok);
  rmSync(folder, { recursive: true, force: true });
  report('tests', counts.failed === 0, since);
  return counts;
}

let failedSteps = 0;
for (const group of GROUPS) {
  const results = await Promise.all(group.map(runStep));
  failedSteps += results.filter((ok) => !ok).length;
}
const tests = await runTests();
const failed = tests.failed + failedSteps;
console.log(`\n${tests.passed} passed, ${failed} failed, ${tests.skipped} skipped`);
if (failed > 0) process.exitCode = 1;
