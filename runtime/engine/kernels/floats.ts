import type { DTypeName, HostArray } from "../../tensor/dtype.js";
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from "../../tensor/half.js";
import type { KernelInput } from "./index.js";

/** The elements of a floating input as numbers. */
export function floats(x: KernelInput): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
  if (x.dtype === "float16") return decodeFloat16(x.data as Uint16Array);
  if (x.dtype === "bfloat16") return decodeBfloat16(x.data as Uint16Array);
  return x.data as Float32Array<ArrayBuffer>;
}

/** Room for results of a floating dtype; half types are computed in float32. */
export function floatRoom(
  dtype: DTypeName,
  count: number,
): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
  return dtype === "float64" ? new Float64Array(count) : new Float32Array(count);
}

/** Results as a floating dtype stores them. */
export function stored(
  values: Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>,
  dtype: DTypeName,
): HostArray {
  if (dtype === "float16") return encodeFloat16(values);
  if (dtype === "bfloat16") return encodeBfloat16(values);
  return values;
}

export function count(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}
