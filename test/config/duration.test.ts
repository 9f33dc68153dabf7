import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseAge,
  parseDuration,
  parseSize,
  parseTimeLimit,
  readSize,
  writeDuration,
} from '../../src/config/duration.js';

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1.5s', 1500],
    [' 2s ', 2000],
    ['0s', 0],
    ['2147483647ms', 2_147_483_647],
  ])('reads %j as %d ms', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', '5', '-5s', '5 s', '5d', 's', '1h30m', '5S', '1e3s', 'NaNs', '2147483648ms', '597h', '.5s'])(
    'refuses %j and quotes it',
    (text) => {
      expect(() => parseDuration(text)).toThrow(
        expect.objectContaining({
          code: 'usage',
          message: expect.stringContaining(JSON.stringify(text)) as string,
        }),
      );
    },
  );

  it('reads back what writeDuration writes', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), (milliseconds) => {
        expect(parseDuration(writeDuration(milliseconds))).toBe(milliseconds);
      }),
    );
  });
});

describe('parseAge', () => {
  it.each([
    ['30d', 30 * 86_400_000],
    ['2w', 14 * 86_400_000],
    ['0.5d', 43_200_000],
    [' 12h ', 43_200_000],
    ['90m', 5_400_000],
    ['3650d', 3650 * 86_400_000],
  ])('reads %j as %d ms', (text, milliseconds) => {
    expect(parseAge(text)).toBe(milliseconds);
  });

  it.each(['', '30', '-1d', '1 d', '2y', '1d12h', '30D', '9999999d'])('refuses %j and quotes it', (text) => {
    expect(() => parseAge(text)).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: expect.stringContaining(`${JSON.stringify(text)} is not an age`) as string,
      }),
    );
  });
});

describe('writeDuration', () => {
  it.each([
    [500, '500ms'],
    [1500, '1500ms'],
    [30_000, '30s'],
    [60_000, '1m'],
    [90_000, '90s'],
    [7_200_000, '2h'],
    [0, '0ms'],
  ])('writes %d ms as %s', (milliseconds, text) => {
    expect(writeDuration(milliseconds)).toBe(text);
  });
});

describe('parseTimeLimit', () => {
  it.each(['none', 'off', '0', ' None ', '0s'])('takes %j for no limit', (text) => {
    expect(parseTimeLimit(text)).toBeUndefined();
  });

  it('takes a duration for a limit', () => {
    expect(parseTimeLimit('2s')).toBe(2000);
  });

  it('refuses what is neither', () => {
    expect(() => parseTimeLimit('never')).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('parseSize', () => {
  it.each([
    ['8GB', 8e9],
    ['20MB', 20e6],
    ['50kB', 50_000],
    ['50KB', 50_000],
    ['1.5gb', 1.5e9],
    ['4GiB', 4 * 2 ** 30],
    ['1TiB', 2 ** 40],
    ['20MB/s', 20e6],
    ['8 GB', 8e9],
    ['2G', 2e9],
    ['123', 123],
    ['7B', 7],
  ])('reads %j as %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', 'GB', '-1GB', '8XB', '8GBB', '1e3', '99999999TB', '8GB/h'])('refuses %j', (text) => {
    expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(readSize(text)).toBeUndefined();
  });

  it('gives a whole number of bytes or none, whatever is given', () => {
    const size = fc.tuple(fc.double({ min: 0, noNaN: true }), fc.constantFrom('', 'kB', 'GB', 'TiB', '?'));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          size.map(([n, unit]) => `${n}${unit}`),
        ),
        (text) => {
          const bytes = readSize(text);
          expect(bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0)).toBe(true);
        },
      ),
    );
  });
});
