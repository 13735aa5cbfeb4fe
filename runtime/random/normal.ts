import { roundBfloat16, roundFloat16 } from "../tensor/half.js";
import { fma, fmaFloat32, log, sincos } from "./accurate.js";
import type { Mt19937 } from "./mt19937.js";

const f = Math.fround;
const blockLength = 624;

/** What rounds a number to an element type that is computed in float32. */
export type Rounding = (value: number) => number;

export const roundings = {
  float64: (value: number) => value,
  float32: Math.fround,
  float16: roundFloat16,
  bfloat16: roundBfloat16,
} as const satisfies Record<string, Rounding>;

/** Significant bits: how many low bits of a draw make a number in [0, 1). */
export const digits = { float64: 53, float32: 24, float16: 11, bfloat16: 8 } as const;

/** Fills `out[start, end)` with the low `bits` bits of successive words times 2^-bits. */
export function fillUnit(
  gen: Mt19937,
  out: Float32Array | Float64Array,
  bits: number,
  start = 0,
  end = out.length,
): void {
  const block = gen.block;
  const mask = (1 << bits) - 1;
  const scale = 2 ** -bits;
  let position = gen.position;
  for (let i = start; i < end;) {
    if (position === blockLength) {
      gen.refill();
      position = 0;
    }
    const stop = Math.min(end, i + blockLength - position);
    while (i < stop) out[i++] = (block[position++]! & mask) * scale;
  }
  gen.position = position;
}

/** Fills `out[start, end)` with numbers of 53 bits in [0, 1). */
export function fillUnit53(
  gen: Mt19937,
  out: Float32Array | Float64Array,
  start = 0,
  end = out.length,
): void {
  const block = gen.block;
  let position = gen.position;
  for (let i = start; i < end;) {
    if (position >= blockLength - 1) {
      // The two words of a number may lie in different blocks.
      gen.position = position;
      out[i++] = gen.random53();
      position = gen.position;
      continue;
    }
    const stop = Math.min(end, i + ((blockLength - position) >>> 1));
    for (; i < stop; i++, position += 2) {
      out[i] = ((block[position]! & 0x1fffff) * 4294967296 + (block[position + 1]! >>> 0)) * 2 ** -53;
    }
  }
  gen.position = position;
}

const pair = new Float64Array(2);

/** One normal number in float64: Box-Muller, every other one from the generator's cache. */
export function nextNormal(gen: Mt19937): number {
  const cached = gen.nextDoubleNormal;
  if (cached !== null) {
    gen.nextDoubleNormal = null;
    return cached;
  }
  const u1 = gen.random53();
  const u2 = gen.random53();
  const radius = Math.sqrt(-2 * log(1 - u2));
  sincos(2 * Math.PI * u1, pair);
  gen.nextDoubleNormal = radius * pair[0]!;
  return radius * pair[1]!;
}

/** The path of fewer than 16 elements, and of tensors that are not contiguous: float64 whatever the dtype. */
export function fillNormalSerial(
  gen: Mt19937,
  out: Float32Array | Float64Array,
  mean: number,
  std: number,
): void {
  for (let i = 0; i < out.length; i++) out[i] = fma(nextNormal(gen), std, mean);
}

const exponents = Float64Array.from({ length: 26 }, (_, i) => 2 ** -i);
const rootHalf = 11863283; // sqrt(1/2) in float32, times 2^24
const polynomials = new Float64Array(2);

// Cephes' single precision polynomials, as the vectorised kernel evaluates them.
const l0 = f(7.0376836292e-2);
const l1 = f(-1.151461031e-1);
const l2 = f(1.167699874e-1);
const l3 = f(-1.2420140846e-1);
const l4 = f(1.4249322787e-1);
const l5 = f(-1.6668057665e-1);
const l6 = f(2.0000714765e-1);
const l7 = f(-2.4999993993e-1);
const l8 = f(3.3333331174e-1);
const lnLow = f(-2.1219444e-4);
const lnHigh = f(0.693359375);
const twoPi = f(2 * Math.PI);
const fourOverPi = f(1.27323954473516);
const dp1 = f(-0.78515625);
const dp2 = f(-2.4187564849853515625e-4);
const dp3 = f(-3.774894977445941e-8);
const s0 = f(-1.9515295891e-4);
const s1 = f(8.3321608736e-3);
const s2 = f(-1.6666654611e-1);
const c0 = f(2.443315711809948e-5);
const c1 = f(-1.388731625493765e-3);
const c2 = f(4.166664568298827e-2);

/**
 * Sixteen uniform numbers at `at` become sixteen normal ones: elements i and i + 8 are one Box-Muller pair. Each
 * `f(a * b + c)` stands for a fused multiply-add of float32.
 */
