import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../src/failure.js';
import { openTestGateway, TOKEN } from './open.js';

const page = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'gateway.md'), 'utf8');
const lines = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block = '']) =>
  block.trim().split('\n'),
);

async function runShell(
  script: string,
  env: Readonly<Record<string, string>>,
): Promise<[number, string, string]> {
  const child = spawn('sh', ['-e'], { env: { PATH: process.env['PATH'], ...env }, stdio: 'pipe' });
  child.stdin.end(script);
  const code = new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? -1)));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return [await code, out, err];
}

/** The method and the path that a line asks for. */
function askedFor(line: string): { method: string; path: string } {
  const method = /-X (\w+)/.exec(line)?.[1] ?? (/ (?:--json|-d) /.test(line) ? 'POST' : 'GET');
  return { method: method.toLowerCase(), path: /"\$GATEWAY([^"?]*)/.exec(line)?.[1] ?? '' };
}

describe('the page of the gateway', () => {
  it('has lines of curl that run as they stand, one after another', async () => {
    const gateway = await openTestGateway({ sandbox: { rate: 1_000_000 } });
    const separated = lines.flatMap((line) => [line, 'echo; echo ----']).join('\n');
    const [code, out, err] = await runShell(separated, { GATEWAY: gateway.url, TOKEN });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const answers = out.split('----\n');
    const answerOf = (part: string): string => answers[lines.findIndex((line) => line.includes(part))] ?? '';
    expect(answerOf('/models"')).toContain('"total":2');
    expect(answerOf('/models/gemma3:1b"')).toContain('"name":"gemma3:1b"');
    expect(answerOf('Accept: application/json')).toContain('pulled successfully');
    expect(answerOf('text/event-stream')).toMatch(/^data: \{"type":"start"[^]*"type":"result"/);
    expect(answerOf('x-ndjson')).toMatch(/^\{"type":"start"[^]*\n\{"type":"result"/);
    expect(answerOf('/api/jobs/$JOB"')).toMatch(/"status":"(?:running|succeeded)"/);
    expect(answerOf('-X DELETE "$GATEWAY/api/providers')).toContain('"success":true');
    expect(answerOf('Why is the sky blue')).toContain('"provider":"ollama"');
    expect(answerOf('/ready')).toContain('"ready":true');
    expect(answerOf('/metrics')).toContain('# TYPE ollama_tokens_total counter');
    expect(answerOf('/openapi.json')).toContain('"openapi":"3.1.0"');
  });

  it('has a body for a page that is answered where nobody has chosen a model', async () => {
    const [, body = ''] = /body: JSON\.stringify\(\{ message: '(.*)' \}\)/.exec(page) ?? [];
    expect(body).not.toBe('');
    const gateway = await openTestGateway();
    const accept = { accept: 'application/x-ndjson' };
    const answer = await gateway.send('POST', '/api/chat', { message: body }, accept);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toMatch(/"type":"result".*\n$/);
  });

  it('names every code that a failure may have', () => {
    for (const code of Object.keys(EXIT_CODES)) expect(page).toContain(`\`${code}\``);
  });

  it('has a line for every route', async () => {
    const gateway = await openTestGateway();
    const { paths } = (await (await gateway.send('GET', '/openapi.json')).json()) as {
      paths: Record<string, Record<string, object>>;
    };
    const asked = lines.map(askedFor);
    for (const [route, methods] of Object.entries(paths)) {
      const pattern = new RegExp(`^${route.replace(/\{\w+\}/g, '[^/]+')}$`);
      for (const method of Object.keys(methods)) {
        const has = asked.some((line) => line.method === method && pattern.test(line.path));
        expect([method, route, has]).toEqual([method, route, true]);
      }
    }
  });
});
