/** Bytes that a number of each tensor type takes, scales included. Source: ggml's block sizes. */
const TENSOR_BYTES: Readonly<Record<string, number>> = {
  F32: 4,
  F16: 2,
  BF16: 2,
  Q8_0: 34 / 32,
  Q4_0: 18 / 32,
  Q4_1: 20 / 32,
  Q5_0: 22 / 32,
  Q5_1: 24 / 32,
  Q2_K: 84 / 256,
  Q3_K: 110 / 256,
  Q4_K: 144 / 256,
  Q5_K: 176 / 256,
  Q6_K: 210 / 256,
  IQ4_NL: 18 / 32,
  IQ4_XS: 136 / 256,
  MXFP4: 17 / 32,
};

/** Bytes that a number of a tensor takes; undefined for a type that is not known here. */
export function tensorBytes(type: string): number | undefined {
  return TENSOR_BYTES[type.toUpperCase()];
}

/** Bytes a parameter of a whole file by the name of its quantization: `Q4_K_M` mixes types. */
export function fileBytes(quantization: string): number {
  const name = quantization.toUpperCase();
  const exact = TENSOR_BYTES[name];
  if (exact !== undefined) return exact;
  const bits = /^I?Q(\d)/.exec(name)?.[1];
  return bits === undefined ? 1 : (Number(bits) + 0.9) / 8;
}

const UNITS: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, B: 1e9, T: 1e12 };

/** A number of parameters from words such as `8.2B` or `8x7B`; undefined where they are none. */
export function parseParameterCount(text: string): number | undefined {
  const match = /^(?:(\d{1,3})x)?(\d{1,6}(?:\.\d{1,6})?)([KMBT])$/i.exec(text.trim());
  const unit = UNITS[(match?.[3] ?? '').toUpperCase()];
  return unit === undefined ? undefined : Number(match?.[1] ?? 1) * Number(match?.[2]) * unit;
}
