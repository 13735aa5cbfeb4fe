import { RuntimeError } from "../errors.js";
import { allocate } from "../tensor/dtype.js";
import type { DTypeName, HostArray } from "../tensor/dtype.js";
import { encodeBfloat16, encodeFloat16, roundBfloat16, roundFloat16 } from "../tensor/half.js";
import type { Mt19937 } from "./mt19937.js";
import { digits } from "./normal.js";

const two32 = 4294967296;
const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

/** How PyTorch's error messages call the dtypes. */
export const scalarTypeNames: Readonly<Record<DTypeName, string>> = {
  float64: "Double",
  float32: "Float",
  float16: "Half",
  bfloat16: "BFloat16",
  int64: "Long",
  int32: "Int",
  int16: "Short",
  int8: "Char",
  uint8: "Byte",
  bool: "Bool",
};

/** The C++ types behind them, which other messages show. */
export const typeNames: Readonly<Record<DTypeName, string>> = {
  float64: "double",
  float32: "float",
  float16: "c10::Half",
  bfloat16: "c10::BFloat16",
  int64: "long int",
  int32: "int",
  int16: "short int",
  int8: "signed char",
  uint8: "unsigned char",
  bool: "bool",
};

const integerLimits = {
  int64: [int64Min, int64Max],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int16: [-32768n, 32767n],
  int8: [-128n, 127n],
  uint8: [0n, 255n],
  bool: [0n, 1n],
} as const;

/** The largest finite number of each floating type. */
export const floatMax = {
  float64: Number.MAX_VALUE,
  float32: 3.4028234663852886e38,
  float16: 65504,
  bfloat16: 3.3895313892515355e38,
};

export function isFloat(dtype: DTypeName): dtype is keyof typeof floatMax {
  return dtype in floatMax;
}

/** The integer `value` becomes in `dtype`, as C casts it there and back. */
function throughFloat(dtype: keyof typeof floatMax, value: bigint): bigint {
  const real = Number(value);
  const rounded =
    dtype === "float64"
      ? real
      : dtype === "float32"
        ? Math.fround(real)
        : dtype === "float16"
          ? roundFloat16(real)
          : roundBfloat16(real);
  if (!(Math.abs(rounded) < 2 ** 63)) return int64Min;
  return BigInt(rounded);
}

function bitLength(value: bigint): bigint {
  return BigInt((value < 0n ? -value : value).toString(2).length - 1);
}

/** A range of integers: `size` values from `base` on; `size` is null for all 2^64. */
export interface IntegerRange {
  readonly base: bigint;
  readonly size: bigint | null;
}

/**
 * The range `random_(from, to)` draws from in `dtype`: bounds that a floating type cannot hold move to the nearest inside.
 * @throws RuntimeError for an empty range or a bound the dtype cannot hold
 */
export function integerRange(dtype: DTypeName, from: bigint, to: bigint | null): IntegerRange {
  const drawn = `random_ expects 'from'`;
  let low = from;
  let last: bigint;
  if (to !== null) {
    if (from >= to) {
      throw new RuntimeError(`${drawn} to be less than 'to', but got from=${from} >= to=${to}`);
    }
    let high = to;
    if (isFloat(dtype)) {
      const unit = (edge: bigint): bigint => 2n ** (bitLength(edge) - BigInt(digits[dtype]) + 1n);
      const above = throughFloat(dtype, from + 1n);
      if (above < from) low = above + unit(from + 1n);
      const below = throughFloat(dtype, to - 1n);
      if (below >= to) high = below - unit(to - 1n);
      if (low >= high) {
        throw new RuntimeError(
          `${drawn} casted to dtype to be less than 'to' casted to dtype, but got from=${low} >= to=${high}`,
        );
      }
    }
    last = high - 1n;
  } else if (from !== int64Min) {
    if (isFloat(dtype)) {
      const above = throughFloat(dtype, from + 1n);
      if (above < from) low = above + 2n ** (bitLength(from + 1n) - BigInt(digits[dtype]) + 1n);
      last = 2n ** BigInt(digits[dtype]);
      if (low >= last) {
        throw new RuntimeError(
          `${drawn} casted to dtype to be less than or equal to 'to_inc' casted to dtype, but got from=${low} > to_inc=${last}`,
        );
      }
    } else {
      last = integerLimits[dtype][1];
    }
  } else {
    if (dtype === "bool" || dtype === "float16") {
      throw new RuntimeError(
        `"random_full_64_bits_range_kernel_cpu" not implemented for '${scalarTypeNames[dtype]}'`,
      );
    }
    if (dtype !== "int64" && !isFloat(dtype)) {
      throw new RuntimeError(
        "random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16",
      );
    }
    return { base: 0n, size: null };
  }
  checkBound(dtype, "from", low);
  checkBound(dtype, "to - 1", last);
  return { base: low, size: last - low + 1n };
}

function checkBound(dtype: DTypeName, name: string, value: bigint): void {
  const inside = isFloat(dtype)
    ? Math.abs(Number(value)) <= floatMax[dtype]
    : value >= integerLimits[dtype][0] && value <= integerLimits[dtype][1];
  if (!inside) throw new RuntimeError(`${name} is out of bounds for ${typeNames[dtype]}`);
}

