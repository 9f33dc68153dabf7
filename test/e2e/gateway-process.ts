import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { BIN, openFolder } from './program.js';

/** The built program's gateway, in a process of its own. */
export interface GatewayProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly token: string;
  /** All that it has said on stderr. */
  said(): string;
  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void;
  /** Resolves when it is gone, with its exit code or the signal that it died of. */
  readonly exited: Promise<number | NodeJS.Signals | null>;
}

/** Starts a gateway to the server at `host`, until the end of the test. */
export async function startGatewayProcess(
  host: string,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [BIN, '-H', host, 'gateway', '--listen', '0', ...flags], {
    env: { PATH: process.env['PATH'], HOME: openFolder(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  const exited = once(child, 'exit').then(([code, signal]) => (signal ?? code) as number | NodeJS.Signals);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const lines = createInterface({ input: child.stdout });
  const [url] = (await Promise.race([
    once(lines, 'line'),
    exited.then(() => Promise.reject(new Error(`the gateway did not start: ${said}`))),
  ])) as [string];
  const tokenOf = (): string | undefined => /^Token: (\S+)$/m.exec(said)?.[1];
  while (!said.includes('Try: ')) await once(child.stderr, 'data');
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    token: tokenOf() ?? '',
    said: () => said,
    signal: (signal) => void child.kill(signal),
    exited,
  };
}
