import { cleanLine } from './clean.js';

/** An amount of money with two digits that say something: `0.0012 USD`, `12.50 EUR`. The currency is the person's word. */
export function formatCost(amount: number, currency: string): string {
  const digits = amount > 0 && amount < 1 ? Math.min(8, 1 - Math.floor(Math.log10(amount))) : 2;
  return `${amount.toFixed(digits)} ${cleanLine(currency)}`.trim();
}
