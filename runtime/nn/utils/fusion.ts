/** Batch normalisation folded into the layer before it. @see https://pytorch.org/docs/stable/nn.html#utilities */
import { AssertionError } from "../../errors.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import { deepcopy } from "../deepcopy.js";
import type { Module } from "../module.js";
import { Parameter } from "../parameter.js";

/** A layer with a weight and a bias. */
interface Layer extends Module {
  weight: Parameter;
  bias: Parameter | null;
}

/** A batch norm with running statistics. */
interface Norm extends Module {
  readonly runningMean: Tensor | null;
  readonly runningVar: Tensor | null;
  readonly eps: number;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
}

type Fused = [weight: Parameter, bias: Parameter];

/** W' = W · γ/√(σ² + ε) along `axis`, b' = (b − μ) · γ/√(σ² + ε) + β. */
function fold(
  weight: Tensor,
  bias: Tensor | null,
  axis: number,
  mean: Tensor,
  variance: Tensor,
  eps: number,
  gamma: Tensor | null,
  beta: Tensor | null,
): Fused {
  const inverse = torch.rsqrt(variance.add(eps));
  const scale = gamma ? gamma.mul(inverse) : inverse;
  const shape = weight.shape.map((_, i) => (i === axis ? -1 : 1));
  const shifted = (bias ?? torch.zerosLike(mean)).sub(mean).mul(scale);
  const w = weight.mul(scale.reshape(shape)).detach();
  return [new Parameter(w), new Parameter((beta ? shifted.add(beta) : shifted).detach())];
}

/** Weight and bias of a convolution and the batch norm behind it, as one convolution's. */
export function fuseConvBnWeights(
  convW: Tensor,
  convB: Tensor | null,
  bnRm: Tensor,
  bnRv: Tensor,
  bnEps: number,
  bnW: Tensor | null,
  bnB: Tensor | null,
  transpose = false,
): Fused {
  return fold(convW, convB, transpose ? 1 : 0, bnRm, bnRv, bnEps, bnW, bnB);
}

/** Weight and bias of a linear layer and the batch norm behind it, as one linear layer's. */
export function fuseLinearBnWeights(
  linearW: Tensor,
  linearB: Tensor | null,
  bnRm: Tensor,
  bnRv: Tensor,
  bnEps: number,
  bnW: Tensor | null,
  bnB: Tensor | null,
): Fused {
  return fold(linearW, linearB, 0, bnRm, bnRv, bnEps, bnW, bnB);
}

function fused<L extends Module>(layer: L, bn: Norm, axis: number): L {
  if (layer.training || bn.training) {
    throw new AssertionError("batch norm can be folded in only in evaluation mode: call eval() on both");
  }
  if (!bn.runningMean || !bn.runningVar) {
    throw new AssertionError("a batch norm without running statistics cannot be folded in");
  }
  const made = deepcopy(layer) as L & Layer;
  [made.weight, made.bias] = fold(
    made.weight,
    made.bias,
    axis,
    bn.runningMean,
    bn.runningVar,
    bn.eps,
    bn.weight,
    bn.bias,
  );
  return made;
}

/**
 * A convolution that does what `conv` and then `bn` do, both in evaluation mode; with `transpose`, of a transposed one.
 * @throws AssertionError in training mode.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_eval.html
 */
export function fuseConvBnEval<C extends Module>(conv: C, bn: Norm, transpose = false): C {
  return fused(conv, bn, transpose ? 1 : 0);
}

/**
 * A linear layer that does what `linear` and then `bn` do, both in evaluation mode.
 * @throws AssertionError in training mode.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.fuse_linear_bn_eval.html
 */
export function fuseLinearBnEval<L extends Module>(linear: L, bn: Norm): L {
  return fused(linear, bn, 0);
}
