import { RuntimeError } from "../errors.js";
import type { Meta } from "../graph/value.js";
import { sumTo } from "../ops/apply.js";
import { castTo } from "../ops/convert.js";
import type { Tensor } from "../tensor/tensor.js";
import type { GradNode } from "./node.js";

/** Whether a tensor of shape `from` broadcasts to `to`. */
function expandsTo(from: readonly number[], to: readonly number[]): boolean {
  const lead = to.length - from.length;
  return lead >= 0 && from.every((d, i) => d === 1 || d === to[lead + i]);
}

/**
 * What a user's backward returned, as gradients of the inputs: summed where the input was broadcast, converted to its
 * dtype.
 * @throws RuntimeError when a shape does not fit.
 */
export function conform(
  node: GradNode,
  grads: readonly (Tensor | null | undefined)[],
  metas: readonly (Meta | null)[],
): readonly (Tensor | null)[] {
  return metas.map((meta, i) => {
    const grad = grads[i];
    if (!meta || !grad || !node.next[i]) return null;
    let fitted = grad;
    if (grad._shape.join() !== meta.shape.join()) {
      if (!expandsTo(meta.shape, grad._shape)) {
        throw new RuntimeError(
          `Function ${node.name()} returned an invalid gradient at index ${String(i)} - got [${grad._shape.join(", ")}] ` +
            `but expected shape compatible with [${meta.shape.join(", ")}]`,
        );
      }
      fitted = sumTo(grad, meta.shape);
    }
    return castTo(fitted, meta.dtype);
  });
}