/** Where numbers are written before they become elements of `dtype`. */
function numberTarget(
  dtype: DTypeName,
  out: HostArray,
): Exclude<HostArray, BigInt64Array> | Float32Array<ArrayBuffer> {
  if (dtype === "float16" || dtype === "bfloat16") return new Float32Array(out.length);
  return out as Exclude<HostArray, BigInt64Array>;
}

function finish(dtype: DTypeName, target: ArrayLike<number>, out: HostArray): HostArray {
  if (dtype === "float16") return encodeFloat16(target as Float32Array, out as Uint16Array<ArrayBuffer>);
  if (dtype === "bfloat16") return encodeBfloat16(target as Float32Array, out as Uint16Array<ArrayBuffer>);
  return out;
}

/** `random_(from, to)`: word modulo the size of the range, plus its start. 64-bit words where the range needs them. */
export function fillRange(gen: Mt19937, dtype: DTypeName, count: number, range: IntegerRange): HostArray {
  const out = allocate(dtype, count);
  const { base, size } = range;
  const wideType = dtype === "int64" || dtype === "float64" || dtype === "float32" || dtype === "bfloat16";
  const wide = size === null || (wideType && size >= 1n << 32n);
  const safe = base >= BigInt(Number.MIN_SAFE_INTEGER) && base <= BigInt(Number.MAX_SAFE_INTEGER - two32);
  if (wide || !safe) {
    const target = dtype === "int64" ? null : numberTarget(dtype, out);
    for (let i = 0; i < count; i++) {
      let word = wide ? gen.random64() : BigInt(gen.random());
      if (size !== null) word %= size;
      const value = BigInt.asIntN(64, word + base);
      if (target === null) (out as BigInt64Array)[i] = value;
      else target[i] = Number(value);
    }
    return target === null ? out : finish(dtype, target, out);
  }
  const modulus = Number(size);
  const start = Number(base);
  if (dtype === "int64") {
    const words = new Int32Array(out.buffer);
    for (let i = 0; i < 2 * count; i += 2) {
      const value = remainder(gen.random(), modulus) + start;
      words[i] = value;
      words[i + 1] = Math.floor(value / two32);
    }
    return out;
  }
  const target = numberTarget(dtype, out);
  for (let i = 0; i < count; i++) target[i] = remainder(gen.random(), modulus) + start;
  return finish(dtype, target, out);
}

function remainder(word: number, modulus: number): number {
  return modulus >= two32 ? word : (word >>> 0) % (modulus >>> 0);
}

/** `random_()`: the full non-negative range of an integer type, the consecutive integers of a floating type. */
export function fillFullRange(gen: Mt19937, dtype: DTypeName, count: number): HostArray {
  const out = allocate(dtype, count);
  if (dtype === "int64") {
    const words = new Int32Array(out.buffer);
    for (let i = 0; i < 2 * count; i += 2) {
      words[i + 1] = gen.random() & 0x7fffffff;
      words[i] = gen.random();
    }
    return out;
  }
  const target = numberTarget(dtype, out);
  if (dtype === "float64") {
    // Modulo 2^53 + 1: q 2^53 + r is r - q, because 2^53 is -1.
    for (let i = 0; i < count; i++) {
      const high = gen.random();
      const low = gen.random();
      const r = (high & 0x1fffff) * two32 + low;
      const difference = r - (high >>> 21);
      target[i] = difference >= 0 ? difference : difference + 1 + 2 ** 53;
    }
    return out;
  }
  if (isFloat(dtype)) {
    const modulus = 2 ** digits[dtype] + 1;
    for (let i = 0; i < count; i++) target[i] = (gen.random() >>> 0) % modulus;
    return finish(dtype, target, out);
  }
  const mask = Number(integerLimits[dtype][1]);
  for (let i = 0; i < count; i++) target[i] = gen.random() & mask;
  return out;
}

/** @throws RuntimeError for a length that `dtype` cannot count to */
export function checkPermutation(dtype: DTypeName, n: number): void {
  if (n < 0) throw new RuntimeError(`Trying to create tensor with negative dimension ${n}: [${n}]`);
  if (dtype === "bool") throw new RuntimeError(`"randperm" not implemented for 'Bool'`);
  if (isFloat(dtype)) {
    const most = 2 ** digits[dtype] + 1;
    if (dtype !== "bfloat16" && n > most) {
      throw new RuntimeError(`n cannot be greater than ${most} for ${scalarTypeNames[dtype]} type.`);
    }
  } else if (n - 1 > Number(integerLimits[dtype][1])) {
    throw new RuntimeError(`value cannot be converted to type ${dtype}_t without overflow`);
  }
}

/** `torch.randperm(n)`: Fisher-Yates from the front, one 32-bit word a step. */
export function fillPermutation(gen: Mt19937, dtype: DTypeName, n: number): HostArray {
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  for (let i = 0; i < n - 1; i++) {
    const j = i + ((gen.random() >>> 0) % ((n - i) >>> 0));
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  if (dtype === "int32") return order;
  const out = allocate(dtype, n);
  if (dtype === "int64") {
    const words = new Int32Array(out.buffer);
    for (let i = 0; i < n; i++) words[2 * i] = order[i]!;
    return out;
  }
  const target = numberTarget(dtype, out);
  for (let i = 0; i < n; i++) target[i] = order[i]!;
  return finish(dtype, target, out);
}
