import { RuntimeError } from "../../errors.js";
import { allocate, type DTypeName, type HostArray } from "../../tensor/dtype.js";
import { count, floatRoom, floats, stored } from "./floats.js";
import type { HostKernel, KernelInput } from "./index.js";

type Numbers = Record<number, number>;
type Wide = Record<number, bigint>;
type Fold<T> = (a: T, b: T) => T;

const larger: Fold<number> = (a, b) => (a > b || Number.isNaN(a) ? a : b);
const smaller: Fold<number> = (a, b) => (a < b || Number.isNaN(a) ? a : b);

const folds: Readonly<Record<string, Fold<number>>> = {
  sum: (a, b) => a + b,
  mean: (a, b) => a + b,
  prod: (a, b) => a * b,
  amax: larger,
  amin: smaller,
};
const wideFolds: Readonly<Record<string, Fold<bigint>>> = {
  sum: (a, b) => a + b,
  mean: (a, b) => a + b,
  prod: (a, b) => BigInt.asIntN(64, a * b),
  amax: (a, b) => (a > b ? a : b),
  amin: (a, b) => (a < b ? a : b),
};

/** A copy of the elements in a form that can be computed with, and the way back. */
function workspace(x: KernelInput): { values: HostArray; finish: (v: HostArray) => HostArray } {
  if (x.dtype === "float16" || x.dtype === "bfloat16") {
    const values = floatRoom(x.dtype, x.data.length);
    values.set(floats(x));
    return { values, finish: (v) => stored(v as Float32Array<ArrayBuffer>, x.dtype) };
  }
  if (x.dtype === "bool") {
    const wide = Int32Array.from(x.data as Uint8Array);
    return { values: wide, finish: (v) => Uint8Array.from(v as Int32Array, (e) => (e ? 1 : 0)) };
  }
  return { values: x.data.slice() as HostArray, finish: (v) => v };
}

const isHalf = (dtype: DTypeName): boolean => dtype === "float16" || dtype === "bfloat16";

/** Calls back with the place in `x`, and in the source, of every element of the index. */
function eachPlace(
  x: KernelInput,
  index: KernelInput,
  src: KernelInput,
  dim: number,
  visit: (to: number, from: number) => void,
): void {
  const rank = index.shape.length;
  const steps = (shape: readonly number[]): number[] => shape.map((_, a) => count(shape.slice(a + 1)));
  const [xs, ss] = [steps(x.shape), steps(src.shape)];
  const size = x.shape[dim]!;
  const at = new Array<number>(rank).fill(0);
  const indices = index.data as BigInt64Array;
  for (let i = 0; i < indices.length; i++) {
    const along = Number(indices[i]!);
    if (along < 0 || along >= size) {
      throw new RuntimeError(
        `index ${String(along)} is out of bounds for dimension ${String(dim)} with size ${String(size)}`,
      );
    }
    let to = along * xs[dim]!;
    let from = 0;
    for (let a = 0; a < rank; a++) {
      if (a !== dim) to += at[a]! * xs[a]!;
      from += at[a]! * ss[a]!;
    }
    visit(to, from);
    for (let a = rank - 1; a >= 0; a--) {
      if (++at[a]! < index.shape[a]!) break;
      at[a] = 0;
    }
  }
}

const scatterReduce: HostKernel = ([x, index, src], attrs) => {
  const { dim, reduce, includeSelf } = attrs as { dim: number; reduce: string; includeSelf: boolean };
  const { values, finish } = workspace(x!);
  const seen = new Uint32Array(values.length).fill(includeSelf ? 1 : 0);
  if (values instanceof BigInt64Array) {
    const source = src!.data as unknown as Wide;
    const fold = wideFolds[reduce]!;
    eachPlace(x!, index!, src!, dim, (to, from) => {
      values[to] = seen[to]! > 0 ? fold(values[to]!, source[from]!) : source[from]!;
      seen[to]!++;
    });
    if (reduce === "mean") for (let i = 0; i < values.length; i++) values[i] = floorDiv(values[i]!, seen[i]!);
    return [values];
  }
  const numbers = values as unknown as Numbers;
  const source = (isHalf(src!.dtype) ? floats(src!) : src!.data) as unknown as Numbers;
  const fold = folds[reduce]!;
  // Half types are rounded after every step, as if they were stored.
  const round = isHalf(x!.dtype) ? rounder(x!.dtype) : (v: number) => v;
  eachPlace(x!, index!, src!, dim, (to, from) => {
    numbers[to] = seen[to]! > 0 ? round(fold(numbers[to]!, source[from]!)) : source[from]!;
    seen[to]!++;
  });
  if (reduce === "mean") {
    const whole = values instanceof Float32Array || values instanceof Float64Array ? undefined : Math.floor;
    for (let i = 0; i < values.length; i++) {
      if (seen[i]! < 2) continue;
      const mean = numbers[i]! / seen[i]!;
      numbers[i] = whole ? whole(mean) : mean;
    }
  }
  return [finish(values)];
};

function floorDiv(sum: bigint, n: number): bigint {
  if (n < 2) return sum;
  const d = BigInt(n);
  const r = sum % d;
  return (sum - (r < 0n ? r + d : r)) / d;
}

function rounder(dtype: DTypeName): (v: number) => number {
  const cell = new Float32Array(1);
  return (v) => {
    cell[0] = v;
    return floats({ dtype, shape: [1], data: stored(cell, dtype) })[0]!;
  };
}

/** The source's elements, in order, over those of the input that the mask shows. */
const maskedScatter: HostKernel = ([x, mask, src]) => {
  const out = x!.data.slice() as HostArray;
  const chosen = mask!.data as Uint8Array;
  let next = 0;
  for (let i = 0; i < out.length; i++) {
    if (!chosen[i]) continue;
    if (next >= src!.data.length) {
      throw new RuntimeError("Number of elements of source < number of ones in mask");
    }
    (out as unknown as Numbers)[i] = (src!.data as unknown as Numbers)[next++]!;
  }
  return [out];
};

/** The elements that the mask shows, in order, and zeros up to the size of the result. */
const maskedGather: HostKernel = ([g, mask], _, [y]) => {
  const out = allocate(g!.dtype, count(y!.shape));
  const chosen = mask!.data as Uint8Array;
  let next = 0;
  for (let i = 0; i < chosen.length; i++) {
    if (chosen[i]) (out as unknown as Numbers)[next++] = (g!.data as unknown as Numbers)[i]!;
  }
  return [out];
};

export const scatterKernels: Readonly<Record<string, HostKernel>> = {
  scatter_reduce: scatterReduce,
  masked_scatter: maskedScatter,
  masked_gather: maskedGather,
};
