import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { BIN, openFolder } from './program.js';

/** The built program's sandbox, in a process of its own. */
export interface SandboxProcess {
  readonly url: string;
  readonly port: number;
  /** Ends it; resolves when it is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a sandbox that keeps its models in `models`, until the end of the test. */
export async function startSandboxProcess(
  models: string,
  flags: readonly string[],
  port = 0,
): Promise<SandboxProcess> {
  const args = [BIN, 'sandbox', '--empty', '--models', models, '--listen', String(port), ...flags];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'], HOME: openFolder() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  onTestFinished(async () => await end('SIGKILL'));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', () => reject(new Error(`the sandbox did not start: ${said}`)));
  });
  return { url, port: Number(new URL(url).port), end };
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** A model of the public library as it lies in the folder: its manifest's digest, and its bytes. */
export interface KeptModel {
  readonly digest: string;
  readonly size: number;
  /** The digests whose blobs hold something else, or are not there. */
  readonly wrong: readonly string[];
}

/** Reads a kept model and hashes all of it. Throws where there is no manifest. */
export async function readKeptModel(models: string, name: string): Promise<KeptModel> {
  const [model = '', tag = 'latest'] = name.split(':');
  const bytes = readFileSync(path.join(models, 'manifests/registry.ollama.ai/library', model, tag));
  const { config, layers } = JSON.parse(bytes.toString()) as { config: Blob; layers: readonly Blob[] };
  const wrong: string[] = [];
  for (const { digest } of [...layers, config]) {
    const hash = createHash('sha256');
    try {
      for await (const chunk of createReadStream(path.join(models, 'blobs', digest.replace(':', '-')))) {
        hash.update(chunk as Buffer);
      }
    } catch {
      wrong.push(digest);
      continue;
    }
    if (`sha256:${hash.digest('hex')}` !== digest) wrong.push(digest);
  }
  return {
    digest: createHash('sha256').update(bytes).digest('hex'),
    size: [...layers, config].reduce((sum, { size }) => sum + size, 0),
    wrong,
  };
}
