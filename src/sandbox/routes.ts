import { answerMessages } from './anthropic.js';
import { chat, generate } from './chat.js';
import { createModel } from './create.js';
import { embed, embedOne, embedOpenAi } from './embed.js';
import { Refusal } from './errors.js';
import type { Exchange } from './exchange.js';
import { sendBody, sendJson } from './exchange.js';
import { copyModel, deleteModel, listModels, listRunning } from './models.js';
import { chatOpenAi, listOpenAi, showOpenAi } from './openai.js';
import { servePull } from './pull.js';
import { pushModel } from './push.js';
import { serveBlob, serveRegistry } from './registry.js';
import { showModel } from './show.js';
import { serveUpload } from './uploads.js';
import { isOld } from './world.js';
import type { World } from './world.js';

/** Answers one request; throws a `Refusal` for the error that a real server would send. */
export type Handler = (world: World, exchange: Exchange) => void | Promise<void>;

type Methods = Readonly<Record<string, Handler>>;

// A path that ends in `/` stands for all below it.
const ROUTES: Readonly<Record<string, Methods>> = {
  '/api/version': { GET: version, HEAD: version },
  '/api/status': { GET: status },
  '/api/tags': { GET: listModels, HEAD: listModels },
  '/api/ps': { GET: listRunning },
  '/api/show': { POST: showModel },
  '/api/pull': { POST: servePull },
  '/api/push': { POST: pushModel },
  '/api/create': { POST: createModel },
  '/api/blobs/': { HEAD: serveUpload, POST: serveUpload },
  '/api/copy': { POST: copyModel },
  '/api/delete': { DELETE: deleteModel },
  '/api/chat': { POST: chat },
  '/api/generate': { POST: generate },
  '/api/embed': { POST: embed },
  '/api/embeddings': { POST: embedOne },
  '/api/me': { POST: me },
  '/v1/models': { GET: listOpenAi },
  '/v1/models/': { GET: showOpenAi },
  '/v1/chat/completions': { POST: chatOpenAi },
  '/v1/messages': { POST: answerMessages },
  '/v1/embeddings': { POST: embedOpenAi },
  '/v2/': { GET: serveRegistry, HEAD: serveRegistry },
  '/blob-store/': { GET: serveBlob, HEAD: serveBlob },
};
const ROOT: Methods = { GET: root, HEAD: root };

// What the server of early 2025 does not have.
const LATER: ReadonlySet<string> = new Set(['/api/status', '/api/me', '/v1/messages']);

/** The handler of a route, or the status that a real server answers where there is none. */
export function findRoute(world: World, method: string, path: string): Handler | 404 | 405 {
  const methods = path === '/' ? ROOT : (ROUTES[path] ?? below(path));
  if (methods === undefined || (isOld(world) && LATER.has(path))) return 404;
  return methods[method] ?? (isOld(world) ? 404 : 405);
}

function below(path: string): Methods | undefined {
  const prefix = Object.keys(ROUTES).find((route) => route.endsWith('/') && path.startsWith(route));
  return prefix === undefined ? undefined : ROUTES[prefix];
}

function root(_world: World, exchange: Exchange): void {
  sendBody(exchange, 200, 'text/plain; charset=utf-8', 'Ollama is running');
}

function version(world: World, exchange: Exchange): void {
  sendJson(exchange, 200, { version: `${world.version}-sandbox` });
}

function status(_world: World, exchange: Exchange): void {
  sendJson(exchange, 200, { cloud: { disabled: true, source: 'env' } });
}

function me(): void {
  throw new Refusal(503, 'account unavailable');
}
