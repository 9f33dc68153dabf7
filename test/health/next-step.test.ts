import { describe, expect, it } from 'vitest';
import { OllamaError, type FailureReason } from '../../src/core/errors.js';
import { parseHost } from '../../src/core/url.js';
import { logCommand, nextStepFor, noProxyCommand } from '../../src/health/next-step.js';

const REASONS: readonly FailureReason[] = [
  'refused',
  'no_such_name',
  'name_lookup',
  'no_route',
  'cut',
  'connect_timeout',
  'silent',
  'tls_expired',
  'tls_unknown',
  'tls_wrong_host',
  'tls_not_spoken',
  'tls_needed',
  'tls_failed',
  'not_http',
  'unauthorized',
  'forbidden',
  'host_header',
  'html',
  'not_ollama',
  'redirect',
];
const SYSTEMS = ['linux', 'darwin', 'win32'] as const;
const step = (reason: FailureReason, platform: NodeJS.Platform, host: string): string =>
  nextStepFor(new OllamaError('unreachable', 'x', { reason }), { platform, host: parseHost(host) }) ?? '';

describe('the next step', () => {
  it.each(REASONS)('of %s is there on each system, for this machine and another', (reason) => {
    for (const platform of SYSTEMS)
      for (const host of ['http://127.0.0.1:11434', 'https://box.example:8443', 'http://[fd00::1]:11434'])
        expect(step(reason, platform, host)).toMatch(/\S{3,}/);
  });

  it('of a bare 403 is no address that was dialled already', () => {
    expect(step('host_header', 'linux', 'http://127.0.0.1:9')).not.toContain('-H 127.0.0.1');
    expect(step('host_header', 'linux', 'http://localhost:9')).toContain('-H 127.0.0.1:9');
  });

  it('of a page that a proxy makes of its own failure is the server behind it', () => {
    const of = (status: number): string =>
      nextStepFor(new OllamaError('protocol', 'x', { reason: 'html', status }), {
        platform: 'linux',
        host: parseHost('http://box:1'),
      }) ?? '';
    for (const status of [502, 503, 504]) expect(of(status)).toMatch(/reaches no server behind it.*curl -i/);
    for (const status of [200, 404, 500]) expect(of(status)).not.toContain('behind it');
  });

  it('asks the system in its own words', () => {
    const here = 'http://127.0.0.1:11434';
    expect(step('not_http', 'linux', here)).toContain('ss -ltnp "sport = :11434"');
    expect(step('not_http', 'darwin', here)).toContain('lsof -nP -iTCP:11434 -sTCP:LISTEN');
    expect(step('not_http', 'win32', here)).toContain('netstat -ano | findstr :11434');
    expect(step('no_such_name', 'win32', 'http://box:1')).toContain('nslookup box');
    expect(step('no_such_name', 'darwin', 'http://box:1')).toContain('dscacheutil');
    expect(step('connect_timeout', 'win32', 'http://box:1')).toContain('Test-NetConnection box -Port 1');
    expect(step('no_route', 'linux', 'http://box:1')).toContain('ip route get box');
  });

  it('is done on the other machine where the server is another one', () => {
    expect(step('refused', 'linux', 'http://box:1234')).toContain('on box: OLLAMA_HOST=0.0.0.0:1234');
    expect(step('refused', 'linux', 'http://box:1234')).not.toContain('systemctl');
    expect(step('not_ollama', 'linux', 'http://box:1234')).toContain('curl -i http://box:1234/api/version');
  });

  it('can be copied whatever a host is called', () => {
    const host = 'http://$(reboot);x:1';
    for (const reason of [
      'no_such_name',
      'no_route',
      'connect_timeout',
      'tls_expired',
      'not_ollama',
    ] as const)
      for (const platform of SYSTEMS)
        expect(step(reason, platform, host).replace(/'[^']*'/g, '')).not.toContain('$(');
    expect(noProxyCommand('linux', '', '$(reboot)')).toBe("export NO_PROXY='$(reboot)'");
  });

  it('of a server that failed is its log, and without a reason its own hint', () => {
    const place = { platform: 'darwin', host: parseHost('') } as const;
    const failed = new OllamaError('server_error', 'x', { status: 500 });
    expect(nextStepFor(failed, place)).toContain(logCommand('darwin'));
    expect(nextStepFor(failed, { ...place, host: parseHost('http://box:1') })).toContain('there');
    expect(nextStepFor(new OllamaError('usage', 'x', { hint: 'h' }), place)).toBe('h');
    expect(nextStepFor(new OllamaError('usage', 'x'), place)).toBeUndefined();
  });

  it('past a proxy keeps what is exempt already', () => {
    expect(noProxyCommand('linux', '', 'box')).toBe('export NO_PROXY=box');
    expect(noProxyCommand('darwin', 'a,b', 'box')).toBe('export NO_PROXY=a,b,box');
    expect(noProxyCommand('win32', 'a', 'box')).toBe('setx NO_PROXY "a,box"');
  });
});
