import { describe, expect, it } from 'vitest';
import { formatAge } from '../../src/format/age.js';

const NOW = Date.parse('2025-06-15T12:00:00Z');
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('formatAge', () => {
  it.each([
    [0, 'just now'],
    [59 * SECOND, 'just now'],
    [MINUTE, '1 minute ago'],
    [59 * MINUTE, '59 minutes ago'],
    [HOUR, '1 hour ago'],
    [47 * HOUR, '47 hours ago'],
    [2 * DAY, '2 days ago'],
    [13 * DAY, '13 days ago'],
    [14 * DAY, '2 weeks ago'],
    [21 * DAY, '3 weeks ago'],
    [59 * DAY, '8 weeks ago'],
    [60 * DAY, '2 months ago'],
    [150 * DAY, '5 months ago'],
    [729 * DAY, '24 months ago'],
    [730 * DAY, '2 years ago'],
    [-500, 'just now'],
    [-SECOND, 'in 1 second'],
    [-40 * SECOND, 'in 40 seconds'],
    [-4 * MINUTE, 'in 4 minutes'],
    [-3 * DAY, 'in 3 days'],
    [-20 * 365 * DAY, 'in 20 years'],
    [-21 * 365 * DAY, 'forever'],
  ])('names an age of %d ms as %s', (age, text) => {
    expect(formatAge(NOW - age, NOW)).toBe(text);
  });

  it.each([
    ['2025-06-13T04:00:00.123456789-07:00', '2 days ago'],
    ['2025-06-15T12:04:30+00:00', 'in 4 minutes'],
    ['0001-01-01T00:00:00Z', 'never'],
    ['1970-01-01T00:00:00Z', 'never'],
    ['2318-03-02T00:00:00Z', 'forever'],
    ['', 'unknown'],
    ['yesterday', 'unknown'],
  ])('reads the time %j of a server as %s', (time, text) => {
    expect(formatAge(time, NOW)).toBe(text);
  });
});
