import { RuntimeError } from "../errors.js";
import { allocate } from "../tensor/dtype.js";
import type { DTypeName, HostArray } from "../tensor/dtype.js";
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from "../tensor/half.js";
import { erf, fma, fmaFloat32, log } from "./accurate.js";
import { floatMax, isFloat, scalarTypeNames } from "./integers.js";
import type { Mt19937 } from "./mt19937.js";
import {
  digits,
  fillNormalFloat32,
  fillNormalFloat64,
  fillNormalReduced,
  fillNormalSerial,
  fillUnit,
  fillUnit53,
  nextNormal,
  roundings,
} from "./normal.js";

export type FloatName = keyof typeof floatMax;
type Reals = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** @throws RuntimeError when `dtype` is not floating, with the message of PyTorch's `kernel` */
export function requireFloat(dtype: DTypeName, kernel: string): asserts dtype is FloatName {
  if (!isFloat(dtype)) throw new RuntimeError(`"${kernel}" not implemented for '${scalarTypeNames[dtype]}'`);
}

/** The array a floating dtype is computed in: itself, or float32 for the two short ones. */
export function reals(dtype: FloatName, count: number): Reals {
  return allocate(dtype === "float64" ? "float64" : "float32", count) as Reals;
}

/** Elements of `dtype` from the array of {@link reals}. */
export function toElements(dtype: FloatName, values: Reals): HostArray {
  if (dtype === "float16") return encodeFloat16(values);
  if (dtype === "bfloat16") return encodeBfloat16(values);
  return values;
}

/** The values of a floating tensor's elements. */
export function fromElements(dtype: DTypeName, data: HostArray): Reals {
  if (dtype === "float16" && data instanceof Uint16Array) return decodeFloat16(data);
  if (dtype === "bfloat16" && data instanceof Uint16Array) return decodeBfloat16(data);
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  throw new RuntimeError(`expected a tensor of ${dtype} values`);
}

/** @throws RuntimeError as `uniform_` does, for bounds that are out of order or out of the dtype's range */
export function checkUniform(dtype: DTypeName, from: number, to: number): void {
  requireFloat(dtype, "check_uniform_bounds");
  const most = floatMax[dtype];
  const type = { float64: "double", float32: "float", float16: "c10::Half", bfloat16: "c10::BFloat16" }[
    dtype
  ];
  if (!(Math.abs(from) <= most)) throw new RuntimeError(`from is out of bounds for ${type}`);
  if (!(Math.abs(to) <= most)) throw new RuntimeError(`to is out of bounds for ${type}`);
  if (!(from <= to)) {
    throw new RuntimeError(
      `uniform_ expects to return a [from, to) range, but found from=${from} > to=${to}`,
    );
  }
  if (!(to - from <= most)) {
    const name = scalarTypeNames[dtype];
    throw new RuntimeError(
      `uniform_ expects to-from <= std::numeric_limits<${name}>::max(), but found to=${to} and from=${from} which result in to-from to exceed the limit`,
    );
  }
}

/** `uniform_(from, to)`: x (to - from) + from with one rounding, x of as many bits as the dtype's significand. */
export function fillUniform(
  gen: Mt19937,
  dtype: FloatName,
  count: number,
  from: number,
  to: number,
): HostArray {
  const round = roundings[dtype];
  const start = round(from);
  const width = round(round(to) - start);
  const out = reals(dtype, count);
  const unit = start === 0 && width === 1;
  if (out instanceof Float64Array) {
    fillUnit53(gen, out);
    if (!unit) for (let i = 0; i < count; i++) out[i] = fma(out[i]!, width, start);
  } else {
    fillUnit(gen, out, digits[dtype]);
    if (!unit) for (let i = 0; i < count; i++) out[i] = fmaFloat32(out[i]!, width, start);
  }
  return toElements(dtype, out);
}

