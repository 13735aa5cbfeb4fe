/** Orthonormal columns, for initialisation. */
import type { Attrs } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { primitive } from "./record.js";

const orthonormalPrimitive = primitive<Attrs>({
  name: "orthonormal",
  infer: ([a]) => ({ shape: a!.shape, dtype: a!.dtype }),
  grad: null,
  host: "orthonormal",
});

/** Q of A = Q R with R's diagonal positive, for A `[rows, columns]`, float32 or float64, rows ≥ columns. */
export function orthonormal(a: Tensor): Tensor {
  return apply(orthonormalPrimitive, [a], {});
}
