/** Gradients kept within bounds. @see https://pytorch.org/docs/stable/nn.html#utilities */
import { noGrad } from "../../autograd/mode.js";
import { RuntimeError } from "../../errors.js";
import type { CallArgs } from "../../ops/schema.js";
import { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import { bound } from "../arguments.js";

/** One tensor, or several. */
export type Tensors = Tensor | Iterable<Tensor>;

export function gradsOf(parameters: Tensors): Tensor[] {
  const list = parameters instanceof Tensor ? [parameters] : [...parameters];
  return list.flatMap((p) => (p.grad ? [p.grad.detach()] : []));
}

const clip =
  "clip_grad_norm_(float max_norm, float norm_type=2.0, bool error_if_nonfinite=False, any foreach=None) -> any";

/**
 * Scales the gradients so that their norm, taken over all of them, is at most `maxNorm`. Inside a training step nothing
 * is read.
 * @returns the norm before.
 * @throws RuntimeError for a norm that is not finite, with `errorIfNonfinite`, which reads it.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
 */
export function clipGradNorm_(parameters: Tensors, ...args: CallArgs<typeof clip>): Tensor {
  const { maxNorm, normType, errorIfNonfinite } = bound(clip, args);
  return noGrad(() => {
    const grads = gradsOf(parameters);
    if (grads.length === 0) return torch.tensor(0, { dtype: torch.float32 });
    const norms = torch.stack(grads.map((g) => normOf(g, normType)));
    const total = normOf(norms, normType);
    if (errorIfNonfinite && !Number.isFinite(total.item())) {
      throw new RuntimeError(
        `The total norm of order ${String(normType)} for gradients from \`parameters\` is non-finite, so it cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, set \`errorIfNonfinite: false\``,
      );
    }
    const scale = torch
      .tensor(maxNorm, { dtype: total.dtype, device: total.device })
      .div(total.add(1e-6))
      .clamp({ max: 1 });
    for (const g of grads) g.mul_(scale.to(g.dtype));
    return total;
  });
}

function normOf(t: Tensor, p: number): Tensor {
  if (p === Infinity) return t.abs().max();
  if (p === 2) return t.square().sum().sqrt();
  return torch.norm(t, p) as Tensor;
}

/** Clamps every element of the gradients to ±`clipValue`. @see https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html */
export function clipGradValue_(parameters: Tensors, clipValue: number): void {
  noGrad(() => {
    for (const g of gradsOf(parameters)) g.clamp_({ min: -clipValue, max: clipValue });
  });
}
