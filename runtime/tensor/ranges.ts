/**
 * Evenly spaced numbers as PyTorch's vectorized kernels compute them. They fill whole vectors of 32 bytes: the first
 * number of a vector is computed and rounded to the dtype, the others are steps from it; what is left over after pairs
 * of vectors is computed one by one. For integers this decides which way a number is cut off.
 */
import { encodeBfloat16, encodeFloat16, decodeBfloat16, decodeFloat16 } from "./half.js";
import type { DType } from "./dtype.js";

type Round = (x: number) => number;

/** Rounds a number to what a dtype can hold; cuts off fractions for integers. */
export function rounding(dtype: DType): Round {
  switch (dtype.name) {
    case "float64":
      return (x) => x;
    case "float32":
      return Math.fround;
    case "float16":
      return (x) => decodeFloat16(encodeFloat16(Float32Array.of(x)))[0]!;
    case "bfloat16":
      return (x) => decodeBfloat16(encodeBfloat16(Float32Array.of(x)))[0]!;
    default:
      return Math.trunc;
  }
}

const VECTOR_BYTES = 32;

/** Fills `n` numbers: `first(i)` where a vector starts or none does, `next(base, k)` for its k-th element. */
function inVectors(
  n: number,
  itemsize: number,
  first: (i: number) => number,
  next: (base: number, k: number) => number,
): Float64Array<ArrayBuffer> {
  const out = new Float64Array(n);
  const lanes = VECTOR_BYTES / itemsize;
  const vectorized = n - (n % (2 * lanes));
  for (let i = 0; i < n; i++) {
    const k = i < vectorized ? i % lanes : 0;
    out[i] = k === 0 ? first(i) : next(out[i - k]!, k);
  }
  return out;
}

/** a · b + c rounded once, as the processor's fused instruction has it. */
function fused(a: number, b: number, c: number): number {
  const product = a * b;
  // The rounding errors of the product (by Veltkamp's splitting) and of the sum are added back.
  const split = (x: number): number => {
    const t = 134217729 * x;
    return t - (t - x);
  };
  const [ah, bh] = [split(a), split(b)];
  const [al, bl] = [a - ah, b - bh];
  const lost = al * bl - (product - ah * bh - al * bh - ah * bl);
  const sum = product + c;
  const part = sum - product;
  const lostToo = product - (sum - part) + (c - part);
  return sum + (lost + lostToo);
}

/** start, start + step, …: `n` numbers, summed in double precision. */
export function steps(start: number, step: number, n: number, dtype: DType): Float64Array<ArrayBuffer> {
  const round = rounding(dtype);
  return inVectors(
    n,
    dtype.itemsize,
    (i) => round(fused(step, i, start)),
    (base, k) => round(fused(step, k, base)),
  );
}

/** `n` numbers from `start` to `end`, both included, from each end towards the middle. */
export function spaced(start: number, end: number, n: number, dtype: DType): Float64Array<ArrayBuffer> {
  const round = rounding(dtype);
  const [a, b] = [round(start), round(end)];
  if (n === 1) return Float64Array.of(a);
  // Integers step in double precision, floats in their own; the half types round at every step.
  const own: Round = dtype.isFloatingPoint ? round : (x) => x;
  const half = dtype.isFloatingPoint && dtype.itemsize === 2;
  const step = own(own(b - a) / own(n - 1));
  const add: (base: number, k: number) => number = half
    ? (base, k) => round(base + round(step * round(k)))
    : (base, k) => round(fused(step, k, base));
  return inVectors(n, dtype.itemsize, (i) => (i < Math.floor(n / 2) ? add(a, i) : add(b, i + 1 - n)), add);
}
