import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A real registry on this machine. */
export interface DockerRegistry {
  readonly url: string;
  readonly port: number;
  /** Puts a model there, each layer with the type's last word and its content; gives the manifest's digest. */
  push(
    repository: string,
    tag: string,
    config: object,
    layers: Readonly<Record<string, string>>,
  ): Promise<string>;
  close(): Promise<void>;
}

const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';

/** True where Debian's docker-registry is installed. */
export function hasDockerRegistry(): boolean {
  return spawnSync('docker-registry', ['--version']).status === 0;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function digestOf(bytes: string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function must(answer: Response, status: number): Promise<Response> {
  if (answer.status === status) return answer;
  throw new Error(`${answer.url} answered ${answer.status}: ${await answer.text()}`);
}

async function pushBlob(url: string, repository: string, bytes: string) {
  const opened = await must(await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: 'POST' }), 202);
  const place = new URL(opened.headers.get('location') ?? '', url);
  const digest = digestOf(bytes);
  place.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  await must(await fetch(place, { method: 'PUT', body: bytes, headers }), 201);
  return { digest, size: Buffer.byteLength(bytes) };
}

/** Starts docker-registry on a free port, with a folder of its own and three names a page of its catalogue. */
export async function startDockerRegistry(): Promise<DockerRegistry> {
  const folder = mkdtempSync(path.join(tmpdir(), 'docker-registry-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const config = path.join(folder, 'config.yml');
  writeFileSync(
    config,
    `version: 0.1\ncatalog: {maxentries: 3}\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${JSON.stringify(folder)}}}\nhttp: {addr: "127.0.0.1:${String(port)}"}\n`,
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (let tries = 0; ; tries++) {
    const ready = await fetch(`${url}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) break;
    if (tries > 200) throw new Error('docker-registry does not answer');
    await sleep(50);
  }
  return {
    url,
    port,
    push: async (repository, tag, modelConfig, layers) => {
      const type = 'application/vnd.docker.container.image.v1+json';
      const blob = await pushBlob(url, repository, JSON.stringify(modelConfig));
      const pushed = [];
      for (const [kind, content] of Object.entries(layers)) {
        const mediaType = `application/vnd.ollama.image.${kind}`;
        pushed.push({ mediaType, ...(await pushBlob(url, repository, content)) });
      }
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST_TYPE,
        config: { mediaType: type, ...blob },
        layers: pushed,
      });
      const answer = await fetch(`${url}/v2/${repository}/manifests/${tag}`, {
        method: 'PUT',
        body: manifest,
        headers: { 'content-type': MANIFEST_TYPE },
      });
      await must(answer, 201);
      return digestOf(manifest);
    },
    close: async () => {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
