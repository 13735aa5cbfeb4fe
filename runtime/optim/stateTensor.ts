import { encode, fromData } from "../ops/leaf.js";
import { allocate } from "../tensor/dtype.js";
import { numel } from "../tensor/strides.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * State of a parameter, on its device. Optimizer state starts as data, not as a constant of the graph: step 1 and step 1000 are then the same plan.
 */
export function stateTensor(p: Tensor, fill = 0, shape: readonly number[] = p._shape): Tensor {
  const { dtype, device } = p;
  const n = numel(shape);
  if (fill === 0) return fromData(allocate(dtype.name, n), [...shape], dtype, device);
  return fromData(encode(new Array<number>(n).fill(fill), dtype), [...shape], dtype, device);
}
