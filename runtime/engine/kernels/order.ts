/** Elements in order: what they compare by, rows along an axis, and sorting of indices. */
import { floats } from "./floats.js";
import type { KernelInput } from "./index.js";

/** Elements in a form in which `<` is their order: doubles, or bigints where a double would not hold them. */
export type Keys = Float64Array | BigInt64Array;

/** Integers up to this size are doubles. */
const EXACT = 2n ** 53n;

export function keysOf(x: KernelInput): Keys {
  if (x.data instanceof BigInt64Array) {
    return x.data.every((v) => v <= EXACT && v >= -EXACT) ? Float64Array.from(x.data, Number) : x.data;
  }
  if (x.dtype === "float16" || x.dtype === "bfloat16" || x.dtype === "float32") {
    return Float64Array.from(floats(x));
  }
  return x.data instanceof Float64Array ? x.data : Float64Array.from(x.data as Int32Array);
}

/** Keys of two inputs that compare with each other too. */
export function commonKeys(x: KernelInput, y: KernelInput): readonly [Keys, Keys] {
  const [a, b] = [keysOf(x), keysOf(y)];
  if (a instanceof BigInt64Array === b instanceof BigInt64Array) return [a, b];
  return [x.data as BigInt64Array, y.data as BigInt64Array];
}

/** The lines of a tensor along one axis: the `i`-th element of a row is at `start + i * step`. */
export interface Rows {
  readonly length: number;
  readonly step: number;
  readonly starts: Int32Array;
}

/** Rows along `dim`; a 0-d tensor is one row of one element. */
export function rowsOf(shape: readonly number[], dim: number): Rows {
  const length = shape.length === 0 ? 1 : shape[dim]!;
  const step = shape.slice(dim + 1).reduce((n, d) => n * d, 1);
  const outer = shape.slice(0, dim).reduce((n, d) => n * d, 1);
  const starts = new Int32Array(length === 0 ? 0 : outer * step);
  for (let o = 0, k = 0; k < starts.length; o++) {
    for (let i = 0; i < step; i++) starts[k++] = o * length * step + i;
  }
  return { length, step, starts };
}

/** A row's keys, one after the other. */
export function rowKeys(keys: Keys, { length, step }: Rows, start: number): Keys {
  if (step === 1) return keys.subarray(start, start + length);
  const row = keys instanceof BigInt64Array ? new BigInt64Array(length) : new Float64Array(length);
  for (let i = 0; i < length; i++) row[i] = keys[start + i * step]!;
  return row;
}

/** Whether `a` comes before `b`. */
export type Before = (a: number, b: number) => boolean;

/** Ascending order of the elements at two indices: NaN is above everything. */
export function ascending(keys: Keys): Before {
  return (i, j) => {
    const [a, b] = [keys[i]!, keys[j]!];
    return a < b || (Number.isNaN(b) && !Number.isNaN(a));
  };
}

/** Descending order: NaN first. */
export function descending(keys: Keys): Before {
  return (i, j) => {
    const [a, b] = [keys[i]!, keys[j]!];
    return a > b || (Number.isNaN(a) && !Number.isNaN(b));
  };
}

export function iota(n: number): Int32Array {
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  return order;
}

/** The indices that put keys in order; equal ones stay as they stand. NaN counts as the largest. */
export function stableOrder(keys: Keys, down: boolean): Int32Array {
  const order = iota(keys.length);
  if (keys instanceof BigInt64Array) {
    // ~x turns the order around and, unlike -x, never overflows.
    mergeSort(order, down ? keys.map((k) => ~k) : keys);
    return order;
  }
  // NaNs have no order to sort by: they go to their end first.
  const nans = keys.reduce((n, k) => n + Number(Number.isNaN(k)), 0);
  if (nans > 0) {
    let [plain, nan] = down ? [nans, 0] : [0, keys.length - nans];
    for (let i = 0; i < keys.length; i++) order[Number.isNaN(keys[i]) ? nan++ : plain++] = i;
  }
  const part = down ? order.subarray(nans) : order.subarray(0, keys.length - nans);
  mergeSort(part, down ? keys.map((k) => -k) : keys);
  return order;
}

const RUN = 12;

/** Sorts indices by ascending keys: runs by insertion, then merged, twice as long each time. */
function mergeSort(order: Int32Array, keys: Keys): void {
  const n = order.length;
  for (let from = 0; from < n; from += RUN) {
    const to = Math.min(from + RUN, n);
    for (let i = from + 1; i < to; i++) {
      const moved = order[i]!;
      const key = keys[moved]!;
      let j = i;
      for (; j > from && keys[order[j - 1]!]! > key; j--) order[j] = order[j - 1]!;
      order[j] = moved;
    }
  }
  let [source, target]: [Int32Array, Int32Array] = [order, new Int32Array(n > RUN ? n : 0)];
  for (let width = RUN; width < n; width *= 2) {
    for (let from = 0; from < n; from += 2 * width) {
      const middle = Math.min(from + width, n);
      const to = Math.min(from + 2 * width, n);
      let [left, right] = [from, middle];
      for (let k = from; k < to; k++) {
        const takeRight = left >= middle || (right < to && keys[source[left]!]! > keys[source[right]!]!);
        target[k] = takeRight ? source[right++]! : source[left++]!;
      }
    }
    [source, target] = [target, source];
  }
  if (source !== order) order.set(source);
}
