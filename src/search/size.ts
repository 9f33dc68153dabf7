/** Bytes a parameter of a model as most are offered: Q4_K_M with what is kept finer. */
const BYTES_A_PARAMETER = 0.6;

/** About how many bytes a model with `8b` or `8x7b` parameters has as it is usually offered; undefined for other words. */
export function guessSize(parameters: string): number | undefined {
  const match = /^e?(?:(\d{1,3})x)?(\d{1,5}(?:\.\d{1,4})?)([kmbt])$/i.exec(parameters.trim());
  if (match === null) return undefined;
  const unit = { k: 1e3, m: 1e6, b: 1e9, t: 1e12 }[(match[3] ?? '').toLowerCase()] ?? NaN;
  return Math.round(Number(match[1] ?? 1) * Number(match[2]) * unit * BYTES_A_PARAMETER);
}
