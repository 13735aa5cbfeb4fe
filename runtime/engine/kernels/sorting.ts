/** Orders, selections and searches. The kernels give indices; values are gathered by them. */
import { allocate, type HostArray } from "../../tensor/dtype.js";
import type { HostKernel, KernelInput } from "./index.js";
import {
  ascending,
  commonKeys,
  descending,
  iota,
  keysOf,
  rowKeys,
  rowsOf,
  stableOrder,
  type Keys,
} from "./order.js";
import { nthElement, partialSort, quickSelect, sort } from "./select.js";

/** Picks the same number of indices from every row along `dim`. */
function pickPerRow(
  x: KernelInput,
  dim: number,
  picked: number,
  pick: (row: Keys) => ArrayLike<number>,
): BigInt64Array<ArrayBuffer> {
  const keys = keysOf(x);
  const rows = rowsOf(x.shape, dim);
  const out = new BigInt64Array(rows.starts.length * picked);
  rows.starts.forEach((start, r) => {
    const indices = pick(rowKeys(keys, rows, start));
    // A result's row starts as far into its block as the input's does.
    const inner = r % rows.step;
    const first = (r - inner) * picked + inner;
    for (let i = 0; i < picked; i++) out[first + i * rows.step] = BigInt(indices[i]!);
  });
  return out;
}

const isNaNKey = (k: number | bigint): boolean => Number.isNaN(k);

/** Where the median stands: the first NaN if it counts, else the lower middle in stable order. */
function medianOf(row: Keys, ignoreNan: boolean): number {
  const nans = row instanceof BigInt64Array ? 0 : row.reduce((n, k) => n + Number(isNaNKey(k)), 0);
  if (nans > 0 && !ignoreNan) return row.findIndex(isNaNKey);
  const middle = Math.max(0, (row.length - 1 - nans) >> 1);
  const order = iota(row.length);
  const before = ascending(row);
  nthElement(order, (i, j) => before(i, j) || (row[i] === row[j] && i < j), middle);
  return order[middle]!;
}

/** Where the most frequent element stands, the smallest of them; the last of its run after sorting. */
function modeOf(row: Keys): number {
  const order = iota(row.length);
  sort(order, ascending(row));
  let best = 0;
  let [run, longest] = [0, 0];
  order.forEach((at, i) => {
    run++;
    const next = order[i + 1];
    if (next !== undefined && row[at] === row[next]) return;
    if (run > longest) [best, longest] = [at, run];
    run = 0;
  });
  return best;
}

function orderOf(row: Keys, how: { descending: boolean; stable: boolean }): Int32Array {
  if (how.stable) return stableOrder(row, how.descending);
  const order = iota(row.length);
  sort(order, how.descending ? descending(row) : ascending(row));
  return order;
}

function topOf(row: Keys, k: number, largest: boolean, sorted: boolean): Int32Array {
  const order = iota(row.length);
  const before = largest ? descending(row) : ascending(row);
  if (k * 64 <= row.length) partialSort(order, before, k);
  else if (k > 0) {
    nthElement(order, before, k - 1);
    if (sorted) sort(order, before, k - 1);
  }
  return order;
}

/** The first place in a sorted row, `from` … `to`, whose element is not below the value, or, on the right, above it. */
function search(
  row: Keys,
  place: (i: number) => number,
  from: number,
  to: number,
  value: number | bigint,
  right: boolean,
): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = row[place(middle)]!;
    if (right ? at > value : at >= value) high = middle;
    else low = middle + 1;
  }
  return low - from;
}

export const sortingKernels: Readonly<Record<string, HostKernel>> = {
  "sort.order": ([x], attrs) => {
    const { dim, ...how } = attrs as { dim: number; descending: boolean; stable: boolean };
    return [pickPerRow(x!, dim, x!.shape[dim]!, (row) => orderOf(row, how))];
  },
  "sort.top": ([x], attrs) => {
    const { dim, k, largest, sorted } = attrs as {
      dim: number;
      k: number;
      largest: boolean;
      sorted: boolean;
    };
    return [pickPerRow(x!, dim, k, (row) => topOf(row, k, largest, sorted))];
  },
  "sort.kth": ([x], attrs) => {
    const { dim, k } = attrs as { dim: number; k: number };
    const pick = (row: Keys): number[] => {
      const order = iota(row.length);
      const before = ascending(row);
      quickSelect(order, (i, j) => before(j, i), k - 1);
      return [order[k - 1]!];
    };
    return [pickPerRow(x!, dim, 1, pick)];
  },
  "sort.median": ([x], attrs) => {
    const { dim, ignoreNan } = attrs as { dim: number; ignoreNan: boolean };
    return [pickPerRow(x!, dim, 1, (row) => [medianOf(row, ignoreNan)])];
  },
  "sort.median_value": ([x], attrs) => {
    const { ignoreNan } = attrs as { ignoreNan: boolean };
    const at = medianOf(keysOf(x!), ignoreNan);
    return [x!.data.slice(at, at + 1) as HostArray];
  },
  "sort.mode": ([x], attrs) => {
    const { dim } = attrs as { dim: number };
    return [pickPerRow(x!, dim, 1, (row) => [modeOf(row)])];
  },
  "sort.search": ([sequence, values, sorter], attrs, [out]) => {
    const { right } = attrs as { right: boolean };
    const [row, wanted] = commonKeys(sequence!, values!);
    const length = sequence!.shape.at(-1)!;
    const perRow = sequence!.shape.length === 1 ? wanted.length : (values!.shape.at(-1) ?? 1);
    const order = sorter?.data as BigInt64Array | undefined;
    const result = allocate(out!.dtype, wanted.length);
    for (let i = 0; i < wanted.length; i++) {
      const from = Math.floor(i / perRow) * length;
      const place = order ? (j: number): number => from + Number(order[j]) : (j: number): number => j;
      const at = search(row, place, from, from + length, wanted[i]!, right);
      if (result instanceof BigInt64Array) result[i] = BigInt(at);
      else result[i] = at;
    }
    return [result];
  },
};
