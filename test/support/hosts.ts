import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A home folder whose configuration names these hosts, or says what is given as YAML. */
export interface HostsHome {
  readonly env: Readonly<Record<string, string>>;
  close(): void;
}

export function openHosts(hosts: Readonly<Record<string, string>>, more = ''): HostsHome {
  const home = mkdtempSync(path.join(tmpdir(), 'hosts-'));
  const folder = path.join(home, 'config', 'ollama-cli');
  mkdirSync(folder, { recursive: true });
  const lines = Object.entries(hosts).map(([name, url]) => `  ${name}: {url: "${url}"}\n`);
  writeFileSync(path.join(folder, 'config.yaml'), `hosts:\n${lines.join('')}${more}`, { mode: 0o600 });
  const env = {
    XDG_CONFIG_HOME: path.join(home, 'config'),
    XDG_CACHE_HOME: path.join(home, 'cache'),
    XDG_STATE_HOME: path.join(home, 'state'),
  };
  return { env, close: () => rmSync(home, { recursive: true, force: true }) };
}
