import { RuntimeError } from "../../errors.js";
import { allocate, type HostArray } from "../../tensor/dtype.js";
import { count, floatRoom, floats, stored } from "./floats.js";
import type { HostKernel, KernelInput, KernelOutput } from "./index.js";

/** Where in an input each element of the broadcast result comes from; `null` when it is the same place. */
export function sources(shape: readonly number[], out: readonly number[]): Int32Array | null {
  const total = count(out);
  const own = count(shape);
  if (own === total && shape.every((d, i) => d === out[out.length - shape.length + i])) return null;
  const index = new Int32Array(total);
  if (own <= 1) return index;
  let block = 1;
  let stride = 1;
  // One axis at a time, from the last: the position along it adds its stride.
  for (let axis = out.length - 1; axis >= 0; axis--) {
    const size = out[axis]!;
    const mine = shape[axis - (out.length - shape.length)] ?? 1;
    if (mine !== 1) {
      for (let i = 0; i < total; i++) index[i]! += (Math.floor(i / block) % size) * stride;
      stride *= mine;
    }
    block *= size;
  }
  return index;
}

type Binary<T> = (a: T, b: T) => T;

const at = (index: Int32Array | null, i: number): number => (index ? index[i]! : i);

/** An integer function of two broadcast inputs: numbers for the narrow types, bigints for int64. */
function integers(narrow: Binary<number>, wide: Binary<bigint>): HostKernel {
  return ([x, y], _, [out]) => {
    const result = allocate(out!.dtype, count(out!.shape));
    const xs = sources(x!.shape, out!.shape);
    const ys = sources(y!.shape, out!.shape);
    if (result instanceof BigInt64Array) {
      const [a, b] = [x!.data as BigInt64Array, y!.data as BigInt64Array];
      for (let i = 0; i < result.length; i++) result[i] = wide(a[at(xs, i)]!, b[at(ys, i)]!);
    } else {
      const [a, b] = [x!.data as Int32Array, y!.data as Int32Array];
      for (let i = 0; i < result.length; i++) result[i] = narrow(a[at(xs, i)]!, b[at(ys, i)]!);
    }
    return [result];
  };
}

function zeroDivision(): never {
  throw new RuntimeError("ZeroDivisionError");
}

function remainder(a: number, b: number): number {
  const r = b === 0 ? zeroDivision() : a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
}

function remainderWide(a: bigint, b: bigint): bigint {
  const r = b === 0n ? zeroDivision() : a % b;
  return r !== 0n && r < 0n !== b < 0n ? r + b : r;
}

