import { encode, fromData } from "../ops/leaf.js";
import { allocate, type DType } from "../tensor/dtype.js";
import { numel } from "../tensor/strides.js";
import type { Tensor } from "../tensor/tensor.js";

/** Optimizer state starts as data, not as a constant of the graph: step 1 and step 1000 are then the same plan. */
export function stateTensor(shape: readonly number[], dtype: DType, fill = 0): Tensor {
  const n = numel(shape);
  if (fill === 0) return fromData(allocate(dtype.name, n), [...shape], dtype);
  return fromData(encode(new Array<number>(n).fill(fill), dtype), [...shape], dtype);
}
