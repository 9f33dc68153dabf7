import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { describeError, type HealthCheck } from '../core/health.js';
import { speaksTls } from '../core/tls-errors.js';
import { proxyFor } from '../core/proxy.js';
import { nextStepFor, noProxyCommand } from './next-step.js';

type Seen = Pick<Context, 'io' | 'client' | 'config'>;

/** Why a server could not be asked: the error, sharper where a closer look says more, and the checks that say so. */
export interface Diagnosis {
  readonly error: OllamaError;
  readonly checks: readonly HealthCheck[];
}

/** Finds out what stands between this machine and a server, from the error of a request to it. Never throws. */
export async function diagnose(seen: Seen, failed: OllamaError): Promise<Diagnosis> {
  const { io, client, config } = seen;
  const proxy = proxyFor(client.host, io.env);
  const proxyChecks = proxy === undefined ? [] : await blameProxy(seen, proxy);
  const error = proxy === undefined ? await lookAgain(seen, failed) : failed;
  const [blamed] = proxyChecks;
  const hint =
    blamed?.hint ?? nextStepFor(error, { platform: io.platform, host: client.host, name: config.hostName });
  const server: HealthCheck = {
    name: 'server',
    status: 'fail',
    detail: describeError(error),
    ...(error.reason === undefined ? {} : { reason: error.reason }),
    ...(hint === undefined ? {} : { hint }),
  };
  return { error, checks: [server, ...proxyChecks] };
}

/** A second look where the first answer fits several causes. */
async function lookAgain({ client: { host } }: Seen, error: OllamaError): Promise<OllamaError> {
  const facts = { host: host.url };
  if (error.reason === 'cut' && host.protocol === 'http:') {
    const { speaksTlsAt } = await import('./look-closer.js');
    if (await speaksTlsAt(host)) return speaksTls({ ...facts, cause: error });
    return new OllamaError(
      'unreachable',
      `What answers at ${host.url} takes the connection and closes it without a word: another program, or a server that is just starting.`,
      { ...facts, reason: 'cut', cause: error },
    );
  }
  if (error.reason === 'not_ollama') {
    const { isOpenAiServer } = await import('./look-closer.js');
    if (!(await isOpenAiServer(host))) return error;
    return new OllamaError('protocol', `What answers at ${host.url} speaks OpenAI's API and not Ollama's.`, {
      ...facts,
      status: error.status,
      hint: `use it as a provider: providers.NAME.type openai, providers.NAME.base_url ${host.url}/v1`,
      cause: error,
    });
  }
  return error;
}

/** The variable that names the proxy, and the list of those that need none. */
function readProxyVariables({ io, client }: Seen): { name: string; noProxy: string } | undefined {
  const own = client.host.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const names = [own, own.toUpperCase(), 'all_proxy', 'ALL_PROXY'];
  const name = names.find((variable) => (io.env[variable] ?? '').trim() !== '');
  const noProxy = io.env['no_proxy'] ?? io.env['NO_PROXY'] ?? '';
  return name === undefined ? undefined : { name, noProxy };
}

/** A proxy variable that catches an address of a private network is the commonest reason for a server "that is down". */
async function blameProxy(seen: Seen, proxy: string): Promise<HealthCheck[]> {
  const { io, client } = seen;
  const variables = readProxyVariables(seen);
  if (variables === undefined) return [];
  const { name, noProxy } = variables;
  const { hostname } = client.host;
  const where = URL.canParse(proxy) ? new URL(proxy).host : 'a proxy';
  const { answersDirectly } = await import('./look-closer.js');
  const isEaten = await answersDirectly(client.host);
  const found = isEaten ? 'without it the server answers' : 'without it the server does not answer either';
  return [
    {
      name: 'proxy',
      status: isEaten ? 'fail' : 'warn',
      detail: `${name} sends requests for ${hostname} to ${where}, and NO_PROXY does not name it; ${found}`,
      hint: noProxyCommand(io.platform, noProxy, hostname),
    },
  ];
}

/** The same of a server that does answer through a proxy: worth knowing, and no fault. */
export function proxyCheck(seen: Seen): HealthCheck[] {
  const { io, client } = seen;
  const variables = readProxyVariables(seen);
  const { hostname } = client.host;
  if (variables === undefined || proxyFor(client.host, io.env) === undefined) return [];
  return [
    {
      name: 'proxy',
      status: 'warn',
      detail: `${variables.name} is set, and NO_PROXY does not name ${hostname}`,
      hint: noProxyCommand(io.platform, variables.noProxy, hostname),
    },
  ];
}
