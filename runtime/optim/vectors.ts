import { NotImplementedError } from "../errors.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

/** A flattened set of parameters on this side. */
export type Vector = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** The elements of a float32 or float64 tensor. */
export function toVector(t: Tensor): Vector {
  const { buffer } = new Uint8Array(t.toBytes());
  return t.dtype.name === "float32" ? new Float32Array(buffer) : new Float64Array(buffer);
}

/** Arithmetic on vectors, every result rounded to one precision. */
export interface Vectors {
  round(x: number): number;
  /** f · a */
  scale(a: Vector, f: number): Vector;
  /** a + f · b, rounded once. */
  add(a: Vector, b: Vector, f: number): Vector;
  dot(a: Vector, b: Vector): number;
  /** max |aᵢ| */
  largest(a: Vector): number;
  /** Σ |aᵢ| */
  sumAbs(a: Vector): number;
}

/** @throws NotImplementedError for dtypes other than float32 and float64. */
export function vectorsOf(dtype: DType): Vectors {
  if (dtype.name !== "float32" && dtype.name !== "float64")
    throw new NotImplementedError(`LBFGS is not implemented for ${dtype.name}`);
  const round = dtype.name === "float32" ? Math.fround : (x: number): number => x;
  return {
    round,
    scale: (a, f) => {
      const factor = round(f);
      return a.map((x) => x * factor) as Vector;
    },
    add: (a, b, f) => {
      const factor = round(f);
      return a.map((x, i) => x + factor * b[i]!) as Vector;
    },
    dot: (a, b) => {
      let sum = 0;
      for (let i = 0; i < a.length; i++) sum += round(a[i]! * b[i]!);
      return round(sum);
    },
    largest: (a) => {
      let most = 0;
      for (const x of a) if (!(Math.abs(x) <= most)) most = Math.abs(x);
      return most;
    },
    sumAbs: (a) => {
      let sum = 0;
      for (const x of a) sum += Math.abs(x);
      return round(sum);
    },
  };
}
