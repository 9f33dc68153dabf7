/** A time as Go writes it, with nanoseconds; `Infinity` is far in the future. `ms` since the epoch. */
export function goTime(ms: number): string {
  if (!Number.isFinite(ms)) return '2318-12-31T23:59:59.999999999Z';
  const whole = Math.floor(ms);
  const nanos = Math.round((ms - whole) * 1e6);
  const text = new Date(whole).toISOString();
  const digits = (text.slice(20, 23) + String(nanos).padStart(6, '0')).replace(/0+$/, '');
  return `${text.slice(0, 19)}${digits === '' ? '' : `.${digits}`}Z`;
}
