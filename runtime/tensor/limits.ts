/** What numbers a dtype can hold: `torch.finfo` and `torch.iinfo`. */
import { getDefaultDtype, type DType, type DTypeName } from "./dtype.js";

/** Digits of the significand with the leading one, and the exponent of the largest power of two below the maximum. */
const formats: Partial<Record<DTypeName, readonly [digits: number, exponent: number]>> = {
  float64: [53, 1023],
  float32: [24, 127],
  float16: [11, 15],
  bfloat16: [8, 127],
};

/** @see https://pytorch.org/docs/stable/type_info.html#torch-finfo */
export interface FloatInfo {
  readonly dtype: string;
  readonly bits: number;
  /** Distance from 1 to the next larger number. */
  readonly eps: number;
  readonly max: number;
  readonly min: number;
  /** The smallest positive normal number. */
  readonly tiny: number;
  readonly smallestNormal: number;
  /** Decimal resolution: 10 to the minus of the reliable decimal digits. */
  readonly resolution: number;
}

/** @see https://pytorch.org/docs/stable/type_info.html#torch-iinfo */
export interface IntegerInfo {
  readonly dtype: string;
  readonly bits: number;
  /** A `bigint` for int64. */
  readonly max: number | bigint;
  readonly min: number | bigint;
}

/**
 * Limits of a floating dtype, of the default one when none is given.
 * @throws TypeError for other dtypes.
 */
export function finfo(type: DType = getDefaultDtype()): FloatInfo {
  const format = formats[type.name];
  if (!format) {
    throw new TypeError(
      `torch.finfo() requires a floating point input type, not ${String(type)}. Use torch.iinfo to handle integral types`,
    );
  }
  const [digits, exponent] = format;
  const eps = 2 ** (1 - digits);
  const max = (2 - eps) * 2 ** exponent;
  const tiny = 2 ** (1 - exponent);
  return {
    dtype: type.name,
    bits: 8 * type.itemsize,
    eps,
    max,
    min: -max,
    tiny,
    smallestNormal: tiny,
    resolution: Number(`1e-${String(Math.floor((digits - 1) * Math.log10(2)))}`),
  };
}

/**
 * Limits of an integral dtype.
 * @throws TypeError for other dtypes.
 */
export function iinfo(type: DType): IntegerInfo {
  if (type.isFloatingPoint || type.name === "bool") {
    throw new TypeError(
      `torch.iinfo() requires an integer input type, not ${String(type)}. Use torch.finfo to handle floating point types`,
    );
  }
  const bits = 8 * type.itemsize;
  const power = BigInt(type.isSigned ? bits - 1 : bits);
  const max = 2n ** power - 1n;
  const min = type.isSigned ? -(2n ** power) : 0n;
  const isWide = bits === 64;
  return { dtype: type.name, bits, max: isWide ? max : Number(max), min: isWide ? min : Number(min) };
}
