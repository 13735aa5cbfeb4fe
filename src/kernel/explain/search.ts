/** Remedies for failures of any kind: what people do to tensors when sizes do not fit. Each is tried before it is offered. */
import { convert, type Remedy } from "./explanation.js";
import type { Failing } from "./failing.js";

export function anything(failing: Failing): Remedy[] {
  const tensors = failing.inputs.filter((tensor) => failing.expressionOf(tensor) !== undefined);
  const remedies: Remedy[] = [];
  for (const tensor of tensors.slice(0, 2)) {
    if (tensor.ndim > 2) remedies.push(...convert(tensor, "flatten(1)"));
    remedies.push(...convert(tensor, "unsqueeze(0)"));
    const single = tensor.shape.indexOf(1, 1);
    if (single > 0) remedies.push(...convert(tensor, `squeeze(${single})`));
    if (tensor.ndim > 1) remedies.push(...convert(tensor, "transpose(-2, -1)"));
    if (!tensor.dtype.isFloatingPoint) remedies.push(...convert(tensor, "float()"));
  }
  return remedies;
}
