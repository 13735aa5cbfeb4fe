import { RuntimeError } from "../errors.js";
import { allocate } from "../tensor/dtype.js";
import type { DTypeName, HostArray } from "../tensor/dtype.js";
import { decodeBfloat16 } from "../tensor/half.js";
import { logFactorial } from "./accurate.js";
import { fillExponential, fromElements, reals, toElements } from "./continuous.js";
import type { FloatName } from "./continuous.js";
import { isFloat } from "./integers.js";
import type { Mt19937 } from "./mt19937.js";
import { fillUnit53, roundings } from "./normal.js";

/** The bits of 1 in the two short floating types; 1 in all others. */
function one(dtype: DTypeName): number {
  return dtype === "float16" ? 0x3c00 : dtype === "bfloat16" ? 0x3f80 : 1;
}

/** Where 0 or 1 is written: the low words of int64 elements, else the elements themselves. */
function flags(out: HostArray): { target: Exclude<HostArray, BigInt64Array>; stride: number } {
  if (out instanceof BigInt64Array) return { target: new Int32Array(out.buffer), stride: 2 };
  return { target: out, stride: 1 };
}

const chunk = new Float64Array(1024);

/** `bernoulli_(p)`: a 53-bit number below p. */
export function fillBernoulli(gen: Mt19937, dtype: DTypeName, count: number, p: number): HostArray {
  const out = allocate(dtype, count);
  const { target, stride } = flags(out);
  const yes = one(dtype);
  for (let start = 0; start < count; start += chunk.length) {
    const length = Math.min(chunk.length, count - start);
    fillUnit53(gen, chunk, 0, length);
    for (let i = 0, at = start * stride; i < length; i++, at += stride) target[at] = chunk[i]! < p ? yes : 0;
  }
  return out;
}

/**
 * `bernoulli_(p)` with a tensor of probabilities, of `count` elements or one. Numbers of 53 bits for float64
 * probabilities, of 24 for float32 and bfloat16.
 */
export function fillBernoulliTensor(gen: Mt19937, dtype: DTypeName, count: number, p: HostArray): HostArray {
  const out = allocate(dtype, count);
  const { target, stride } = flags(out);
  const yes = one(dtype);
  const long = p instanceof Float64Array;
  const probabilities = long || p instanceof Float32Array ? p : fromElements("bfloat16", p);
  const step = probabilities.length === 1 ? 0 : 1;
  for (let i = 0, at = 0; i < count; i++, at += stride) {
    const probability = probabilities[i * step]!;
    if (!(probability >= 0 && probability <= 1)) {
      throw new RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.");
    }
    const u = long ? gen.random53() : (gen.random() & 0xffffff) * 2 ** -24;
    target[at] = u < probability ? yes : 0;
  }
  return out;
}

/** `geometric_(p)`: ceil(log u / log(1 - p)). */
export function fillGeometric(gen: Mt19937, dtype: DTypeName, count: number, p: number): HostArray {
  const scale = Math.log(1 - p);
  const draws = isFloat(dtype) ? reals(dtype, count) : new Float64Array(count);
  for (let i = 0; i < count; i++) draws[i] = Math.ceil(Math.log(gen.random53()) / scale);
  if (isFloat(dtype)) return toElements(dtype, draws);
  const out = allocate(dtype, count);
  if (out instanceof BigInt64Array) {
    for (let i = 0; i < count; i++) out[i] = BigInt(Math.min(draws[i]!, 2 ** 63 - 1024));
  } else {
    for (let i = 0; i < count; i++) out[i] = draws[i]!;
  }
  return out;
}

/** `torch.poisson(rates)`: transformed rejection (Hörmann 1993) from a rate of 10 on, else products of uniforms. */
export function fillPoisson(gen: Mt19937, dtype: FloatName, rates: HostArray): HostArray {
  const values = fromElements(dtype, rates);
  const out = reals(dtype, values.length);
  for (let i = 0; i < values.length; i++) out[i] = poisson(gen, values[i]!);
  return toElements(dtype, out);
}

function poisson(gen: Mt19937, rate: number): number {
  if (!(rate >= 0)) throw new RuntimeError("invalid Poisson rate, expected rate to be non-negative");
  if (rate === 0) return 0;
  if (rate < 10) {
    const limit = Math.exp(-rate);
    let count = 0;
    for (let product = gen.random53(); product > limit; product *= gen.random53()) count++;
    return count;
  }
  const logRate = Math.log(rate);
  const b = 0.931 + 2.53 * Math.sqrt(rate);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const vr = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = gen.random53() - 0.5;
    const v = gen.random53();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= vr) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const left = Math.log(v) + Math.log(inverseAlpha) - Math.log(a / (us * us) + b);
    if (left <= -rate + k * logRate - logFactorial(k)) return k;
  }
}

/** Weights as the values and dtype `torch.multinomial` computes in. */
function weights(input: HostArray): {
  dtype: "float64" | "float32" | "bfloat16";
  values: Float32Array | Float64Array;
} {
  if (input instanceof Float64Array) return { dtype: "float64", values: input };
  if (input instanceof Float32Array) return { dtype: "float32", values: input };
  if (input instanceof Uint16Array) return { dtype: "bfloat16", values: decodeBfloat16(input) };
  throw new RuntimeError("multinomial only supports floating-point dtypes for input");
}

