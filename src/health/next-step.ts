import type { FailureReason, OllamaError } from '../core/errors.js';
import { isLoopback, type HostAddress } from '../core/url.js';
import { shellWord } from '../next-step.js';

/** Where somebody stands who looks at a server: the system decides which commands there are. */
export interface Place {
  readonly platform: NodeJS.Platform;
  readonly host: Pick<HostAddress, 'hostname' | 'port' | 'url' | 'protocol'>;
  /** What the host is called in the configuration. */
  readonly name?: string | undefined;
}

/** The word of this system, of those for Windows, macOS and all others. */
function onSystem(platform: NodeJS.Platform, windows: string, mac: string, other: string): string {
  return platform === 'win32' ? windows : platform === 'darwin' ? mac : other;
}

/** The command that shows what a local Ollama says, as its installers set it up. Source: Ollama's docs/troubleshooting. */
export function logCommand(platform: NodeJS.Platform): string {
  return onSystem(
    platform,
    'type "%LOCALAPPDATA%\\Ollama\\server.log"',
    'cat ~/.ollama/logs/server.log',
    'journalctl -u ollama -n 50 --no-pager',
  );
}

/** The command that shows which program has a port of this machine. */
function whoListens({ platform, host: { port } }: Place): string {
  return onSystem(
    platform,
    `netstat -ano | findstr :${port}`,
    `lsof -nP -iTCP:${port} -sTCP:LISTEN`,
    `ss -ltnp "sport = :${port}"`,
  );
}

/** How to start the server that nobody answers for: the command, and what else is to be known. */
export function startServerStep({ platform, host }: Place): {
  readonly command: string;
  readonly note: string;
} {
  if (!isLoopback(host.hostname)) {
    return {
      command: `on ${host.hostname}: OLLAMA_HOST=0.0.0.0:${host.port} ollama serve`,
      note: 'a firewall there must let the port through',
    };
  }
  return {
    command: onSystem(platform, 'ollama serve', 'open -a Ollama', 'ollama serve'),
    note: `${onSystem(
      platform,
      'or Ollama in the Start menu',
      'or ollama serve',
      'or where it is a service: sudo systemctl start ollama',
    )} (why it ended: ${logCommand(platform)})`,
  };
}

function startStep(place: Place): string {
  const { command, note } = startServerStep(place);
  return `${command}${isLoopback(place.host.hostname) ? ',' : ';'} ${note}`;
}

/** The command that gives a host what it asks for; a host that has a name keeps it. */
function addCommand({ host, name }: Place): string {
  const named = `ollama-cli hosts add ${shellWord(name ?? 'NAME')} ${shellWord(host.url)} --token-env VARIABLE`;
  return name === undefined ? named : `${named} --force`;
}

function otherProgram(place: Place): string {
  const { host } = place;
  if (!isLoopback(host.hostname))
    return `look at what answers: curl -i ${shellWord(`${host.url}/api/version`)}`;
  return `see which program has the port: ${whoListens(place)}; then name the address of Ollama: ollama-cli -H HOST:PORT health`;
}

function certificateOf({ host: { hostname, port } }: Place): string {
  const name = hostname.includes(':') ? `[${hostname}]` : hostname;
  return `openssl s_client -connect ${shellWord(`${name}:${port}`)} -servername ${shellWord(hostname)}`;
}

