import { GradNode } from "./node.js";
import type { Tensor } from "../tensor/tensor.js";
import { isGradEnabled } from "./mode.js";

/** The end of backward at a leaf: adds to its `grad`. */
export class AccumulateGrad extends GradNode {
  readonly name = "AccumulateGrad";
  readonly variable: Tensor;

  constructor(variable: Tensor) {
    super([], 1);
    this.variable = variable;
  }

  apply(grads: readonly (Tensor | null)[]): readonly never[] {
    const grad = grads[0];
    if (!grad) return [];
    const leaf = this.variable;
    const old = leaf._grad;
    if (!old) {
      // Under createGraph the gradient keeps its history, else it is a tensor of its own.
      leaf._grad = isGradEnabled() ? grad : grad._fresh();
    } else if (isGradEnabled()) {
      leaf._grad = old.add(grad);
    } else {
      old.add_(grad);
    }
    return [];
  }
}
