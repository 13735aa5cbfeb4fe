/** Parameters as one vector. @see https://pytorch.org/docs/stable/nn.html#utilities */
import { noGrad } from "../../autograd/mode.js";
import { RuntimeError } from "../../errors.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";

/** All parameters one behind another. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.parameters_to_vector.html */
export function parametersToVector(parameters: Iterable<Tensor>): Tensor {
  return torch.cat(Array.from(parameters, (p) => p.reshape(-1)));
}

/**
 * Writes the parts of a vector over the parameters.
 * @throws RuntimeError for a vector that is too short.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.vector_to_parameters.html
 */
export function vectorToParameters(vec: Tensor, parameters: Iterable<Tensor>): void {
  const list = [...parameters];
  const needed = list.reduce((n, p) => n + p.numel(), 0);
  if (vec.ndim !== 1 || vec.numel() < needed) {
    throw new RuntimeError(
      `parameters of ${String(needed)} elements cannot be taken from a vector of shape [${vec.shape.join(", ")}]`,
    );
  }
  noGrad(() => {
    let at = 0;
    for (const p of list) {
      p.detach().copy_(vec.detach().narrow(0, at, p.numel()).reshape(p.shape));
      at += p.numel();
    }
  });
}
