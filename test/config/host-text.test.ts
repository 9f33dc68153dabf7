import { describe, expect, it } from 'vitest';
import {
  isHostText,
  isLoopbackText,
  isSameHost,
  joinPort,
  redactCredentials,
  withoutCredentials,
} from '../../src/config/host-text.js';
import { parseHost } from '../../src/core/url.js';

describe('joinPort', () => {
  it.each([
    ['gpu.lan', 'gpu.lan:7'],
    ['http://gpu.lan', 'http://gpu.lan:7'],
    ['https://gpu.lan/prefix', 'https://gpu.lan:7/prefix'],
    ['::1', '[::1]:7'],
    ['[::1]', '[::1]:7'],
    ['ann:pw@gpu.lan', 'ann:pw@gpu.lan:7'],
    ['http://ann:pw@::1/x', 'http://ann:pw@[::1]:7/x'],
    ['gpu.lan:1', undefined],
    ['http://gpu.lan:1/x', undefined],
    ['[::1]:1', undefined],
    ['ann@gpu.lan:1', undefined],
  ])('puts the port into %s', (host, expected) => {
    expect(joinPort(host, 7)).toBe(expected);
  });
});

describe('credentials in an address', () => {
  it.each([
    ['ann:pw@gpu.lan', 'gpu.lan', '***@gpu.lan'],
    ['http://ann:p@w@gpu.lan:1/x', 'http://gpu.lan:1/x', 'http://***@gpu.lan:1/x'],
    ['HTTPS://ann@gpu.lan', 'HTTPS://gpu.lan', 'HTTPS://***@gpu.lan'],
    ['http://gpu.lan', 'http://gpu.lan', 'http://gpu.lan'],
    ['http://gpu.lan/@x', 'http://gpu.lan/@x', 'http://***@x'],
    ['http://ann:p/w@gpu.lan', 'http://ann:p/w@gpu.lan', 'http://***@gpu.lan'],
  ])('of %s are taken out, and never shown', (host, bare, shown) => {
    expect(withoutCredentials(host)).toBe(bare);
    expect(redactCredentials(host)).toBe(shown);
    if (host !== bare) expect(parseHost(bare).authorization).toBeUndefined();
  });
});

describe('what an address is', () => {
  it.each(['127.0.0.1', 'http://gpu', ':1234', '::1', 'gpu'])('%s is one', (host) => {
    expect(isHostText(host)).toBe(true);
  });

  it.each(['', '  ', 'ftp://x', 'a b'])('%j is none', (host) => {
    expect(isHostText(host)).toBe(false);
  });

  it.each([
    ['localhost', true],
    ['0.0.0.0:80', true],
    ['[::]:1', true],
    [':1234', true],
    ['http://127.9.9.9/x', true],
    ['127.0.0.1@evil.example', false],
    ['localhost.evil.example', false],
    ['http://127.0.0.1.evil.example', false],
    ['10.0.0.1', false],
  ])('%s is this machine: %s', (host, expected) => {
    expect(isLoopbackText(host)).toBe(expected);
  });

  it('is the same in any spelling', () => {
    expect(isSameHost('gpu', 'http://ann:pw@GPU:11434/')).toBe(true);
    expect(isSameHost('gpu', 'https://gpu:11434')).toBe(false);
    expect(isSameHost('gpu', 'gpu:1')).toBe(false);
    expect(isSameHost('42', '42')).toBe(false);
  });
});