/** `torch.multinomial(input, samples, replacement=True)` for `rows` distributions. */
export function fillMultinomial(
  gen: Mt19937,
  input: HostArray,
  rows: number,
  samples: number,
): BigInt64Array<ArrayBuffer> {
  const { dtype, values } = weights(input);
  const categories = values.length / rows;
  // bfloat16 weights are summed in float32.
  const round = roundings[dtype === "float64" ? "float64" : "float32"];
  const out = new BigInt64Array(rows * samples);
  const words = new Int32Array(out.buffer);
  const cumulative = new Float64Array(categories);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let j = 0; j < categories; j++) {
      const value = values[row * categories + j]!;
      if (!(value >= 0)) {
        throw new RuntimeError("invalid multinomial distribution (encountering probability entry < 0)");
      }
      if (!Number.isFinite(value)) {
        throw new RuntimeError(
          "invalid multinomial distribution (encountering probability entry = infinity or NaN)",
        );
      }
      sum = round(sum + value);
      cumulative[j] = sum;
    }
    if (!(sum > 0)) throw new RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)");
    for (let j = 0; j < categories; j++) cumulative[j] = round(cumulative[j]! / sum);
    cumulative[categories - 1] = 1;
    for (let j = 0; j < samples; j++) {
      const u = gen.random53();
      let left = 0;
      let right = categories;
      while (right > left) {
        const middle = left + ((right - left) >>> 1);
        if (cumulative[middle]! < u) left = middle + 1;
        else right = middle;
      }
      words[2 * (row * samples + j)] = left;
    }
  }
  return out;
}

/** `torch.multinomial(input, samples)` without replacement: the largest of weight / Exp(1), in falling order. */
export function fillMultinomialWithoutReplacement(
  gen: Mt19937,
  input: HostArray,
  rows: number,
  samples: number,
): BigInt64Array<ArrayBuffer> {
  const { dtype, values } = weights(input);
  const categories = values.length / rows;
  if (values.some((value) => !(value < Infinity && value >= 0))) {
    throw new RuntimeError("probability tensor contains either `inf`, `nan` or element < 0");
  }
  for (let row = 0; row < rows; row++) {
    if (values.subarray(row * categories, (row + 1) * categories).every((value) => value === 0)) {
      throw new RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)");
    }
  }
  const keys = fromElements(dtype, fillExponential(gen, dtype, values.length, 1));
  const round = roundings[dtype];
  for (let i = 0; i < keys.length; i++) keys[i] = round(values[i]! / keys[i]!);
  const out = new BigInt64Array(rows * samples);
  const order = new Uint32Array(categories);
  for (let row = 0; row < rows; row++) {
    const key = keys.subarray(row * categories, (row + 1) * categories);
    if (samples === 1) {
      let best = 0;
      for (let j = 1; j < categories; j++) if (key[j]! > key[best]!) best = j;
      out[row] = BigInt(best);
      continue;
    }
    for (let j = 0; j < categories; j++) order[j] = j;
    order.sort((a, b) => key[b]! - key[a]! || a - b);
    for (let j = 0; j < samples; j++) out[row * samples + j] = BigInt(order[j]!);
  }
  return out;
}

/** `torch.binomial(counts, probabilities)`: successes of a probability of at most ½, the others counted backwards. */
export function fillBinomial(gen: Mt19937, dtype: FloatName, counts: HostArray, probs: HostArray): HostArray {
  const [n, p] = [fromElements(dtype, counts), fromElements(dtype, probs)];
  const out = reals(dtype, n.length);
  for (let i = 0; i < n.length; i++) out[i] = binomial(gen, n[i]!, p[i]!);
  return toElements(dtype, out);
}

function binomial(gen: Mt19937, count: number, p: number): number {
  if (count <= 0 || p <= 0) return 0;
  if (p >= 1) return count;
  if (Number.isNaN(p)) return NaN;
  if (p > 0.5) return count - successes(gen, count, 1 - p);
  return successes(gen, count, p);
}

/** Waiting times while few successes are expected, else transformed rejection (Hörmann 1993, BTRS). */
function successes(gen: Mt19937, count: number, p: number): number {
  if (count * p < 10) {
    const logFailure = Math.log1p(-p);
    let found = -1;
    for (let trials = 0; trials <= count; found++) trials += Math.ceil(Math.log(gen.random53()) / logFailure);
    return found;
  }
  const deviation = Math.sqrt(count * p * (1 - p));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const c = count * p + 0.5;
  const vr = 0.92 - 4.2 / b;
  const odds = p / (1 - p);
  const alpha = (2.83 + 5.1 / b) * deviation;
  const m = Math.floor((count + 1) * p);
  for (;;) {
    const u = gen.random53() - 0.5;
    const v = gen.random53();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + c);
    if (us >= 0.07 && v <= vr) return k;
    if (k < 0 || k > count) continue;
    const bound =
      (m + 0.5) * Math.log((m + 1) / (odds * (count - m + 1))) +
      (count + 1) * Math.log((count - m + 1) / (count - k + 1)) +
      (k + 0.5) * Math.log((odds * (count - k + 1)) / (k + 1)) +
      stirlingTail(m) +
      stirlingTail(count - m) -
      stirlingTail(k) -
      stirlingTail(count - k);
    if (Math.log((v * alpha) / (a / (us * us) + b)) <= bound) return k;
  }
}

/** log k! less Stirling's formula: for small k from the factorial itself, then by its series. */
function stirlingTail(k: number): number {
  const n = k + 1;
  if (k <= 9) return logFactorial(k) - ((k + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI));
  const square = n * n;
  return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / n;
}
