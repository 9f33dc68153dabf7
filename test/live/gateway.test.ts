import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { startGatewayProcess, type GatewayProcess } from '../e2e/gateway-process.js';

const HOST = process.env['OLLAMA_HOST'] ?? '';
const MODEL = process.env['OLLAMA_LIVE_MODEL'] ?? 'smollm2:135m';
const WAIT_MS = 15 * 60_000;

/** Plain curl, as the page of the gateway has it. */
async function curl({ url, token }: GatewayProcess, path: string, ...flags: string[]): Promise<unknown> {
  const args = ['-fsS', '-H', `Authorization: Bearer ${token}`, `${url}${path}`, ...flags];
  const { stdout } = await promisify(execFile)('curl', args, { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout);
}

describe.skipIf(HOST === '')(`a gateway to the server at ${HOST}`, () => {
  test(
    'lists, pulls a small model, and chats with it',
    async () => {
      const gateway = await startGatewayProcess(HOST);
      expect(await curl(gateway, '/health')).toMatchObject({ status: 'healthy' });
      const before = (await curl(gateway, '/api/providers/ollama/models')) as { models: { name: string }[] };
      const pull = JSON.stringify({ model: MODEL });
      expect(await curl(gateway, '/api/providers/ollama/pull', '--json', pull)).toMatchObject({
        success: true,
        model: MODEL,
      });
      const after = (await curl(gateway, '/api/providers/ollama/models')) as { models: { name: string }[] };
      const isIt = ({ name }: { name: string }): boolean => name === MODEL || name === `${MODEL}:latest`;
      expect(after.models.some(isIt)).toBe(true);
      const question = JSON.stringify({ message: 'Say hello.', model: MODEL });
      expect(await curl(gateway, '/api/chat', '--json', question)).toMatchObject({
        provider: 'ollama',
        model: MODEL,
        response: expect.stringMatching(/\S/) as string,
      });
      if (before.models.some(isIt)) return;
      expect(await curl(gateway, `/api/providers/ollama/models/${MODEL}`, '-X', 'DELETE')).toMatchObject({
        success: true,
      });
    },
    WAIT_MS,
  );
});
