import type { Meta } from "../graph/value.js";
import { GradNode } from "./node.js";
import type { Tensor } from "../tensor/tensor.js";
import { isGradEnabled } from "./mode.js";

/** The end of backward at a leaf: adds to its `grad`. */
export class AccumulateGrad extends GradNode {
  readonly variable: Tensor;
  /** What the leaf was when its gradients were first asked for. */
  readonly #meta: Meta;

  constructor(variable: Tensor) {
    // As soon as its gradient is complete.
    super([], 1, Infinity);
    this.variable = variable;
    this.#meta = { shape: variable._shape, dtype: variable.dtype };
  }

  name(): string {
    return "AccumulateGrad";
  }

  override outputMeta(): Meta {
    return this.#meta;
  }

  apply(grads: readonly (Tensor | null)[]): readonly never[] {
    const grad = grads[0];
    if (!grad) return [];
    const leaf = this.variable;
    // It may have been detached since the graph was made.
    if (!leaf.requiresGrad) return [];
    const old = leaf._grad;
    if (!old) {
      // A tensor of its own, never the one a user gave; under createGraph it keeps its history.
      leaf._grad = isGradEnabled() ? grad.clone() : grad._fresh();
      leaf._grad._touchedRows = grad._touchedRows;
    } else if (isGradEnabled()) {
      leaf._grad = sumGradients(old, grad);
    } else {
      old._touchedRows = touchedBy(old, grad);
      old.add_(grad);
    }
    return [];
  }
}

/** a + b; sparse when both are. */
export function sumGradients(a: Tensor, b: Tensor): Tensor {
  const sum = a.add(b);
  sum._touchedRows = touchedBy(a, b);
  return sum;
}

function touchedBy(a: Tensor, b: Tensor): Tensor | null {
  return a._touchedRows && b._touchedRows && a._touchedRows.logicalOr(b._touchedRows);
}