const STEPS: Readonly<Record<FailureReason, (place: Place) => string>> = {
  refused: startStep,
  no_such_name: ({ platform, host: { hostname } }) =>
    `look the name up: ${onSystem(
      platform,
      `nslookup ${shellWord(hostname)}`,
      `dscacheutil -q host -a name ${shellWord(hostname)}`,
      `getent hosts ${shellWord(hostname)}`,
    )}; where the address is from: ollama-cli config list --show-origin`,
  name_lookup: ({ platform, host: { hostname } }) =>
    `look at the network and DNS of this machine: ${onSystem(
      platform,
      `nslookup ${shellWord(hostname)}`,
      `scutil --dns`,
      `getent hosts ${shellWord(hostname)}`,
    )}`,
  no_route: ({ platform, host: { hostname } }) =>
    `look at the network: ${onSystem(
      platform,
      `route print`,
      `route -n get ${shellWord(hostname)}`,
      `ip route get ${shellWord(hostname)}`,
    )}`,
  connect_timeout: ({ platform, host: { hostname, port } }) =>
    `nothing answers, as behind a firewall or with the machine off: ${onSystem(
      platform,
      `Test-NetConnection ${shellWord(hostname)} -Port ${port}`,
      `nc -vz ${shellWord(hostname)} ${port}`,
      `nc -vz ${shellWord(hostname)} ${port}`,
    )}`,
  silent: (place) =>
    isLoopback(place.host.hostname)
      ? `see which program has the port: ${whoListens(place)}; if it is Ollama, ${logCommand(place.platform)}`
      : 'it took the connection and says nothing: start it anew there, or wait longer with --timeout 2m',
  cut: otherProgram,
  tls_expired: (place) =>
    `renew the certificate of the server, and look at the clock of this machine; its dates: ${certificateOf(place)} | openssl x509 -noout -dates`,
  tls_unknown: ({ host }) =>
    `trust its certificate: ollama-cli hosts add NAME ${shellWord(host.url)} --ca-file FILE, or NODE_EXTRA_CA_CERTS=FILE`,
  tls_wrong_host: (place) =>
    `dial it by a name that the certificate holds: ${certificateOf(place)} | openssl x509 -noout -ext subjectAltName`,
  tls_not_spoken: ({ host }) => `ollama-cli -H ${shellWord(host.url.replace(/^https:/, 'http:'))} health`,
  tls_needed: ({ host }) => `ollama-cli -H ${shellWord(host.url.replace(/^http:/, 'https:'))} health`,
  tls_failed: (place) => `look at the handshake: ${certificateOf(place)}`,
  not_http: otherProgram,
  unauthorized: (place) => `give credentials: ${addCommand(place)} (or --header-file FILE)`,
  forbidden: (place) => `what is given may not do this; other credentials: ${addCommand(place)}`,
  host_header: (place) => {
    const { platform, host } = place;
    // Ollama knows its own address: what refuses that is another program.
    if (host.hostname === '127.0.0.1' || host.hostname === '::1') return otherProgram(place);
    return isLoopback(host.hostname)
      ? `dial it by its address: ollama-cli -H 127.0.0.1:${host.port} health`
      : `Ollama there is bound to loopback and refuses the name ${host.hostname}: let the proxy send "Host: localhost", or set OLLAMA_HOST=0.0.0.0 there${
          platform === 'linux' ? ' (sudo systemctl edit ollama)' : ''
        }`;
  },
  html: (place) => `something else answers in its place, such as a proxy: ${lookCommand(place)}`,
  not_ollama: otherProgram,
  redirect: ({ host }) =>
    `see where it leads: curl -sI ${shellWord(`${host.url}/api/version`)}; then name that as the host`,
};

function lookCommand({ host }: Place): string {
  return `curl -i ${shellWord(`${host.url}/api/version`)}`;
}

/** What a proxy says in its own page where the server behind it is down, or silent. */
const FROM_PROXIES: readonly (number | undefined)[] = [502, 503, 504];

/** One next step for what a server failed with, as the command of this system; undefined where nothing better is known. */
export function nextStepFor(error: OllamaError, place: Place): string | undefined {
  if (error.reason === 'html' && FROM_PROXIES.includes(error.status)) {
    return `a proxy answers, and reaches no server behind it: start Ollama there, or mend the address that the proxy has; ${lookCommand(place)}`;
  }
  if (error.reason !== undefined) return STEPS[error.reason](place);
  if (error.status !== undefined && error.status >= 500) {
    const isHere = isLoopback(place.host.hostname);
    return isHere ? `see what it says: ${logCommand(place.platform)}` : 'look at the log of Ollama there';
  }
  return error.hint;
}

/** The command that names one more host that no proxy is to be asked for. */
export function noProxyCommand(platform: NodeJS.Platform, before: string, hostname: string): string {
  const value = before === '' ? hostname : `${before},${hostname}`;
  if (platform === 'win32') return `setx NO_PROXY "${value}"`;
  return `export NO_PROXY=${/^[\w.:,*/-]+$/.test(value) ? value : shellWord(value)}`;
}