function transform16(data: Float32Array, at: number, mean: number, std: number): void {
  for (let j = at; j < at + 8; j++) {
    // u1 = 1 - data[j] = k 2^-24, exactly; x 2^e with x in [1/2, 1), then x in [sqrt(1/2), sqrt 2) less 1.
    const k = 16777216 - ((data[j]! * 16777216) | 0);
    const top = 32 - Math.clz32(k);
    const small = ((k << (24 - top)) - rootHalf) >>> 31;
    const e = top - 24 - small;
    const u = k * exponents[top]!;
    const x = u - 1 + u * small;
    const xx = f(x * x);
    let y = f(l0 * x + l1);
    y = f(y * x + l2);
    y = f(y * x + l3);
    y = f(y * x + l4);
    y = f(y * x + l5);
    y = f(y * x + l6);
    y = f(y * x + l7);
    y = f(y * x + l8);
    y = f(y * x);
    y = f(y * xx + f(e * lnLow));
    y = f(y - xx * 0.5);
    const logarithm = f(e * lnHigh + f(x + y));
    const radius = f(Math.sqrt(f(-2 * logarithm)));

    const theta = f(twoPi * data[j + 8]!);
    const octant = (f(theta * fourOverPi) + 1) & ~1;
    let r = f(octant * dp1 + theta);
    r = f(octant * dp2 + r);
    r = f(octant * dp3 + r);
    const z = f(r * r);
    let c = f(c0 * z + c1);
    c = f(c * z + c2);
    c = f(c * z);
    c = f(c * z - f(z * 0.5));
    c = f(c + 1);
    let s = f(s0 * z + s1);
    s = f(s * z + s2);
    s = f(s * z);
    s = f(s * r + r);

    // Selected by index and sign, not by branches nobody can predict.
    polynomials[0] = s;
    polynomials[1] = c;
    const other = (octant >>> 1) & 1;
    const n1 = f(radius * (polynomials[1 - other]! * ((((octant - 2) & 4) >>> 1) - 1)));
    const n2 = f(radius * (polynomials[other]! * (1 - ((octant & 4) >>> 1))));
    if (mean === 0) {
      data[j] = n1 * std + 0;
      data[j + 8] = n2 * std + 0;
    } else {
      data[j] = fmaFloat32(n1, std, mean);
      data[j + 8] = fmaFloat32(n2, std, mean);
    }
  }
}

/** Float32, 16 elements or more: what the AVX2 kernel computes. */
export function fillNormalFloat32(gen: Mt19937, out: Float32Array, mean: number, std: number): void {
  const m = f(mean);
  const d = f(std);
  const size = out.length;
  fillUnit(gen, out, 24);
  for (let i = 0; i < size - 15; i += 16) transform16(out, i, m, d);
  if (size % 16 !== 0) {
    fillUnit(gen, out, 24, size - 16, size);
    transform16(out, size - 16, m, d);
  }
}

/** Float64, 16 elements or more. */
export function fillNormalFloat64(gen: Mt19937, out: Float64Array, mean: number, std: number): void {
  const size = out.length;
  const standard = mean === 0 && std === 1;
  const transform = (at: number): void => {
    for (let j = at; j < at + 8; j++) {
      const radius = Math.sqrt(-2 * Math.log(1 - out[j]!));
      const theta = 2 * Math.PI * out[j + 8]!;
      const n1 = radius * Math.cos(theta);
      const n2 = radius * Math.sin(theta);
      out[j] = standard ? n1 : fma(n1, std, mean);
      out[j + 8] = standard ? n2 : fma(n2, std, mean);
    }
  };
  fillUnit53(gen, out);
  for (let i = 0; i < size - 15; i += 16) transform(i);
  if (size % 16 !== 0) {
    fillUnit53(gen, out, size - 16, size);
    transform(size - 16);
  }
}

/**
 * float16 and bfloat16, 16 elements or more. C++ finds bfloat16 overloads of log and cos, so every step of that one is
 * rounded to bfloat16; float16 goes through the float32 functions and is rounded when stored.
 */
export function fillNormalReduced(
  gen: Mt19937,
  out: Float32Array,
  dtype: "float16" | "bfloat16",
  mean: number,
  std: number,
): void {
  const store = roundings[dtype];
  const step = dtype === "bfloat16" ? roundBfloat16 : f;
  const m = store(mean);
  const d = store(std);
  const size = out.length;
  const place = (j: number, radius: number, factor: number): void => {
    const scaled = step(radius * step(factor));
    out[j] = store(dtype === "bfloat16" ? step(scaled * d) + m : fmaFloat32(scaled, d, m));
  };
  const transform = (at: number): void => {
    for (let j = at; j < at + 8; j++) {
      const u1 = store(1 - out[j]!);
      const radius = store(step(Math.sqrt(step(-2 * step(Math.log(u1))))));
      const theta = store(2 * Math.PI * out[j + 8]!);
      place(j, radius, Math.cos(theta));
      place(j + 8, radius, Math.sin(theta));
    }
  };
  fillUnit(gen, out, digits[dtype]);
  for (let i = 0; i < size - 15; i += 16) transform(i);
  if (size % 16 !== 0) {
    fillUnit(gen, out, digits[dtype], size - 16, size);
    transform(size - 16);
  }
}