function gcd(a: number, b: number): number {
  let [x, y] = [Math.abs(a), Math.abs(b)];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

function gcdWide(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/** aⁿ modulo 2⁶⁴; of negative powers only those of 1 and -1 are integers, the others are 0. */
function powWide(a: bigint, n: bigint): bigint {
  if (n < 0n) return a === 1n ? 1n : a === -1n ? (n % 2n === 0n ? 1n : -1n) : 0n;
  let result = 1n;
  let base = a;
  for (let e = n; e > 0n; e >>= 1n) {
    if (e & 1n) result = BigInt.asIntN(64, result * base);
    base = BigInt.asIntN(64, base * base);
  }
  return result;
}

const narrowed =
  (f: Binary<bigint>): Binary<number> =>
  (a, b) =>
    Number(BigInt.asIntN(32, f(BigInt(a), BigInt(b))));

const powers = integers(narrowed(powWide), powWide);

/** Shifts by more bits than there are give what C's would on a wide enough word: 0, or the sign. */
const shiftLeft: Binary<bigint> = (a, n) => (n < 0n || n >= 64n ? 0n : BigInt.asIntN(64, a << n));
const shiftRight: Binary<bigint> = (a, n) => (n < 0n || n >= 64n ? (a < 0n ? -1n : 0n) : a >> n);

const kernels: Record<string, HostKernel> = {
  "integer.div_trunc": integers(
    (a, b) => (b === 0 ? zeroDivision() : Math.trunc(a / b)),
    (a, b) => (b === 0n ? zeroDivision() : a / b),
  ),
  "integer.div_floor": integers(
    (a, b) => (b === 0 ? zeroDivision() : Math.floor(a / b)),
    (a, b) => (b === 0n ? zeroDivision() : (a - remainderWide(a, b)) / b),
  ),
  "integer.remainder": integers(remainder, remainderWide),
  "integer.fmod": integers(
    (a, b) => (b === 0 ? zeroDivision() : a % b),
    (a, b) => (b === 0n ? zeroDivision() : a % b),
  ),
  "integer.pow": (inputs, attrs, outputs) => {
    const { exponent } = attrs as { exponent?: number };
    if (exponent === undefined) return powers(inputs, attrs, outputs);
    const dtype = inputs[0]!.dtype;
    const data = dtype === "int64" ? BigInt64Array.of(BigInt(exponent)) : Int32Array.of(exponent);
    const wide: KernelInput = { dtype, shape: [], data };
    return powers([inputs[0]!, wide], attrs, outputs);
  },
  "integer.gcd": integers(gcd, gcdWide),
  "integer.lcm": integers(
    (a, b) => (a === 0 || b === 0 ? 0 : Math.abs((a / gcd(a, b)) * b)),
    (a, b) => {
      const l = a === 0n || b === 0n ? 0n : (a / gcdWide(a, b)) * b;
      return l < 0n ? -l : l;
    },
  ),
  "integer.shift_left": integers(narrowed(shiftLeft), shiftLeft),
  "integer.shift_right": integers(narrowed(shiftRight), shiftRight),
  "float.atan2": (...args) => floatPairs(Math.atan2)(...args),
  "float.hypot": (...args) => floatPairs(Math.hypot)(...args),
  "float.copysign": ([x, y], _, [out]) => {
    const a = floats(x!);
    const negative = signBits(y!);
    const xs = sources(x!.shape, out!.shape);
    const ys = sources(y!.shape, out!.shape);
    const result = floatRoom(out!.dtype, count(out!.shape));
    for (let i = 0; i < result.length; i++) {
      const magnitude = Math.abs(a[at(xs, i)]!);
      result[i] = negative(at(ys, i)) ? -magnitude : magnitude;
    }
    return [stored(result, out!.dtype)];
  },
  "float.signbit": ([x]) => {
    const negative = signBits(x!);
    return [Uint8Array.from({ length: x!.data.length }, (_, i) => Number(negative(i)))];
  },
  "float.nextafter": (inputs, _, [out]) => [nextAfter(inputs, out!)],
};

/** A function of two broadcast floating inputs. */
export function floatPairs(f: Binary<number>): HostKernel {
  return ([x, y], _, [out]) => {
    const [a, b] = [floats(x!), floats(y!)];
    const result = floatRoom(out!.dtype, count(out!.shape));
    const xs = sources(x!.shape, out!.shape);
    const ys = sources(y!.shape, out!.shape);
    for (let i = 0; i < result.length; i++) result[i] = f(a[at(xs, i)]!, b[at(ys, i)]!);
    return [stored(result, out!.dtype)];
  };
}

/** Bytes from the start of one element to the start of the next, and the place of the sign bit's byte. */
function signBits(x: KernelInput): (i: number) => boolean {
  const bytes = new Uint8Array(x.data.buffer, x.data.byteOffset, x.data.byteLength);
  const size = x.data.BYTES_PER_ELEMENT;
  return (i) => bytes[i * size + size - 1]! >= 128;
}

/** The next number of the dtype towards `b`: one step of the bits, which are ordered as the magnitudes are. */
function nextAfter([x, y]: readonly KernelInput[], out: KernelOutput): HostArray {
  const [a, b] = [floats(x!), floats(y!)];
  const xs = sources(x!.shape, out.shape);
  const ys = sources(y!.shape, out.shape);
  const total = count(out.shape);
  const result = allocate(out.dtype, total);
  const words =
    out.dtype === "float64"
      ? new BigInt64Array(result.buffer)
      : out.dtype === "float32"
        ? new Int32Array(result.buffer)
        : new Int16Array(result.buffer);
  for (let i = 0; i < total; i++) {
    const [from, to] = [a[at(xs, i)]!, b[at(ys, i)]!];
    if (out.dtype === "float64" || out.dtype === "float32") (result as Float64Array)[i] = from;
    else (result as Uint16Array)[i] = (x!.data as Uint16Array)[at(xs, i)]!;
    if (Number.isNaN(from) || Number.isNaN(to)) {
      result[i] = (stored(Float64Array.of(NaN), out.dtype) as Float64Array)[0]!;
    } else if (from === 0 && to !== 0) {
      const [smallest, sign] = [1, to < 0];
      if (words instanceof BigInt64Array) words[i] = BigInt(smallest) | (sign ? -(1n << 63n) : 0n);
      else words[i] = sign ? -(2 ** (8 * words.BYTES_PER_ELEMENT - 1)) + smallest : smallest;
    } else if (from !== to) {
      const step = from < to === from > 0 ? 1 : -1;
      if (words instanceof BigInt64Array) words[i]! += BigInt(step);
      else words[i]! += step;
    } else (result as Float64Array)[i] = out.dtype.endsWith("16") ? (result[i]! as number) : to;
  }
  return result;
}

export const pointwiseKernels: Readonly<Record<string, HostKernel>> = kernels;
