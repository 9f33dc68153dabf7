import { describe, expect, it } from 'vitest';
import { createStyles, type Styles } from '../../src/output/styles.js';

const ROLES: [keyof Styles, string][] = [
  ['accent', '\x1b[36mx\x1b[39m'],
  ['good', '\x1b[32mx\x1b[39m'],
  ['bad', '\x1b[31mx\x1b[39m'],
  ['warn', '\x1b[33mx\x1b[39m'],
  ['dim', '\x1b[2mx\x1b[22m'],
  ['bold', '\x1b[1mx\x1b[22m'],
];

describe('createStyles', () => {
  it.each(ROLES)('gives %s its escape codes, and none at level 0', (role, styled) => {
    expect(createStyles(1)[role]('x')).toBe(styled);
    expect(createStyles(0)[role]('x')).toBe('x');
  });
});
