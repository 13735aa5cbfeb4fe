/** Checks of index values. */
import { IndexError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import type { Tensor } from "../tensor/tensor.js";

type Complaint = (index: number) => Error;

/**
 * Refuses positions outside of [low, size) where the indices are numbers at hand: at the call, before anything runs.
 * Computed ones are refused when they are used.
 */
export function checkBounds(index: Tensor, low: number, size: number, complaint: Complaint): void {
  const { source } = index._value;
  if (source.kind !== "host") return;
  for (const v of source.data) {
    const i = Number(v);
    if (i < low || i >= size) throw complaint(i);
  }
}

/** `index 5 is out of bounds for dimension 0 with size 3` */
export function outOfBounds(
  dim: number,
  size: number,
  make: (message: string) => Error = (m) => new IndexError(m),
): Complaint {
  return (i) =>
    make(`index ${String(i)} is out of bounds for dimension ${String(dim)} with size ${String(size)}`);
}

/**
 * Indices that ONNX Runtime refuses when they are negative, as PyTorch does; its own kernels would count them from the
 * end.
 */
export function nonNegative(b: Builder, index: Ref): Ref {
  const negative = b.node("Less", [index, b.scalar(0, "int64")], undefined, "bool");
  return b.node("Where", [negative, b.scalar(2n ** 62n, "int64"), index], undefined, "int64", index.shape);
}
