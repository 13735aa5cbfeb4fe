import type { Tensor } from "../../tensor/tensor.js";

/** All elements of a tensor, row by row. */
export function numbersOf(t: Tensor): Float64Array {
  return Float64Array.from(t.detach().reshape([-1]).tolist() as (number | bigint | boolean)[], Number);
}
