import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer, createMcpHandler, fromJsonSchema } from '@modelcontextprotocol/server';

/** An MCP server over streamable HTTP on a free port, and what was sent to it. */
export interface McpHttp {
  readonly url: string;
  readonly seen: readonly { readonly method: string; readonly headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

function makeServer(): McpServer {
  const server = new McpServer({ name: 'web', version: '1.0.0' });
  const inputSchema = fromJsonSchema<{ city: string }>({
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
  });
  server.registerTool('get_time', { description: 'The time.', inputSchema }, ({ city }) => ({
    content: [{ type: 'text', text: `13:00 in ${city}` }],
  }));
  return server;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Starts one; with `redirect`, it sends everybody there instead of answering. */
export async function serveMcp(redirect?: string): Promise<McpHttp> {
  const handler = createMcpHandler(makeServer);
  const seen: { method: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    const { method = 'GET', headers } = request;
    seen.push({ method, headers });
    void readBody(request).then(async (body) => {
      if (redirect !== undefined) {
        response.writeHead(307, { location: redirect }).end();
        return;
      }
      const asked = new Request(`http://${headers.host ?? ''}/mcp`, {
        method,
        headers: Object.entries(headers).flatMap(([name, value]) =>
          typeof value === 'string' ? [[name, value] as [string, string]] : [],
        ),
        ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
      });
      const answer = await handler.fetch(asked);
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    seen,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