/** `normal_(mean, std)`. `contiguous` is false for a tensor whose memory has gaps or another order. */
export function fillNormal(
  gen: Mt19937,
  dtype: FloatName,
  count: number,
  mean: number,
  std: number,
  contiguous: boolean,
): HostArray {
  const out = reals(dtype, count);
  if (count < 16 || !contiguous) fillNormalSerial(gen, out, mean, std);
  else if (out instanceof Float64Array) fillNormalFloat64(gen, out, mean, std);
  else if (dtype === "float16" || dtype === "bfloat16") fillNormalReduced(gen, out, dtype, mean, std);
  else fillNormalFloat32(gen, out, mean, std);
  return toElements(dtype, out);
}

/**
 * `torch.normal` with a tensor of means, of standard deviations, or both, already broadcast to `count` elements:
 * standard draws times std plus mean, each rounded.
 */
export function fillNormalTensor(
  gen: Mt19937,
  dtype: FloatName,
  count: number,
  mean: number | HostArray,
  std: number | HostArray,
): HostArray {
  const means = typeof mean === "number" ? null : fromElements(dtype, mean);
  const stds = typeof std === "number" ? null : fromElements(dtype, std);
  if (stds?.some((value) => !(value >= 0))) {
    throw new RuntimeError("normal expects all elements of std >= 0.0");
  }
  const round = roundings[dtype];
  const centre = typeof mean === "number" ? round(mean) : 0;
  const drawn = fillNormal(gen, dtype, count, 0, typeof std === "number" ? std : 1, true);
  const out = fromElements(dtype, drawn);
  for (let i = 0; i < count; i++) {
    const scaled = stds === null ? out[i]! : round(out[i]! * stds[i]!);
    out[i] = round(scaled + (means === null ? centre : means[i]!));
  }
  return toElements(dtype, out);
}

/** `log_normal_(mean, std)`: exp of the scalar normal draws, whatever the size. */
export function fillLogNormal(
  gen: Mt19937,
  dtype: FloatName,
  count: number,
  mean: number,
  std: number,
): HostArray {
  const out = reals(dtype, count);
  for (let i = 0; i < count; i++) out[i] = Math.exp(fma(nextNormal(gen), std, mean));
  return toElements(dtype, out);
}

/** `exponential_(lambd)`: -1/lambd log(1 - u). */
export function fillExponential(gen: Mt19937, dtype: FloatName, count: number, lambd: number): HostArray {
  const out = reals(dtype, count);
  const scale = -1 / lambd;
  if (out instanceof Float64Array) {
    for (let i = 0; i < count; i++) out[i] = scale * log(1 - gen.random53());
  } else {
    for (let i = 0; i < count; i++) out[i] = scale * Math.log(1 - gen.random53());
  }
  return toElements(dtype, out);
}

/** `cauchy_(median, sigma)`: median + sigma tan(pi (u - 1/2)). */
export function fillCauchy(
  gen: Mt19937,
  dtype: FloatName,
  count: number,
  median: number,
  sigma: number,
): HostArray {
  const out = reals(dtype, count);
  for (let i = 0; i < count; i++) out[i] = fma(sigma, Math.tan(Math.PI * (gen.random53() - 0.5)), median);
  return toElements(dtype, out);
}

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

/** `erfinv` in float64: a rational approximation and two Newton steps. */
function erfinvFloat64(y: number): number {
  const abs = Math.abs(y);
  if (abs >= 1) return abs === 1 ? y * Infinity : NaN;
  let x: number;
  if (abs <= 0.7) {
    const z = y * y;
    const numerator = fma(fma(fma(-0.140543331, z, 0.914624893), z, -1.645349621), z, 0.886226899);
    const denominator = fma(
      fma(fma(fma(0.012229801, z, -0.329097515), z, 1.442710462), z, -2.118377725),
      z,
      1,
    );
    x = (y * numerator) / denominator;
  } else {
    const z = Math.sqrt(-Math.log((1 - abs) / 2));
    const numerator = fma(fma(fma(1.641345311, z, 3.429567803), z, -1.624906493), z, -1.970840454);
    x = (Math.sign(y) * numerator) / fma(fma(1.6370678, z, 3.5438892), z, 1);
  }
  x -= (erf(x) - y) / (twoOverRootPi * Math.exp(-x * x));
  x -= (erf(x) - y) / (twoOverRootPi * Math.exp(-x * x));
  return x;
}

