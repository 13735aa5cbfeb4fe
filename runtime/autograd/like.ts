import { onDevice } from "../ops/depth.js";
import { constant } from "../ops/promote.js";
import { expandTo } from "../ops/view.js";
import type { Tensor } from "../tensor/tensor.js";

/** One number in the shape and dtype of a tensor, where that is. */
export const constantLike = (t: Tensor, value: number): Tensor =>
  onDevice(t.device, () => expandTo(constant(value, t.dtype), t._shape));
