import { messagesError } from './anthropic.js';
import { Refusal } from './errors.js';
import type { Exchange } from './exchange.js';
import { sendBody, sendJson } from './exchange.js';
import { requestedModel } from './show.js';
import { isOld } from './world.js';
import type { World } from './world.js';

const HTML = `<!DOCTYPE html>
<html><head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>a proxy's page, by the sandbox</center></body></html>
`;

/** Answers a request whose fault is a whole answer; false where there is none of these. */
export function answerFault(exchange: Exchange): boolean {
  const { plan, path } = exchange;
  if (plan.fire('html') !== undefined) sendBody(exchange, 502, 'text/html', HTML);
  else if (plan.fire('html-200') !== undefined) sendBody(exchange, 200, 'text/html', HTML);
  else if (plan.fire('503') !== undefined)
    throw new Refusal(503, 'server busy, please try again.  maximum pending requests exceeded');
  else if (plan.fire('500') !== undefined) throw new Refusal(500, 'the sandbox was told to fail');
  else if (plan.fire('401') !== undefined) {
    throw new Refusal(401, 'unauthorized', {
      extra: { signin_url: 'https://ollama.com/connect?name=sandbox&key=none' },
    });
  } else if (path === '/api/pull') return false;
  else if (plan.fire('412') !== undefined) throw new Refusal(412, 'a newer version of Ollama is required');
  else if (plan.fire('404') !== undefined) throw new Refusal(404, `model '${modelOf(exchange)}' not found`);
  else return false;
  return true;
}

function modelOf(exchange: Exchange): string {
  try {
    return requestedModel(JSON.parse(exchange.body.toString()) as Record<string, unknown>);
  } catch {
    return '';
  }
}

/** Answers with an error in the shape of the route's own API; an unexpected one is a plain 500. */
export function failWith(world: World, exchange: Exchange, error: unknown): void {
  const refusal =
    error instanceof Refusal
      ? error
      : new Refusal(500, error instanceof Error ? error.message : String(error));
  if (exchange.response.headersSent) {
    exchange.response.destroy();
    return;
  }
  if (exchange.path === '/v1/messages') {
    const body = messagesError(exchange, refusal.status, refusal.message);
    sendBody(exchange, refusal.status, 'application/json', `${JSON.stringify(body)}\n`);
    return;
  }
  if (exchange.path.startsWith('/v1/')) {
    const type = (isOld(world) ? undefined : OPENAI_TYPES[refusal.status]) ?? 'api_error';
    const body = { error: { message: refusal.message, type, param: null, code: null } };
    sendBody(exchange, refusal.status, 'application/json', `${JSON.stringify(body)}\n`);
    return;
  }
  const type = refusal.bare ? 'application/json' : undefined;
  sendJson(exchange, refusal.status, { error: refusal.message, ...refusal.extra }, type);
}

const OPENAI_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  404: 'not_found_error',
};