const f = Math.fround;
const erfinvA = [-0.140543331, 0.914624893, -1.645349621, 0.886226899].map(f);
const erfinvB = [0.012229801, -0.329097515, 1.442710462, -2.118377725].map(f);
const erfinvC = [1.641345311, 3.429567803, -1.624906493, -1.970840454].map(f);
const erfinvD = [1.6370678, 3.5438892].map(f);
const twoOverRootPiF = f(2 / f(Math.sqrt(Math.PI)));

/** The same with every step rounded to float32: the Newton steps divide by small numbers, which shows. */
function erfinvFloat32(y: number): number {
  const abs = Math.abs(y);
  if (abs >= 1) return abs === 1 ? y * Infinity : NaN;
  let x: number;
  if (abs <= f(0.7)) {
    const z = f(y * y);
    const [a3, a2, a1, a0] = erfinvA;
    const [b3, b2, b1, b0] = erfinvB;
    const numerator = f(f(f(a3! * z + a2!) * z + a1!) * z + a0!);
    const denominator = f(f(f(f(b3! * z + b2!) * z + b1!) * z + b0!) * z + 1);
    x = f(f(y * numerator) / denominator);
  } else {
    const z = f(Math.sqrt(-f(Math.log(f((1 - abs) / 2)))));
    const [c3, c2, c1, c0] = erfinvC;
    const [d1, d0] = erfinvD;
    const numerator = f(f(f(c3! * z + c2!) * z + c1!) * z + c0!);
    x = f((Math.sign(y) * numerator) / f(f(d1! * z + d0!) * z + 1));
  }
  for (let step = 0; step < 2; step++) {
    const slope = f(twoOverRootPiF * f(Math.exp(-f(x * x))));
    x = f(x - f(f(f(erf(x)) - y) / slope));
  }
  return x;
}

/** `nn.init.trunc_normal_(mean, std, a, b)`: uniform between the bounds' cdfs, erfinv, scale, shift, clamp. */
export function fillTruncNormal(
  gen: Mt19937,
  dtype: FloatName,
  count: number,
  mean: number,
  std: number,
  a: number,
  b: number,
): HostArray {
  if (dtype === "float16") throw new RuntimeError(`"erfinv_vml_cpu" not implemented for 'Half'`);
  const low = erf((a - mean) / std / Math.SQRT2);
  const high = erf((b - mean) / std / Math.SQRT2);
  // As Python computes 2 * ((1 + erf) / 2) - 1.
  const from = 2 * ((1 + low) / 2) - 1;
  const to = 2 * ((1 + high) / 2) - 1;
  checkUniform(dtype, from, to);
  const out = fromElements(dtype, fillUniform(gen, dtype, count, from, to));
  const round = roundings[dtype];
  const inverse = dtype === "float64" ? erfinvFloat64 : erfinvFloat32;
  const scale = round(std * Math.SQRT2);
  const lowest = round(a);
  const highest = round(b);
  for (let i = 0; i < count; i++) {
    const value = round(round(round(inverse(out[i]!)) * scale) + round(mean));
    out[i] = Math.min(highest, Math.max(lowest, value));
  }
  return toElements(dtype, out);
}

/** The slopes `rrelu` draws in training: uniform in [lower, upper] where the input is not positive, else 1. */
export function fillRreluNoise(
  gen: Mt19937,
  dtype: FloatName,
  input: HostArray,
  lower: number,
  upper: number,
): HostArray {
  const values = fromElements(dtype, input);
  const out = reals(dtype, values.length);
  const start = roundings[dtype](lower);
  const width = roundings[dtype](upper) - start;
  for (let i = 0; i < values.length; i++) {
    out[i] = values[i]! <= 0 ? gen.random53() * width + start : 1;
  }
  return toElements(dtype, out);
}
