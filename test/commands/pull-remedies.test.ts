import { afterEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { ESCAPES, run } from '../support/run.js';

const ENV = { OLLAMA_CLI_REGISTRY: 'http://127.0.0.1:9', OLLAMA_CLI_RETRY__DELAY: '1ms' };

let server: FaultServer | undefined;
let sandbox: Sandbox | undefined;
afterEach(async () => {
  await server?.close();
  await sandbox?.close();
  server = sandbox = undefined;
});

/** A server of version 0.5.1 whose pulls end with an error line. */
async function startFailing(error: string): Promise<FaultServer> {
  return await serve(({ url }) =>
    url === '/api/version'
      ? { headers: { 'content-type': 'application/json' }, body: ['{"version":"0.5.1"}'] }
      : { body: ['{"status":"pulling manifest"}\n', `${JSON.stringify({ error })}\n`] },
  );
}

describe('a pull that fails', () => {
  it.each([
    [
      'm',
      'pull model manifest: Get "https://registry.ollama.ai/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
      6,
      ['install the certificate authority there', 'the download runs inside the server'],
    ],
    [
      'm',
      'pull model manifest: Get "https://registry.ollama.ai/v2/": dial tcp: lookup registry.ollama.ai: no such host',
      6,
      ['set HTTPS_PROXY there', 'the download runs inside the server'],
    ],
    [
      'reg.example:5000/a/m',
      'pull model manifest: Get "https://reg.example:5000/v2/": http: server gave HTTP response to HTTPS client',
      6,
      ['ollama-cli pull reg.example:5000/a/m --insecure'],
    ],
    [
      'm',
      'pull model manifest: 412: The model you are attempting to pull requires a newer version of Ollama.',
      1,
      ['The server that runs there is version 0.5.1.', 'an old server may still be running'],
    ],
    [
      'hf.co/acme/Big-GGUF:Q8_0',
      'pull model manifest: 400: {"error":"The specified repository contains sharded GGUF. Ollama does not support this yet."}',
      1,
      ['is split into several files (sharded GGUF)', 'https://huggingface.co/acme/Big-GGUF'],
    ],
    [
      'hf.co/acme/Secret-GGUF',
      'pull model manifest: 401: {"error":"Invalid username or password."}',
      4,
      ['is private or gated on Hugging Face', 'https://huggingface.co/settings/keys'],
    ],
    [
      'hf.co/acme/Gated-GGUF:Q4_K_M',
      'pull model manifest: 403: {"error":"Access to model acme/Gated-GGUF is restricted."}',
      4,
      ['is private or gated on Hugging Face', 'https://huggingface.co/acme/Gated-GGUF'],
    ],
    ['acme/m', 'pull model manifest: 401: unauthorized', 4, ['ollama signin']],
    ['m', 'pull model manifest: file does not exist', 3, ['https://ollama.com/library']],
    [
      'hf.co/acme/None-GGUF:Q8_0',
      'pull model manifest: file does not exist',
      3,
      ['https://huggingface.co/acme/None-GGUF '],
    ],
    ['m', 'pull model manifest: 429: too many requests', 6, ['the registry is asked too often']],
    ['m', 'write /root/.ollama/models/blobs/x: no space left on device', 7, ['ollama-cli rm MODEL']],
  ])('%s: %s', async (model, error, exit, remedies) => {
    server = await startFailing(error);
    const { code, stderr } = await run(['pull', model, '--retries', '0'], server.url, { env: ENV });
    expect(code).toBe(exit);
    for (const remedy of remedies) expect(stderr).toContain(remedy);
    expect(stderr).not.toMatch(ESCAPES);
  });

  it('says how many bytes a full disk lacks', async () => {
    sandbox = await startSandbox({ installed: [], scale: 0.001, faults: [parseFault('no-space@50%')] });
    const { code, stderr } = await run(['pull', 'llama3.2:1b', '--json'], sandbox.url, {
      env: { OLLAMA_CLI_RETRY__DELAY: '1ms' },
    });
    expect(code).toBe(7);
    expect(stderr).toMatch(/\d+ kB of it are still to be fetched/);
  });

  it('names what changes bytes on the way where a layer is wrong twice', async () => {
    sandbox = await startSandbox({ installed: [], scale: 0.001, faults: [parseFault('corrupt')] });
    const { code, stderr } = await run(['pull', 'all-minilm'], sandbox.url, {
      env: { OLLAMA_CLI_RETRY__DELAY: '1ms' },
    });
    expect(code).toBe(6);
    expect(stderr).toContain('a proxy or a virus scanner on the way');
  });
});
