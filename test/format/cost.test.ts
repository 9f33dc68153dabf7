import { expect, test } from 'vitest';
import { formatCost } from '../../src/format/cost.js';

test.each([
  [0, 'USD', '0.00 USD'],
  [12.5, 'EUR', '12.50 EUR'],
  [0.5, 'EUR', '0.50 EUR'],
  [0.0012, 'USD', '0.0012 USD'],
  [0.000001, 'USD', '0.0000010 USD'],
  [1, '', '1.00'],
  [1, 'U\u0007SD', '1.00 USD'],
])('%d of %j is %s', (amount, currency, words) => {
  expect(formatCost(amount, currency)).toBe(words);
});
