import { RuntimeError } from "../errors.js";
import type { GradNode } from "./node.js";
import type { Tensor } from "../tensor/tensor.js";
import { typeString } from "../tensor/typenames.js";

/** What was saved for backward is asked for a second time. */
export function freed(): RuntimeError {
  return new RuntimeError(
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already " +
      "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). " +
      "Specify retainGraph: true if you need to backward through the graph a second time or if you need to access " +
      "saved tensors after calling backward.",
  );
}

/** What was saved for backward has been written over since. */
export function modified(t: Tensor, expected: number, maker: GradNode | null = t.gradFn): RuntimeError {
  const made = maker ? `, which is output ${String(t._outputIndex)} of ${maker.name()},` : "";
  return new RuntimeError(
    "one of the variables needed for gradient computation has been modified by an inplace operation: " +
      `[${typeString(t.dtype)} [${t._shape.join(", ")}]]${made} is at version ${String(t._versions.value)}; expected ` +
      `version ${String(expected)} instead. Hint: enable anomaly detection to find the operation that failed to compute ` +
      "its gradient, with torch.autograd.setDetectAnomaly(true).",
  );
}
