import { describe, expect, test } from 'vitest';
import { isExempt, proxyFor } from '../../src/core/proxy.js';
import { parseHost } from '../../src/core/url.js';

describe('which proxy', () => {
  test.each([
    ['https://h', { HTTPS_PROXY: 'http://p:1' }, 'http://p:1'],
    ['https://h', { https_proxy: 'http://lower:1', HTTPS_PROXY: 'http://upper:1' }, 'http://lower:1'],
    ['https://h', { https_proxy: '', HTTPS_PROXY: 'http://upper:1' }, undefined],
    ['https://h', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['http://h', { HTTP_PROXY: 'http://p:1' }, 'http://p:1'],
    ['http://h', { HTTPS_PROXY: 'http://p:1' }, undefined],
    ['http://h', { ALL_PROXY: 'http://p:1' }, 'http://p:1'],
    ['https://h', { all_proxy: 'http://p:1', HTTPS_PROXY: 'http://s:1' }, 'http://s:1'],
    ['http://h', { HTTP_PROXY: ' p:3128 ' }, 'http://p:3128'],
    ['http://h', { HTTP_PROXY: '  ' }, undefined],
    ['http://h', {}, undefined],
    ['http://h', { HTTP_PROXY: 'http://p:1', NO_PROXY: 'h' }, undefined],
    ['http://h', { HTTP_PROXY: 'http://p:1', no_proxy: 'x', NO_PROXY: 'h' }, 'http://p:1'],
  ])('%s under %j goes by %s', (host, env, proxy) => {
    expect(proxyFor(parseHost(host), env)).toBe(proxy);
  });

  test.each(['127.0.0.1', 'localhost', '::1', '0.0.0.0', '127.1.2.3:80', 'http://x.localhost'])(
    '%s never goes by one',
    (host) => {
      const env = { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://p:1', ALL_PROXY: 'http://p:1' };
      expect(proxyFor(parseHost(host), env)).toBeUndefined();
      expect(proxyFor(parseHost('10.0.0.1'), env)).toBe('http://p:1');
    },
  );
});

describe('NO_PROXY', () => {
  test.each([
    ['*', 'example.com', 80, true],
    ['a, *', 'example.com', 80, true],
    ['', 'example.com', 80, false],
    ['example.com', 'example.com', 80, true],
    ['EXAMPLE.com', 'Example.COM', 80, true],
    ['example.com', 'a.example.com', 80, true],
    ['example.com', 'notexample.com', 80, false],
    ['.example.com', 'a.example.com', 80, true],
    ['.example.com', 'example.com', 80, false],
    ['*.example.com', 'a.b.example.com', 80, true],
    ['*.example.com', 'example.com', 80, false],
    ['example.com:80', 'example.com', 80, true],
    ['example.com:80', 'example.com', 81, false],
    ['.example.com:80', 'a.example.com', 81, false],
    ['a.com b.com,c.com', 'b.com', 80, true],
    ['a.com,,c.com', 'd.com', 80, false],
    ['10.1.2.3', '10.1.2.3', 80, true],
    ['10.1.2.3', '10.1.2.30', 80, false],
    ['10.1.2.3:80', '10.1.2.3', 81, false],
    ['10.0.0.0/8', '10.1.2.3', 80, true],
    ['10.0.0.0/8', '11.1.2.3', 80, false],
    ['10.1.2.0/23', '10.1.3.255', 80, true],
    ['10.1.2.0/23', '10.1.4.0', 80, false],
    ['0.0.0.0/0', '200.1.1.1', 80, true],
    ['10.0.0.0/33', '10.0.0.0', 80, false],
    ['10.0.0.0/8', 'ten.example', 80, false],
    ['300.0.0.0/8', '44.0.0.0', 80, false],
    ['2001:db8::1', '2001:db8::1', 80, true],
    ['2001:DB8:0::1', '2001:db8::1', 80, true],
    ['[2001:db8::1]:80', '2001:db8::1', 80, true],
    ['[2001:db8::1]:80', '2001:db8::1', 81, false],
    ['2001:db8::2', '2001:db8::1', 80, false],
    ['2001:db8::/32', '2001:db8:ffff::1', 80, true],
    ['2001:db8::/32', '2001:db9::1', 80, false],
    ['fe80::/10', 'febf::1', 80, true],
    ['fe80::/10', 'fec0::1', 80, false],
    ['::/0', '10.0.0.1', 80, false],
    ['1:2:3:4:5:6:7/64', '1:2:3:4:5:6:7:8', 80, false],
  ])('%j lets %s:%i pass: %s', (list, hostname, port, expected) => {
    expect(isExempt({ hostname, port }, list)).toBe(expected);
  });
});
