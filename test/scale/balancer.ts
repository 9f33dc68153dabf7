import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

export type BalancerName = 'haproxy' | 'nginx';

const DOCUMENT = path.join(import.meta.dirname, '../../docs/scale.md');
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`;
const ADDRESSES = ['10.0.0.11:11434', '10.0.0.12:11434'];

/** Whether the program is on this machine; `.ci/run` installs it where it may. */
export function hasBalancer(name: BalancerName): boolean {
  return spawnSync(name, ['-v'], { env: { PATH } }).status === 0;
}

/** The block of that language in docs/scale.md. */
export function readBlock(language: string): string {
  const text = readFileSync(DOCUMENT, 'utf8');
  const block = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(text)?.[1];
  if (block === undefined) throw new Error(`docs/scale.md has no block of ${language}`);
  return block;
}

function replaceOnce(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`docs/scale.md names ${from} not once`);
  return text.replace(from, to);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts the balancer with its configuration of docs/scale.md before two servers, until the end of the test; gives its URL. */
export async function startBalancer(name: BalancerName, servers: readonly string[]): Promise<string> {
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), 'balancer-'));
  // nginx gives its workers a user of their own.
  chmodSync(folder, 0o755);
  let config = replaceOnce(readBlock(name), '127.0.0.1:8080', `127.0.0.1:${port}`);
  for (const [at, address] of ADDRESSES.entries())
    config = replaceOnce(config, address, new URL(servers[at] ?? '').host);
  const file = path.join(folder, `${name}.conf`);
  writeFileSync(file, name === 'nginx' ? withOwnFolders(config, folder) : config);
  const args =
    name === 'nginx'
      ? ['-p', folder, '-c', file, '-g', `daemon off; pid ${folder}/pid; error_log stderr;`]
      : ['-db', '-f', file];
  const child = spawn(name, args, { env: { PATH }, stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (words += chunk));
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  onTestFinished(async () => {
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await gone;
    clearTimeout(kill);
    rmSync(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    if (child.exitCode !== null || tries > 200) throw new Error(`${name} did not start: ${words}`);
    const isUp = await fetch(`${url}/api/version`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return url;
    await sleep(50);
  }
}

/** Where nginx puts what it can't hold; the package's own folders are for its service. */
function withOwnFolders(config: string, folder: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const lines = kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`);
  return replaceOnce(config, 'http {\n', `http {\n${lines.join('\n')}\n`);
}
