import { RuntimeError } from "../../errors.js";
import { floats } from "./floats.js";
import type { HostKernel } from "./index.js";

/** The bag of every index by the offsets where bags start, and how many indices count in each. */
const bags: HostKernel = ([index, offsets], attrs) => {
  const { rows, bags: count, padding } = attrs as { rows: number; bags: number; padding: number };
  const indices = index!.data as BigInt64Array;
  const starts = Array.from(offsets!.data as BigInt64Array, Number);
  if (starts.length > 0 && starts[0] !== 0) {
    throw new RuntimeError(
      `offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got ${String(starts[0])}`,
    );
  }
  const last = starts.at(-1) ?? 0;
  if (last > indices.length) {
    throw new RuntimeError(
      `offsets[-1] can not be greater than input's length ${String(indices.length)} but got offsets[-1] of ${String(last)}`,
    );
  }
  // With the end of the last bag among the offsets, there is one more of them than bags.
  const ends = starts.length > count ? starts.slice(1) : [...starts.slice(1), indices.length];
  const bag = new BigInt64Array(indices.length).fill(BigInt(count));
  const sizes = new BigInt64Array(count);
  for (let b = 0; b < count; b++) {
    if (ends[b]! < starts[b]!) {
      throw new RuntimeError(
        `offsets must not fall, but offsets[${String(b + 1)}] is ${String(ends[b])} after ${String(starts[b])}`,
      );
    }
    for (let i = starts[b]!; i < ends[b]!; i++) {
      const row = Number(indices[i]);
      if (row < 0 || row >= rows) {
        throw new RuntimeError(
          `Index ${String(i)} is out of bounds: ${String(row)}, range 0 to ${String(rows)}`,
        );
      }
      if (row === padding) continue;
      bag[i] = BigInt(b);
      sizes[b]!++;
    }
  }
  return [bag, sizes];
};

/** The row of the largest element of every bag, column by column. */
const max: HostKernel = ([weight, index, bag], attrs) => {
  const { bags: count } = attrs as { bags: number };
  const w = floats(weight!);
  const width = weight!.shape[1]!;
  const indices = index!.data as BigInt64Array;
  const places = bag!.data as BigInt64Array;
  const rows = new BigInt64Array(count * width).fill(-1n);
  for (let i = 0; i < indices.length; i++) {
    const b = Number(places[i]);
    if (b === count) continue;
    for (let c = 0; c < width; c++) {
      const best = rows[b * width + c]!;
      const row = indices[i]!;
      if (best < 0n || w[Number(row) * width + c]! > w[Number(best) * width + c]!) rows[b * width + c] = row;
    }
  }
  return [rows];
};

export const bagKernels: Readonly<Record<string, HostKernel>> = {
  "embedding_bag.bags": bags,
  "embedding_bag.max": max,
};
